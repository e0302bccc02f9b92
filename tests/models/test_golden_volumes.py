"""Networks on heatmap volumes against numbers that PYSKL printed."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pyskl.models import build_model
from tests.golden import fill_weights, load_golden

NAMES = ['slowonly_ntu60', 'x3d_ntu60', pytest.param('c3d_ntu60', marks=pytest.mark.slow)]  # 48 frames: seconds


def golden(name):
    """The filled network in float64, ``imgs (N, 1, C, T, H, W)``, facts and arrays."""
    facts, arrays = load_golden(name)
    model = build_model(facts['model'])
    fill_weights(model, facts['keep'])
    imgs = np.random.RandomState(255).random_sample(facts['input']['imgs']).astype(np.float32)
    return model.double(), torch.from_numpy(imgs).double(), facts, arrays


@pytest.mark.parametrize('name', ['slowonly_ntu60', 'x3d_ntu60', 'c3d_ntu60'])
def test_keys_shapes_and_their_order_are_the_published_ones(name):
    facts, _ = load_golden(name)
    model = build_model(facts['model'])
    assert [(key, list(value.shape)) for key, value in model.state_dict().items()] == list(facts['state_dict'].items())
    assert {key for key, _ in model.named_buffers()} == set(facts['buffers'])
    assert sum(p.numel() for p in model.parameters()) == facts['parameters']
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ('name', 'blocks', 'at_56', 'at_64'),
    [
        ('slowonly_ntu60', [4, 6, 3], 15.8, 20.6),
        ('slowonly_ntu60', [3, 4, 6], 14.6, 19.1),
        ('c3d_ntu60', None, 16.8, 21.9),
        ('x3d_ntu60', None, 0.59, 0.74),
    ],
)
def test_multiply_accumulates_of_48_frames_are_the_published_ones(name, blocks, at_56, at_64):
    cfg = load_golden(name)[0]['model']
    if blocks:
        cfg['backbone']['stage_blocks'] = blocks
    with torch.device('meta'):
        backbone = build_model(cfg).backbone.eval()
    norms = []  # the published counter counts two operations per element of a BatchNorm
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.register_forward_hook(lambda module, inputs, output: norms.append(2 * output.numel()))
    for size, giga in ((56, at_56), (64, at_64)):
        norms.clear()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            backbone(torch.empty(1, 17, 48, size, size, device='meta'))
        gigaflops = (counter.get_total_flops() / 2 + sum(norms)) / 1e9
        assert round(gigaflops, 1 if giga > 1 else 2) == giga


@pytest.mark.parametrize('name', NAMES)
def test_maps_and_scores_in_evaluation_are_the_published_ones(name):
    model, imgs, facts, arrays = golden(name)
    model.eval()
    with torch.no_grad():
        assert list(model.backbone(imgs[:, 0]).shape) == facts['feature_shape']
        logits = model(imgs=imgs).numpy()
        single = model.float()(imgs=imgs.float()).numpy()
    largest = np.abs(arrays['logits']).max()
    assert np.abs(logits - arrays['logits']).max() <= 1e-5 * largest
    assert np.abs(single - arrays['logits']).max() <= 1e-4 * largest


@pytest.mark.parametrize('name', NAMES)
def test_loss_and_every_gradient_in_training_are_the_published_ones(name):
    model, imgs, facts, _ = golden(name)
    model.train()
    model.cls_head.dropout = nn.Identity()
    losses = model(imgs=imgs, label=torch.tensor(facts['labels'])[:, None], mode='loss')
    losses['loss_cls'].backward()
    assert losses['loss_cls'].item() == pytest.approx(facts['loss_train'], rel=1e-9)
    norms = {key: p.grad.norm().item() for key, p in model.named_parameters()}
    assert set(norms) == set(facts['grad_norm'])
    for key, norm in norms.items():
        assert norm == pytest.approx(facts['grad_norm'][key], rel=1e-6, abs=1e-10), key
    assert sum(norm**2 for norm in norms.values()) ** 0.5 == pytest.approx(facts['total_grad_norm'], rel=1e-9)
