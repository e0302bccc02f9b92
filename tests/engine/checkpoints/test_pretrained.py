"""Initialising a backbone from a recognizer, a bare backbone or a 2D network."""

import pytest
import torch

from pyskl.engine.checkpoints.pretrained import load_pretrained
from pyskl.engine.config.load import Config
from pyskl.engine.train import _load_from
from pyskl.models import build_model


def network(seed=0, **backbone):
    torch.manual_seed(seed)
    return build_model(
        {
            'type': 'Recognizer3D',
            'backbone': {
                'type': 'ResNet3dSlowOnly', 'in_channels': 17, 'base_channels': 4, 'num_stages': 2, 'out_indices': [1],
                'stage_blocks': [1, 1], 'inflate': [0, 1], 'spatial_strides': [2, 2], 'temporal_strides': [1, 2],
                **backbone,
            },
            'cls_head': {'type': 'I3DHead', 'num_classes': 3, 'in_channels': 32},
        }
    )  # fmt: skip


def resnet_2d(channels=3):
    """The weights of such a 2D network under torchvision's names, all different."""
    torch.manual_seed(1)
    shapes = {'conv1': (4, channels, 7, 7)}
    for layer, inside, planes in (('layer1.0', 4, 4), ('layer2.0', 16, 8)):
        shapes[f'{layer}.conv1'] = (planes, inside, 1, 1)
        shapes[f'{layer}.conv2'] = (planes, planes, 3, 3)
        shapes[f'{layer}.conv3'] = (planes * 4, planes, 1, 1)
        shapes[f'{layer}.downsample.0'] = (planes * 4, inside, 1, 1)
    weights = {f'{name}.weight': torch.randn(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        norm = name.replace('downsample.0', 'downsample.1').replace('conv', 'bn')
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            weights[f'{norm}.{part}'] = torch.rand(shape[0])
    return {**weights, 'fc.weight': torch.randn(10, 32), 'fc.bias': torch.randn(10)}


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.backbone.'])
def test_an_inflated_2d_network_responds_to_a_still_volume_as_in_2d(tmp_path, prefix):
    weights = resnet_2d()
    torch.save({'state_dict': {prefix + key: value for key, value in weights.items()}}, tmp_path / 'r.pth')
    model = network(pretrained=str(tmp_path / 'r.pth'))
    stem, head = model.backbone.conv1.conv.weight.clone(), model.cls_head.fc_cls.weight.clone()
    notes, _ = _load_from(Config({'load_from': None, 'load_from_ignore': None}), model, False)
    assert f'weights from {tmp_path / "r.pth"}' in notes
    assert any('44 tensors of a 2D network inflated over time' in note for note in notes)
    assert 'randomly initialised: conv1.conv.weight' in notes
    assert any('not taken from the 2D checkpoint, shapes differ: conv1.conv.weight' in note for note in notes)
    assert torch.equal(model.backbone.conv1.conv.weight, stem)  # 17 channels, not 3
    assert torch.equal(model.cls_head.fc_cls.weight, head)
    spread = model.backbone.layer2[0].conv1.conv.weight
    assert spread.shape == (8, 16, 3, 1, 1)
    assert torch.allclose(spread.sum(2), weights['layer2.0.conv1.weight'], atol=1e-6)
    assert torch.equal(model.backbone.layer1[0].conv2.bn.running_var, weights['layer1.0.bn2.running_var'])


def test_a_stem_with_equal_channels_is_loaded():
    model = network(pretrained='r.pth')
    notes = load_pretrained(model, {'state_dict': resnet_2d(17)}, 'r.pth')
    assert notes == ['45 tensors of a 2D network inflated over time']
    assert torch.equal(model.backbone.conv1.conv.weight[:, :, 0], resnet_2d(17)['conv1.weight'])


@pytest.mark.parametrize('part', ['recognizer', 'backbone'])
def test_a_3d_network_is_loaded_except_for_the_head(part):
    source, model = network(seed=1), network(seed=2, pretrained='x.pth', pretrained2d=False)
    head = model.cls_head.fc_cls.weight.clone()
    state_dict = (source if part == 'recognizer' else source.backbone).state_dict()
    notes = load_pretrained(model, {'state_dict': state_dict}, 'x.pth')
    assert any(note.startswith('randomly initialised') and 'cls_head' in note for note in notes)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, source.backbone.state_dict()[key]), key
    assert torch.equal(model.cls_head.fc_cls.weight, head)


def test_weights_that_do_not_fit_raise_one_line():
    own = {'state_dict': network().state_dict()}
    with pytest.raises(
        ValueError, match=r'x.pth has no convolution of a 2D ResNet .* set model.backbone.pretrained2d=F'
    ):
        load_pretrained(network(pretrained='x.pth'), own, 'x.pth')
    with pytest.raises(ValueError, match='x.pth does not fit the model'):
        load_pretrained(network(pretrained='x.pth', pretrained2d=False), {'state_dict': resnet_2d()}, 'x.pth')


def test_load_from_takes_precedence_over_pretrained(tmp_path):
    source = network(seed=1)
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'mine.pth')
    model = network(seed=2, pretrained=str(tmp_path / 'absent.pth'))
    _load_from(Config({'load_from': str(tmp_path / 'mine.pth'), 'load_from_ignore': None}), model, False)
    assert torch.equal(model.cls_head.fc_cls.weight, source.cls_head.fc_cls.weight)
