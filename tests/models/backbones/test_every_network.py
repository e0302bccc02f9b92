"""What holds for each of the graph networks, whatever its paper."""

import copy
import pickle

import pytest
import torch

from pyskl.models import build_model
from pyskl.skeletons import SKELETONS
from tests.golden import fill_weights, keypoints

PLAN = {'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}
NETWORKS = {
    'AAGCN': {'graph_cfg': {'mode': 'spatial'}, 'base_channels': 8, **PLAN},
    'CTRGCN': {'graph_cfg': {'mode': 'spatial'}, 'base_channels': 16, **PLAN},
    'CTRGCN-original': {'graph_cfg': {'mode': 'spatial'}, 'base_channels': 16, 'variant': 'original', **PLAN},
    'MSG3D': {'graph_cfg': {'mode': 'binary_adj'}, 'base_channels': 12, 'num_gcn_scales': 4, 'num_g3d_scales': 3},
    'DGSTGCN': {'graph_cfg': {'mode': 'random', 'num_filter': 4}, 'base_channels': 8, **PLAN},
    'SGN': {'base_channels': 4, 'T': 10},
}
WIDTHS = {'MSG3D': 48, 'SGN': 32, 'CTRGCN': 32, 'CTRGCN-original': 32}


def network(name, layout='coco', channels=3, classes=6):
    """A small one, all of whose weights differ from the first ones (some of which hide a part: they are zero)."""
    backbone = {'type': name.split('-')[0], 'in_channels': channels, **copy.deepcopy(NETWORKS[name])}
    if name == 'SGN':
        backbone['num_joints'] = SKELETONS[layout].num_joints
    else:
        backbone['graph_cfg']['layout'] = layout
    head = {'type': 'GCNHead', 'num_classes': classes, 'in_channels': WIDTHS.get(name, 16)}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    fill_weights(model, [key for key in model.state_dict() if key.endswith('.A')])
    return model


def clips(n=5, layout='coco', channels=3):
    return keypoints(n, 2, 10, SKELETONS[layout].num_joints, channels)[:, None]


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_a_clip_scores_the_same_alone_and_in_a_batch_of_five(name):
    model, x = network(name).eval(), clips()
    x[3, :, 1] = 0
    together, alone = model(keypoint=x), torch.cat([model(keypoint=row[None]) for row in x])
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    assert (together[0] - together[1]).abs().max() > 1e-3 * together.abs().max()


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_absent_persons_are_computed_once_a_place_and_score_the_same(name):
    model, x = network(name).eval(), clips()
    x[:, :, 1] = 0
    x[2, :, 0] = 0
    rows = []
    encode = model.backbone.encode
    model.backbone.encode = lambda x: rows.append(len(x)) or encode(x)
    together, alone = model(keypoint=x), torch.cat([model(keypoint=row[None]) for row in x])
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    norms = model.backbone.num_person if getattr(model.backbone, 'data_bn_type', None) == 'MVC' else 1
    assert rows[0] == 4 + norms  # of ten, six of which are absent


@pytest.mark.parametrize('layout', SKELETONS)
@pytest.mark.parametrize('name', NETWORKS)
def test_every_skeleton_trains(name, layout):
    channels = SKELETONS[layout].dims
    model = network(name, layout, channels)
    model(keypoint=clips(2, layout, channels), label=torch.tensor([1, 3]), mode='loss')['loss_cls'].backward()
    without = {key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    assert not without


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_copies_and_pickles_score_the_same_and_evaluation_changes_nothing(name):
    model, x = network(name).eval(), clips(2)
    before = copy.deepcopy(model.state_dict())
    scores = model(keypoint=x)
    assert torch.equal(scores, copy.deepcopy(model)(keypoint=x))
    assert torch.equal(scores, pickle.loads(pickle.dumps(model))(keypoint=x))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize('name', NETWORKS)
def test_bf16_is_near_float32(name):
    model, x = network(name).eval(), clips(4)
    with torch.no_grad():
        exact = model(keypoint=x)
        with torch.autocast('cpu', torch.bfloat16):
            near = model(keypoint=x)
    assert near.dtype == torch.float32
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.train()(keypoint=x, label=torch.arange(4), mode='loss')['loss_cls']
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_compiled_networks_train_and_score_as_plain_ones(name):
    torch._dynamo.reset()
    plain = network(name)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    traced = copy.deepcopy(plain)
    x, label = clips(4), torch.arange(4)
    for call in (plain, torch.compile(traced, backend='aot_eager')):
        call(keypoint=x, label=label, mode='loss')['loss_cls'].backward()
    for (key, one), other in zip(plain.named_parameters(), traced.parameters(), strict=True):
        assert (one.grad - other.grad).norm() < 1e-3 * one.grad.norm() + 1e-5, key
    with torch.no_grad():
        scores = plain.eval()(keypoint=x)
        assert torch.allclose(scores, torch.compile(traced.eval(), backend='aot_eager')(keypoint=x), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['AAGCN', 'CTRGCN', 'CTRGCN-original', 'MSG3D'])
@torch.no_grad()
def test_exported_networks_score_as_plain_ones(name):
    model, x = network(name).eval(), clips(2)
    assert torch.allclose(torch.export.export(model, (x,)).module()(x), model(x), rtol=1e-4, atol=1e-6)


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


@pytest.mark.parametrize('name', ['AAGCN', 'CTRGCN', 'MSG3D', 'DGSTGCN'])
def test_other_joints_or_channels_than_the_networks_are_named(name):
    for layout, channels in (('handmp', 3), ('coco', 2)):
        with pytest.raises(ValueError, match='graph_cfg.layout has V=17 joints and backbone.in_channels is C=3'):
            network(name)(keypoint=clips(1, layout, channels))


@pytest.mark.parametrize('name', ['AAGCN', 'CTRGCN', 'MSG3D'])
def test_other_persons_than_the_norms_are_named(name):
    with pytest.raises(ValueError, match='keypoint holds M=1 persons, backbone.num_person is 2'):
        network(name)(keypoint=clips(1)[:, :, :1])
