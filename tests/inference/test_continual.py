import copy
import re

import pytest
import torch
from torch import nn

from pyskl.inference.continual import ContinualRecognizer
from pyskl.models.recognizers import RecognizerGCN

ENTRY_OR_MIX = r'branches\.\d+\.0|transform\.2'  # the 1x1 convolutions of a temporal module that run on all frames
COCO = {'layout': 'coco', 'mode': 'spatial'}
SHORT = {'num_stages': 5, 'inflate_stages': [3, 5], 'down_stages': [3, 5], 'base_channels': 8}
STGCN = {'type': 'STGCN', 'graph_cfg': COCO, 'tcn_kernel_size': 5, **SHORT}
PLUSPLUS = {
    'type': 'STGCN', 'graph_cfg': COCO, 'gcn_adaptive': 'init', 'gcn_with_res': True, 'tcn_type': 'mstcn', **SHORT,
}  # fmt: skip
GRID = {'type': 'Ske2Grid', 'graph_cfg': COCO, 'temporal_kernel_size': 3, **SHORT}
NETWORKS = {
    'st-gcn': STGCN,
    'st-gcn, dilated': {**STGCN, 'tcn_kernel_size': 3, 'tcn_dilation': 2, 'data_bn_type': 'MVC'},
    'st-gcn, strides with kernel 3': {**STGCN, 'tcn_kernel_size': 3},
    'st-gcn++': PLUSPLUS,
    'st-gcn++, other branches': {**PLUSPLUS, 'tcn_ms_cfg': [(5, 2), '1x1', ('max', 3)]},
    'ske2grid': GRID,
    'ske2grid, branches and pyramid': {**GRID, 'tcn': 'mstcn', 'pyramid': True},
    'ske2grid, grown': {
        **GRID, 'grid_shape': (6, 6), 'progressive_joint_seq': [17, 25], 'git_init': 'grow',
    },
}  # fmt: skip


def network(backbone, dtype=torch.float64):
    torch.manual_seed(0)
    head = {'type': 'GridHead' if backbone['type'] == 'Ske2Grid' else 'GCNHead', 'num_classes': 4, 'in_channels': 32}
    model = RecognizerGCN(backbone, head).to(dtype).eval()
    for name, value in model.state_dict().items():  # statistics and gates that differ from the initial ones
        if 'running_mean' in name or 'bias' in name:
            value.normal_(0, 0.2)
        elif 'running_var' in name or 'cell_gates' in name:
            value.uniform_(0.5, 1.5)
    nn.init.normal_(getattr(model.cls_head, 'fc', getattr(model.cls_head, 'fc_cls', None)).weight)
    return model


def clip(frames, dtype=torch.float64, streams=2):
    return torch.randn(streams, 2, frames, 17, 3, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('name', NETWORKS)
def test_features_equal_those_of_a_padded_clip_away_from_its_ends(name):
    model = network(NETWORKS[name])
    recognizer = ContinualRecognizer(model)
    frames = recognizer.receptive_field + 13
    x = clip(frames)
    with torch.no_grad():
        padded = model.backbone(x).flatten(4)  # (N, M, C', T', V')
    before = recognizer.receptive_field - 1 - recognizer.delay
    stepped = [recognizer.features(frame) for frame in x.unbind(2)]
    for index in range(frames):
        centre = index - recognizer.delay
        complete = centre >= before and centre % recognizer.stride == 0
        assert (stepped[index] is not None) == complete
        if complete:
            assert torch.allclose(stepped[index], padded[..., centre // recognizer.stride, :], atol=1e-9)
    assert recognizer.stride == 4 and sum(feature is not None for feature in stepped) in (3, 4)


def crop_before(layer, frames):
    """Crop ``frames`` at both ends in time before ``layer`` runs."""
    run = layer.forward
    layer.forward = lambda x: run(x[:, :, frames : x.shape[2] - frames])


def unpadded(model):
    """A copy without padding in time; layers with a shorter reach than their block crop their input."""
    model = copy.deepcopy(model)
    for block in model.modules():
        tcn = getattr(block, 'tcn', getattr(block, 'tcn2cn', None))
        if not isinstance(tcn, nn.Module):
            continue
        layers = [
            layer
            for name, layer in tcn.named_modules()
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and not re.fullmatch(ENTRY_OR_MIX, name)
        ]
        reaches = []
        for layer in layers:
            dilation = layer.dilation[0] if isinstance(layer, nn.Conv2d) else layer.dilation
            reaches.append((layer.kernel_size[0] - 1) * dilation // 2)
            layer.padding = (0, 0)
        for layer, reach in zip(layers, reaches, strict=True):
            crop_before(layer, max(reaches) - reach)
        crop_before(block.residual, max(reaches))
    return model


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
@pytest.mark.parametrize('name', NETWORKS)
def test_logits_equal_those_of_the_network_without_padding(name, dtype):
    model = network(NETWORKS[name], dtype)
    field = ContinualRecognizer(model).receptive_field
    recognizer = ContinualRecognizer(model, window=field + 9)
    assert recognizer.window == field + 8  # three feature frames
    x = clip(field + 16, dtype)
    without_padding, steps = unpadded(model), []
    for index, frame in enumerate(x.unbind(2)):
        logits = recognizer.step(frame)
        if logits is None:
            continue
        steps.append(index)
        with torch.no_grad():
            maps = without_padding.backbone(x[:, :, index + 1 - recognizer.window : index + 1])
            expected = without_padding.cls_head(maps)
        assert maps.shape[3] == 3 and expected.std(dim=1).min() > 0.1
        assert torch.allclose(logits, expected, atol=1e-4 if dtype == torch.float32 else 1e-9)
    assert len(steps) >= 2 and set(torch.tensor(steps).diff().tolist()) == {4}


@pytest.mark.parametrize('name', ['st-gcn, strides with kernel 3', 'st-gcn++, other branches', 'ske2grid, grown'])
def test_advance_takes_several_frames_at_a_time(name):
    model = network(NETWORKS[name])
    recognizer = ContinualRecognizer(model)
    x = clip(recognizer.receptive_field + 23)
    one_by_one = [feature for feature in map(recognizer.features, x.unbind(2)) if feature is not None]
    recognizer.reset()
    parts = [recognizer.advance(part) for part in x.split([1, 7, 2, x.shape[2] - 18, 8], 2)]
    index = {first + n: feature for first, part in filter(None, parts) for n, feature in enumerate(part.unbind(3))}
    assert sorted(index) == list(range(min(index), max(index) + 1))
    complete = [index[n] for n in sorted(index) if recognizer.stride * n >= recognizer.before]
    assert len(complete) == len(one_by_one) == 6
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(complete, one_by_one, strict=True))


@pytest.mark.parametrize('name', ['st-gcn++', 'ske2grid'])
def test_select_drops_and_adds_streams(name):
    model = network(NETWORKS[name])
    recognizer = ContinualRecognizer(model)
    field = recognizer.receptive_field
    a, b, c = clip(2 * field + 8, streams=3).split(1)
    recognizer.advance(torch.cat([a, b])[:, :, :8])
    recognizer.select([1, None])  # drop a, add c
    recognizer.advance(torch.cat([b[:, :, 8:field], c[:, :, 8:field]]))
    recognizer.select([1, 0])
    first, features = recognizer.advance(torch.cat([c, b])[:, :, field : 2 * field + 8])
    with torch.no_grad():
        padded = model.backbone(torch.cat([c, b])).flatten(4)  # away from the ends of the clip
    complete = [n for n in range(features.shape[3]) if recognizer.stride * (first + n) >= recognizer.before + 8]
    assert len(complete) >= 2
    for n in complete:
        assert torch.allclose(features[..., n, :], padded[..., first + n, :], atol=1e-9)


def test_the_published_st_gcn_has_a_receptive_field_of_153_frames_and_a_delay_of_76():
    model = network({**STGCN, 'tcn_kernel_size': 9, **dict.fromkeys(('inflate_stages', 'down_stages'), [5, 8]),
                     'num_stages': 10}, torch.float32)  # fmt: skip
    recognizer = ContinualRecognizer(model)
    assert (recognizer.receptive_field, recognizer.delay, recognizer.stride) == (153, 76, 4)


def test_after_reset_the_outputs_are_those_of_a_new_stream():
    model = network(GRID, torch.float32)
    recognizer = ContinualRecognizer(model)
    x = clip(recognizer.receptive_field + 4, torch.float32)

    def run(frames):
        return [each for each in map(recognizer.step, frames.unbind(2)) if each is not None]

    first = run(x)
    recognizer.reset()
    again = run(x)
    assert first and all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    recognizer.reset()
    assert run(clip(9, torch.float32, streams=1)) == []  # another N is accepted after reset


def test_invalid_inputs_windows_and_networks_raise():
    model = network(STGCN, torch.float32)
    recognizer = ContinualRecognizer(model)
    with pytest.raises(ValueError, match=r'= \(N, M, 17, 3\), got \(1, 2, 18, 3\)'):
        recognizer.step(torch.zeros(1, 2, 18, 3))
    recognizer.step(torch.zeros(1, 2, 17, 3))
    with pytest.raises(ValueError, match=r'= \(1, 2, 17, 3\), as before'):
        recognizer.step(torch.zeros(2, 2, 17, 3))
    with pytest.raises(ValueError, match='at least the receptive field, .*got 5'):
        ContinualRecognizer(model, window=5)
    with pytest.raises(ValueError, match=r'call eval\(\) first'):
        ContinualRecognizer(model.train())
    other = RecognizerGCN(
        {'type': 'AAGCN', 'graph_cfg': COCO, 'base_channels': 8},
        {'type': 'GCNHead', 'num_classes': 4, 'in_channels': 32},
    )
    with pytest.raises(ValueError, match='cannot step backbone AAGCN'):
        ContinualRecognizer(other.eval())
