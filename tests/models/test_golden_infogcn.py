"""InfoGCN against numbers printed by its own repository, with weights in that repository's format."""

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import load_weights
from pyskl.engine.checkpoints.foreign import to_ours
from pyskl.models import build_model
from tests.golden import fill, keypoints, released_state

NAMES = {
    'infogcn_ntu60_k1': {'graph_cfg': {'layout': 'nturgb+d'}},
    'infogcn_nwucla_k1': {'graph_cfg': {'layout': 'nw-ucla'}, 'tree': 'descendants', 'num_person': 1},
}


def network(name):
    """Our network with those weights in float64, the input, facts and arrays."""
    state, arrays, facts = released_state(name)
    classes = facts['model']['num_class']
    head = {'type': 'InfoGCNHead', 'num_classes': classes, 'in_channels': 256, 'noise_ratio': 0.0}
    backbone = {'type': 'InfoGCN', 'k': 1, **NAMES[name]}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    notes = load_weights(model, {'state_dict': state}, 'runs-110-1.pt')
    assert notes[0].startswith("InfoGCN's own repository")
    model.cls_head.z_prior.copy_(torch.from_numpy(fill('z_prior', (classes, 256))))
    x = keypoints(*(facts['input']['keypoint'][axis] for axis in (0, 2, 3, 4, 5)))[:, None]
    return model.double(), x.double(), facts, arrays


def under_their_names(model, facts):
    """Our key -> theirs."""
    theirs = {key: torch.tensor(i) for i, key in enumerate(facts['state_dict'])}
    theirs['decoder.weight'] = torch.zeros(2, 2)
    number = list(theirs).index('decoder.weight')
    renamed = to_ours(theirs)
    names = list(facts['state_dict'])
    return {key: names[int(v) if v.ndim == 0 else number] for key, v in renamed.items() if not key.endswith('z_prior')}


@pytest.mark.parametrize('name', NAMES)
def test_keys_parameters_and_the_first_mode_are_the_published_ones(name):
    model, _, facts, arrays = network(name)
    state = model.state_dict()
    theirs = under_their_names(model, facts)
    assert {theirs[key]: list(v.shape) for key, v in state.items() if key in theirs} == facts['state_dict']
    assert set(state) - set(theirs) == {'cls_head.z_prior'}
    assert sum(p.numel() for p in model.parameters()) == facts['parameters']
    assert np.array_equal(model.backbone.A_vector.numpy(), arrays['A_vector'])


@pytest.mark.parametrize('name', NAMES)
def test_initial_topologies_are_the_published_ones(name):
    _, arrays, facts = released_state(name)
    model = build_model({'type': 'InfoGCN', **NAMES[name]})
    for i, block in enumerate(model.net, 1):
        assert np.array_equal(block.agcn.shared_topology.detach(), arrays[f'keep:l{i}.agcn.shared_topology'])
    assert len(model.net) == len(facts['keep'])


@pytest.mark.parametrize('name', NAMES)
def test_latent_and_scores_in_evaluation_are_the_published_ones(name):
    model, x, _, arrays = network(name)
    model.eval()
    with torch.no_grad():
        z = model.cls_head.latent(model.cls_head.pool(model.extract_feat(x))).numpy()
        logits = model(keypoint=x).numpy()
        single = model.float()(keypoint=x.float()).numpy()
    assert np.abs(z - arrays['z']).max() <= 1e-5 * np.abs(arrays['z']).max()
    largest = np.abs(arrays['logits']).max()
    assert np.abs(logits - arrays['logits']).max() <= 1e-5 * largest
    assert np.abs(single - arrays['logits']).max() <= 1e-4 * largest


@pytest.mark.parametrize('name', NAMES)
def test_the_three_losses_and_every_gradient_are_the_published_ones(name):
    model, x, facts, _ = network(name)
    losses = model.train()(keypoint=x, label=torch.tensor(facts['labels'])[:, None], mode='loss')
    assert losses['loss_cls'].item() == pytest.approx(facts['loss_cls'], rel=1e-9)
    assert losses['loss_mmd'].item() == pytest.approx(0.1 * facts['loss_mmd'], rel=1e-9)
    assert losses['loss_l2'].item() == pytest.approx(1e-4 * facts['loss_l2'], rel=1e-9)
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert total.item() == pytest.approx(facts['loss_train'], rel=1e-9)
    total.backward()
    theirs = under_their_names(model, facts)
    norms = {theirs[key]: p.grad.norm().item() for key, p in model.named_parameters() if p.requires_grad}
    assert set(norms) == set(facts['grad_norm'])
    for key, norm in norms.items():  # the gradient of a bias before a BatchNorm is rounding only
        assert norm == pytest.approx(facts['grad_norm'][key], rel=1e-6, abs=1e-9), key
    assert sum(norm**2 for norm in norms.values()) ** 0.5 == pytest.approx(facts['total_grad_norm'], rel=1e-9)


def test_another_class_count_raises_and_missing_priors_are_generated():
    state, _, _ = released_state('infogcn_nwucla_k1')
    head = {'type': 'InfoGCNHead', 'num_classes': 12, 'in_channels': 256}
    backbone = {'type': 'InfoGCN', **NAMES['infogcn_nwucla_k1']}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    with pytest.raises(ValueError, match='10 classes in the file, 12 in the model'):
        load_weights(model, {'state_dict': state}, 'x.pt')
    priors = to_ours(state)['cls_head.z_prior']
    assert torch.allclose(priors @ priors.T, 9 * torch.eye(10), atol=1e-5)
    assert torch.equal(priors, to_ours(state)['cls_head.z_prior'])
