"""Recognizer3D on heatmap volumes, and on joints whose heatmaps it draws itself."""

import copy
import pickle

import pytest
import torch

from pyskl.models import build_model
from pyskl.models.heatmaps import pose_heatmaps

RESNET = {
    'type': 'ResNet3dSlowOnly', 'in_channels': 3, 'base_channels': 4, 'num_stages': 2, 'out_indices': [1],
    'stage_blocks': [1, 1], 'conv1_stride': [1, 1], 'pool1_stride': [1, 1], 'inflate': [0, 1],
    'spatial_strides': [2, 2], 'temporal_strides': [1, 2],
}  # fmt: skip
X3D = {
    'type': 'X3D', 'gamma_d': 1, 'in_channels': 3, 'base_channels': 8, 'num_stages': 2, 'stage_blocks': [1, 2],
    'spatial_strides': [2, 2],
}  # fmt: skip
C3D = {'type': 'C3D', 'in_channels': 3, 'base_channels': 4, 'num_stages': 3, 'temporal_downsample': False}
NETWORKS = {'slowonly': (RESNET, 32), 'x3d': (X3D, 36), 'c3d': (C3D, 32)}
SKELETON = {'joints': 3, 'edges': [(1, 0), (2, 1)], 'left': [0], 'right': [2]}
HEATMAPS = {'layout': SKELETON, 'train_size': 16, 'test_size': 16}


def network(name='slowonly', **options):
    torch.manual_seed(0)
    backbone, channels = copy.deepcopy(NETWORKS[name])
    head = {'type': 'I3DHead', 'num_classes': 6, 'in_channels': channels, 'dropout': 0}
    return build_model({'type': 'Recognizer3D', 'backbone': backbone, 'cls_head': head, **options})


@torch.no_grad()
def warmed(name='slowonly', **options):
    """A network in evaluation mode whose statistics and zero weights differ from the initial ones."""
    model = network(name, **options)
    for p in model.parameters():
        p.add_(0.05 * torch.randn_like(p))
    for _ in range(2):
        model.backbone(torch.rand(4, 3, 6, 16, 16))
    return model.eval()


def clips(n=2, s=1):
    torch.manual_seed(1)
    return torch.rand(n, s, 3, 6, 16, 16) * torch.rand(n, s, 3, 1, 1, 1)


def same(a, b):
    return torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_a_batch_of_five_scores_as_five_batches_of_one(name):
    model, imgs = warmed(name), clips(5)
    scores = model(imgs=imgs)
    assert same(scores, torch.cat([model(imgs=row[None]) for row in imgs]))
    assert scores.std(0).max() > 1e-3  # the clips differ


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_copies_and_pickles_score_the_same(name):
    model, imgs = warmed(name), clips()
    scores = model(imgs=imgs)
    assert torch.equal(scores, copy.deepcopy(model)(imgs=imgs))
    assert torch.equal(scores, pickle.loads(pickle.dumps(model))(imgs=imgs))


@pytest.mark.parametrize('name', NETWORKS)
def test_training_lowers_the_loss_and_gives_every_parameter_a_gradient(name):
    model, imgs, label = network(name), clips(6), torch.arange(6)[:, None]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = model(imgs=imgs, label=label, mode='loss')
        loss['loss_cls'].backward()
        assert not [key for key, p in model.named_parameters() if p.grad is None]
        optimizer.step()
        losses.append(loss['loss_cls'].item())
    assert set(loss) == {'loss_cls', 'top1_acc', 'top5_acc'}
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize('name', NETWORKS)
def test_bf16_scores_are_close_to_float32(name):
    model, imgs = warmed(name), clips()
    with torch.no_grad():
        exact = model(imgs=imgs)
        with torch.autocast('cpu', torch.bfloat16):
            near = model(imgs=imgs)
    assert near.dtype == torch.float32
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_compiled_networks_score_like_eager_ones(name):
    torch._dynamo.reset()
    model, imgs = warmed(name, heatmaps=HEATMAPS), joints()
    with torch.no_grad():
        assert same(torch.compile(model, backend='aot_eager')(keypoint=imgs), model(keypoint=imgs))


@torch.no_grad()
def test_views_are_averaged_by_average_clips_also_in_chunks():
    imgs = clips(2, 5)
    raw = warmed()(imgs=imgs)  # (10, K)
    for how, expected in (('prob', raw.softmax(1)), ('score', raw)):
        for most in (None, 1, 3, 20):
            model = warmed(test_cfg={'average_clips': how, 'max_testing_views': most})
            assert same(model(imgs=imgs, mode='predict'), expected.view(2, 5, -1).mean(1))
    assert same(warmed(test_cfg={'average_clips': None})(imgs=imgs, mode='predict'), raw.view(2, 5, -1))
    assert same(warmed(test_cfg={'max_testing_views': 4})(imgs=imgs), raw)


@torch.no_grad()
def test_feat_ext_returns_averaged_features():
    model, imgs = warmed(test_cfg={'feat_ext': True}), clips(2, 3)
    features = model.backbone(imgs.flatten(0, 1)).mean((2, 3, 4)).view(2, 3, -1)
    assert same(model(imgs=imgs, mode='predict'), features.mean(1))


def joints(n=2, s=3):
    torch.manual_seed(2)
    return torch.cat([torch.rand(n, s, 2, 6, 3, 2) * 16, torch.rand(n, s, 2, 6, 3, 1)], -1)


@torch.no_grad()
def test_joints_score_like_the_heatmaps_of_them():
    keypoint = joints()
    volumes = pose_heatmaps(**HEATMAPS).eval()(keypoint.flatten(0, 1)).unflatten(0, (2, 3))
    drawing, plain = warmed(heatmaps=HEATMAPS), warmed()
    assert (drawing.input_key, plain.input_key) == ('keypoint', 'imgs')
    assert list(drawing.state_dict()) == list(plain.state_dict())
    assert same(drawing(keypoint=keypoint, mode='predict'), plain(imgs=volumes, mode='predict'))


@torch.no_grad()
def test_mirrored_views_come_after_the_clips_of_their_sample():
    keypoint = joints()
    module = pose_heatmaps(**HEATMAPS).eval()
    volume = module(keypoint.flatten(0, 1))
    both = torch.cat([v.unflatten(0, (2, 3)) for v in (volume, module.mirror(volume))], 1)  # (2, 6, ...)
    for most in (None, 4):
        drawing = warmed(heatmaps={**HEATMAPS, 'double': True}, test_cfg={'max_testing_views': most})
        assert same(drawing(keypoint=keypoint), warmed()(imgs=both))
        assert same(drawing(keypoint=keypoint, mode='predict'), warmed()(imgs=both, mode='predict'))


def test_training_on_joints_equals_training_on_heatmaps_without_mirroring():
    keypoint, label = joints(4, 1), torch.arange(4)
    volumes = pose_heatmaps(**HEATMAPS).train()(keypoint[:, 0])[:, None]
    drawing = network(heatmaps={**HEATMAPS, 'double': True})
    losses = drawing(keypoint=keypoint, label=label, mode='loss')
    assert torch.equal(losses['loss_cls'], network()(imgs=volumes, label=label, mode='loss')['loss_cls'])


def test_invalid_inputs_and_options_raise():
    with pytest.raises(ValueError, match=r'heatmaps unset takes imgs \(N, views, C, T, H, W\), got .*keypoint'):
        network()(keypoint=joints())
    with pytest.raises(ValueError, match=r'heatmaps set takes keypoint \(N, clips, M, T, V, 3\), got .*imgs'):
        network(heatmaps=HEATMAPS)(imgs=clips())
    with pytest.raises(ValueError, match=r"got {'imgs': \(2, 3, 6, 16, 16\)}"):
        network()(imgs=clips()[:, 0])
    with pytest.raises(ValueError, match='num_clips=1.*got num_clips=2'):
        network()(imgs=clips(1, 2), label=torch.tensor([0]), mode='loss')
    with pytest.raises(ValueError, match="mode must be 'tensor', 'loss' or 'predict', got 'test'"):
        network()(imgs=clips(), mode='test')
    with pytest.raises(ValueError, match="'average_clips', 'max_testing_views', 'feat_ext' only"):
        network(test_cfg={'max_testing_view': 1})
    with pytest.raises(ValueError, match='max_testing_views must be a positive integer or None, got 0'):
        network(test_cfg={'max_testing_views': 0})
    with pytest.raises(ValueError, match="model.heatmaps has no argument 'size'"):
        network(heatmaps={'size': 56})
