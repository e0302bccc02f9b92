"""Networks against numbers that the released code printed."""

import numpy as np
import pytest
import torch

from tests.golden import golden_model, load_golden

NAMES = [
    'ske2grid_d5',
    'ske2grid_d5tod6',
    'stgcn_coco',
    'stgcnpp_coco',
    'aagcn_coco',
    'ctrgcn_coco',
    'msg3d_coco',
    'dgstgcn_ntu60',
    'sgn_ntu60',
]


@pytest.mark.parametrize('name', NAMES)
def test_keys_shapes_and_stored_matrices_are_the_published_ones(name):
    model, _, _, facts, arrays = golden_model(name)
    state = model.state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == facts['state_dict']
    for key in facts['keep']:
        assert np.array_equal(state[key].float().numpy(), arrays[f'keep:{key}'].astype(np.float32)), key


@pytest.mark.parametrize('name', NAMES)
def test_parameters_and_buffers_are_those_published_except_index_sel(name):
    model, _, _, facts, _ = golden_model(name)
    index_sel = {key for key in facts['state_dict'] if key.endswith('index_sel')}  # a buffer here
    assert {key for key, _ in model.named_buffers() if key in facts['state_dict']} == set(facts['buffers']) | index_sel
    frozen = {key for key, p in model.named_parameters() if not p.requires_grad}
    assert frozen == set(facts['frozen']) - index_sel
    cells = sum(facts['state_dict'][key][0] for key in index_sel)
    assert sum(p.numel() for p in model.parameters()) == facts['parameters'] - cells


@pytest.mark.parametrize('name', NAMES)
def test_scores_in_evaluation_are_the_published_ones(name):
    model, keypoint, _, _, arrays = golden_model(name)
    model.eval()
    with torch.no_grad():
        logits = model(keypoint=keypoint).numpy()
        single = model.float()(keypoint=keypoint.float()).numpy()
    largest = np.abs(arrays['logits']).max()
    assert np.abs(logits - arrays['logits']).max() <= 1e-5 * largest
    assert np.abs(single - arrays['logits']).max() <= 1e-4 * largest


@pytest.mark.parametrize('name', NAMES)
def test_loss_and_every_gradient_in_training_are_the_published_ones(name):
    model, keypoint, label, facts, _ = golden_model(name)
    for module in model.train().modules():  # the numbers were printed without dropout
        module.train(not isinstance(module, torch.nn.Dropout))
    losses = model(keypoint=keypoint, label=label, mode='loss')
    losses['loss_cls'].backward()
    assert losses['loss_cls'].item() == pytest.approx(facts['loss_train'], rel=1e-9)
    norms = {key: p.grad.norm().item() for key, p in model.named_parameters() if p.requires_grad}
    assert set(norms) == set(facts['grad_norm'])
    for key, norm in norms.items():  # the gradient of a bias before a BatchNorm is rounding only
        assert norm == pytest.approx(facts['grad_norm'][key], rel=1e-6, abs=1e-10), key
    assert sum(norm**2 for norm in norms.values()) ** 0.5 == pytest.approx(facts['total_grad_norm'], rel=1e-9)


def test_a_golden_file_has_one_row_of_scores_per_sample():
    for name in NAMES:
        facts, arrays = load_golden(name)
        assert arrays['logits'].shape == (facts['input']['keypoint'][0], facts['model']['cls_head']['num_classes'])
