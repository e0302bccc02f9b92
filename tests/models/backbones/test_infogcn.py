import copy
import pickle

import pytest
import torch

from pyskl.models import build_model
from pyskl.models.backbones.infogcn import k_mode_matrix, rooted_parents
from pyskl.skeletons import SKELETONS, get_skeleton
from tests.golden import fill_weights, keypoints

ARM = {'joints': ['hip', 'neck', 'elbow', 'hand'], 'edges': [('neck', 'hip'), ('elbow', 'neck'), ('hand', 'elbow')]}


def network(layout='coco', channels=3, **more):
    backbone = {'type': 'InfoGCN', 'graph_cfg': {'layout': layout}, 'in_channels': channels, 'base_channels': 8, **more}
    head = {'type': 'InfoGCNHead', 'num_classes': 6, 'in_channels': 32}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    fill_weights(model, [key for key in model.state_dict() if 'shared_topology' in key])
    return model


def clips(n=5, joints=17, channels=3):
    return keypoints(n, 2, 10, joints, channels)[:, None]


@pytest.mark.parametrize(
    ('k', 'moved'), [(1, [0, 1, 2, 4]), (2, [0, 1, 3, 6]), (3, [0, 1, 3, 7]), (4, [0, 1, 3, 7]), (10**9, [0, 1, 3, 7])]
)
def test_a_joint_loses_its_k_th_ancestor_where_it_has_one(k, moved):
    assert (k_mode_matrix(get_skeleton(ARM), k) @ torch.tensor([0.0, 1, 3, 7])).tolist() == moved


def test_descendants_are_what_the_released_code_takes_from_a_joint_of_nw_ucla():
    x = torch.arange(20.0) ** 2
    moved = k_mode_matrix(get_skeleton('nw-ucla'), 1, 'descendants') @ x
    assert moved[2] == x[2] - x[1] - x[3] - x[4] - x[8]
    assert moved[0] == x[0] - x[12] - x[16]
    assert moved[19] == x[19]


@pytest.mark.parametrize(('layout', 'k', 'raw'), [('nturgb+d', 7, False), ('nturgb+d', 8, True), ('nw-ucla', 7, True)])
def test_modes_as_deep_as_the_tree_are_the_joints_themselves(layout, k, raw):
    skeleton = get_skeleton(layout)
    tree = 'descendants' if layout == 'nw-ucla' else 'ancestors'
    assert torch.equal(k_mode_matrix(skeleton, k, tree), torch.eye(skeleton.num_joints)) == raw


def test_the_tree_is_turned_to_the_root_and_nothing_else():
    arm = get_skeleton(ARM)
    assert rooted_parents(arm, 0) == [-1, 0, 1, 2]
    assert rooted_parents(arm, 2) == [1, 2, -1, 2]


@pytest.mark.parametrize('layout', SKELETONS)
def test_first_mode_sums_to_zero_everywhere_but_at_one_root(layout):
    skeleton = get_skeleton(layout)
    sums = k_mode_matrix(skeleton, 1).sum(1)
    assert sums[skeleton.origin] == 1
    assert sums.sum() == 1


@pytest.mark.parametrize(
    ('changed', 'said'),
    [
        ({'k': 0}, 'backbone.k must be a positive integer, got 0; 0 would erase the input'),
        ({'k': True}, 'backbone.k must be a positive integer, got True'),
        ({'tree': 'up'}, "unknown backbone.tree 'up'"),
        ({'base_channels': 4}, 'backbone.base_channels must be at least 8, got 4'),
        ({'num_heads': 0}, 'backbone.num_heads must be a positive integer, got 0'),
        ({'layout': {**ARM, 'bones': [(0, 1), (1, 0)]}}, 'its bones run in a circle'),
    ],
)
def test_what_does_not_do_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        network(**changed)


@pytest.mark.parametrize('layout', SKELETONS)
def test_every_skeleton_trains(layout):
    channels = SKELETONS[layout].dims
    model = network(layout, channels)
    x = clips(2, SKELETONS[layout].num_joints, channels)
    losses = model(keypoint=x, label=torch.tensor([1, 3]), mode='loss')
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    without = {key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    assert not without


@torch.no_grad()
def test_a_clip_scores_the_same_alone_in_a_batch_copied_and_pickled():
    model, x = network().eval(), clips()
    x[3, :, 1] = 0
    together, alone = model(keypoint=x), torch.cat([model(keypoint=row[None]) for row in x])
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    assert (together[0] - together[1]).abs().max() > 1e-3 * together.abs().max()
    assert torch.equal(together, copy.deepcopy(model)(keypoint=x))
    assert torch.equal(together, pickle.loads(pickle.dumps(model))(keypoint=x))


def test_bf16_is_near_float32_and_trains():
    model, x = network().eval(), clips(4)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        near = model(keypoint=x)
    exact = model(keypoint=x)
    assert near.dtype == torch.float32
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.train()(keypoint=x, label=torch.arange(4), mode='loss')
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_persons_and_joints_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match='keypoint holds M=1 persons, backbone.num_person is 2'):
        network()(keypoint=clips(1)[:, :, :1])
    with pytest.raises(ValueError, match='graph_cfg.layout has V=17 joints and backbone.in_channels is C=3'):
        network()(keypoint=clips(1, 20))


@pytest.mark.slow
def test_the_compiled_network_trains_and_scores_as_the_plain_one():
    torch._dynamo.reset()
    plain = network()
    plain.cls_head.noise_ratio = 0.0
    traced = copy.deepcopy(plain)
    x, label = clips(4), torch.arange(4)
    for call in (plain, torch.compile(traced, backend='aot_eager')):
        losses = call(keypoint=x, label=label, mode='loss')
        sum(value for key, value in losses.items() if 'loss' in key).backward()
    for (key, one), other in zip(plain.named_parameters(), traced.parameters(), strict=True):
        if one.grad is not None:
            assert (one.grad - other.grad).norm() < 1e-3 * one.grad.norm() + 1e-5, key
    with torch.no_grad():
        scores = plain.eval()(keypoint=x)
        assert torch.allclose(scores, torch.compile(traced.eval(), backend='aot_eager')(keypoint=x), rtol=1e-3)
