"""Properties of every network; those of traced networks are in test_every_network_traced.py."""

import copy
import pickle

import pytest
import torch

from pyskl.models import build_model
from pyskl.skeletons import SKELETONS
from tests.networks import GRAPHS, NETWORKS, inputs, network


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_a_clip_scores_the_same_alone_and_in_a_batch_of_five(name):
    model, x = network(name).eval(), inputs(name)
    ((key, clips),) = x.items()
    if key == 'keypoint':
        clips[3, :, 1] = 0
    together, alone = model(**x), torch.cat([model(**{key: row[None]}) for row in clips])
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    assert (together[0] - together[1]).abs().max() > 1e-3 * together.abs().max()


SLOW = ('MSG3D', 'CTRGCN', 'CTRGCN-original')


@pytest.mark.parametrize('name', GRAPHS)
@torch.no_grad()
def test_absent_persons_are_computed_once_per_norm_with_equal_scores(name):
    model, x = network(name).eval(), inputs(name)['keypoint']
    x[:, :, 1] = 0
    x[2, :, 0] = 0
    rows = []
    encode = model.backbone.encode
    model.backbone.encode = lambda x: rows.append(len(x)) or encode(x)
    together = model(keypoint=x)
    norms = model.backbone.num_person if getattr(model.backbone, 'data_bn_type', None) == 'MVC' else 1
    assert sum(rows) == 4 + norms  # of ten, six of which are absent
    alone = torch.cat([model(keypoint=row[None]) for row in x])  # absent persons from the cache
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    if norms == 1:
        assert sum(rows) == 4 + norms + 4


@pytest.mark.parametrize(
    ('name', 'layout'),
    # With 133 joints some networks take seconds.
    [(name, layout) for name in NETWORKS for layout in SKELETONS if layout != 'wholebody' or name not in SLOW],
)
def test_every_skeleton_trains(name, layout):
    channels = SKELETONS[layout].dims
    model = network(name, layout, channels)
    x = inputs(name, 2, layout, channels)
    losses = model(**x, label=torch.tensor([1, 3]), mode='loss')
    sum(value for key, value in losses.items() if key.startswith('loss')).backward()
    trained = {key: p.grad for key, p in model.named_parameters() if p.requires_grad}
    assert not {key for key, grad in trained.items() if grad is None or not grad.isfinite().all()}


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_copies_and_pickles_score_the_same_and_evaluation_changes_no_state(name):
    model, x = network(name).eval(), inputs(name, 2)
    before = copy.deepcopy(model.state_dict())
    scores = model(**x)
    assert torch.equal(scores, copy.deepcopy(model)(**x))
    assert torch.equal(scores, pickle.loads(pickle.dumps(model))(**x))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize('name', NETWORKS)
def test_bf16_scores_are_close_to_float32(name):
    model, x = network(name).eval(), inputs(name, 4)
    with torch.no_grad():
        exact = model(**x)
        with torch.autocast('cpu', torch.bfloat16):
            near = model(**x)
    assert near.dtype == torch.float32
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.train()(**x, label=torch.arange(4), mode='loss')['loss_cls']
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ('backbone', 'millions'),
    [
        ({'type': 'AAGCN', 'graph_cfg': {'layout': 'nturgb+d'}}, 3.782),
        ({'type': 'AAGCN', 'graph_cfg': {'layout': 'nturgb+d'}, 'gcn_attention': False}, 3.470),
        ({'type': 'CTRGCN', 'graph_cfg': {'layout': 'nturgb+d'}}, 1.447),
        ({'type': 'MSG3D', 'graph_cfg': {'layout': 'nturgb+d', 'mode': 'binary_adj'}}, 3.195),
    ],
)
def test_networks_have_the_published_number_of_parameters(backbone, millions):
    head = {'type': 'GCNHead', 'num_classes': 60, 'in_channels': 384 if backbone['type'] == 'MSG3D' else 256}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 3) == millions


@pytest.mark.parametrize('name', ['STGCN', 'AAGCN', 'CTRGCN', 'MSG3D', 'DGSTGCN', 'InfoGCN', 'Ske2Grid'])
def test_an_input_with_other_joints_or_channels_raises(name):
    for layout, channels in (('handmp', 3), ('coco', 2)):
        with pytest.raises(ValueError, match='graph_cfg.layout has V=17 joints and backbone.in_channels is C=3'):
            network(name)(**inputs(name, 1, layout, channels))


@pytest.mark.parametrize('name', ['AAGCN', 'CTRGCN', 'MSG3D', 'InfoGCN'])
def test_an_input_with_fewer_persons_than_num_person_raises(name):
    with pytest.raises(ValueError, match='keypoint holds M=1 persons, backbone.num_person is 2'):
        network(name)(keypoint=inputs(name, 1)['keypoint'][:, :, :1])
