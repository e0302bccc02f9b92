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
    ('k', 'expected'),
    [(1, [0, 1, 2, 4]), (2, [0, 1, 3, 6]), (3, [0, 1, 3, 7]), (4, [0, 1, 3, 7]), (10**9, [0, 1, 3, 7])],
)
def test_the_k_th_ancestor_is_subtracted_from_a_joint(k, expected):
    assert (k_mode_matrix(get_skeleton(ARM), k) @ torch.tensor([0.0, 1, 3, 7])).tolist() == expected


def test_with_descendants_the_children_are_subtracted_as_in_the_released_code():
    x = torch.arange(20.0) ** 2
    y = k_mode_matrix(get_skeleton('nw-ucla'), 1, 'descendants') @ x
    assert y[2] == x[2] - x[1] - x[3] - x[4] - x[8]
    assert y[0] == x[0] - x[12] - x[16]
    assert y[19] == x[19]


@pytest.mark.parametrize(('layout', 'k', 'raw'), [('nturgb+d', 7, False), ('nturgb+d', 8, True), ('nw-ucla', 7, True)])
def test_modes_beyond_the_depth_of_the_tree_are_the_identity(layout, k, raw):
    skeleton = get_skeleton(layout)
    tree = 'descendants' if layout == 'nw-ucla' else 'ancestors'
    assert torch.equal(k_mode_matrix(skeleton, k, tree), torch.eye(skeleton.num_joints)) == raw


def test_parents_are_taken_towards_the_given_root():
    arm = get_skeleton(ARM)
    assert rooted_parents(arm, 0) == [-1, 0, 1, 2]
    assert rooted_parents(arm, 2) == [1, 2, -1, 2]


@pytest.mark.parametrize('layout', SKELETONS)
def test_rows_of_the_first_mode_sum_to_zero_except_at_the_root(layout):
    skeleton = get_skeleton(layout)
    sums = k_mode_matrix(skeleton, 1).sum(1)
    assert sums[skeleton.origin] == 1
    assert sums.sum() == 1


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'k': 0}, 'backbone.k must be a positive integer, got 0; 0 would erase the input'),
        ({'k': True}, 'backbone.k must be a positive integer, got True'),
        ({'tree': 'up'}, "unknown backbone.tree 'up'"),
        ({'base_channels': 4}, 'backbone.base_channels must be at least 8, got 4'),
        ({'num_heads': 0}, 'backbone.num_heads must be a positive integer, got 0'),
        ({'layout': {**ARM, 'bones': [(0, 1), (1, 0)]}}, 'its bones run in a circle'),
    ],
)
def test_an_invalid_option_raises(changed, message):
    with pytest.raises(ValueError, match=message):
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
def test_a_clip_scores_the_same_alone_in_a_batch_and_in_a_copied_or_pickled_network():
    model, x = network().eval(), clips()
    x[3, :, 1] = 0
    together, alone = model(keypoint=x), torch.cat([model(keypoint=row[None]) for row in x])
    assert (together - alone).abs().max() < 1e-5 * together.abs().max()
    assert (together[0] - together[1]).abs().max() > 1e-3 * together.abs().max()
    assert torch.equal(together, copy.deepcopy(model)(keypoint=x))
    assert torch.equal(together, pickle.loads(pickle.dumps(model))(keypoint=x))


def test_bf16_scores_are_close_to_float32_and_bf16_trains():
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


def test_an_input_with_other_persons_or_joints_raises():
    with pytest.raises(ValueError, match='keypoint holds M=1 persons, backbone.num_person is 2'):
        network()(keypoint=clips(1)[:, :, :1])
    with pytest.raises(ValueError, match='graph_cfg.layout has V=17 joints and backbone.in_channels is C=3'):
        network()(keypoint=clips(1, 20))


@pytest.mark.slow
def test_the_compiled_network_trains_and_scores_like_the_eager_one():
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
