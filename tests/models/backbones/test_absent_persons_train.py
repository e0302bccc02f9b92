"""For every network, computing absent persons once gives the training step of the full batch."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch import nn

from pyskl.models.layers import batch_norm
from pyskl.models.layers.time_pool import TimePool
from tests.networks import GRAPHS, inputs, network, without_randomness


def batch(name, n=5):
    """``n`` clips: the first has both persons, the last none, the others one; ``n`` of ``2 * n`` rows are present."""
    x = inputs(name, n)['keypoint'] + 0.1
    x[1:, :, 1] = 0
    x[-1] = 0
    return x


def step(model, x, dtype=None):
    """Run one step (loss and gradients); return the number of rows that ``encode`` computed."""
    rows = []
    encode = model.backbone.encode
    model.backbone.encode = lambda x: rows.append(len(x)) or encode(x)
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype is torch.bfloat16):
        losses = model(keypoint=x, label=torch.arange(len(x)), mode='loss')
    sum(value for key, value in losses.items() if key.startswith('loss')).backward()
    model.backbone.encode = encode
    return rows[0]


def equal_frames(module, inputs):
    """Make frames equal that differ by rounding only.

    The frames of an absent person are equal, so rounding decides which one is the maximum and gets the gradient.
    """
    x = inputs[0]
    return x - x.detach() + (x.detach() * 2**20).round() / 2**20


def pair(name, dtype=torch.float64):
    once = without_randomness(network(name)).to(dtype)
    for module in once.modules():
        if dtype is torch.float64 and isinstance(module, TimePool):
            module.register_forward_pre_hook(equal_frames)
    full = copy.deepcopy(once)
    full.backbone.shares_absent = False
    return once, full


def assert_alike(once, full, tolerance):
    for (key, one), other in zip(once.named_parameters(), full.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), key
        if one.grad is not None:
            assert (one.grad - other.grad).norm() <= tolerance * (other.grad.norm() + 1), key
    for (key, one), other in zip(once.named_buffers(), full.buffers(), strict=True):
        assert (one - other).abs().max() <= tolerance * (other.abs().max() + 1), key


@pytest.mark.parametrize('name', GRAPHS)
def test_gradients_and_statistics_equal_those_of_the_full_step(name):
    once, full = pair(name)
    x = batch(name).double()
    places = 2 if getattr(full.backbone, 'data_bn_type', None) == 'MVC' else 1
    assert step(full, x) == 10
    assert step(once, x) == 5 + places
    assert_alike(once, full, 1e-9)


@pytest.mark.parametrize('name', ['STGCN-plusplus', 'Ske2Grid'])
def test_accumulated_gradients_equal_those_of_the_full_steps(name):
    once, full = pair(name)
    for x in (batch(name).double(), batch(name).flip(0).double()[:3]):
        for model in (once, full):
            step(model, x)
    assert_alike(once, full, 1e-9)


def test_a_data_parallel_step_equals_the_full_step(tmp_path):
    once, full = pair('CTRGCN')
    x = batch('CTRGCN').double()
    dist.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        parallel = nn.parallel.DistributedDataParallel(once, broadcast_buffers=False)
        parallel(keypoint=x, label=torch.arange(5), mode='loss')['loss_cls'].backward()
    finally:
        dist.destroy_process_group()
    step(full, x)
    assert_alike(once, full, 1e-9)


@pytest.mark.parametrize('name', GRAPHS)
def test_bf16_steps_are_as_close_to_float32_as_full_bf16_steps(name):
    once, full = pair(name, torch.float32)
    exact = copy.deepcopy(full)
    x = batch(name)
    step(exact, x)
    for model in (once, full):
        step(model, x, torch.bfloat16)
    errors = []
    for model in (once, full):
        pairs = [(p.grad, q.grad) for p, q in zip(model.parameters(), exact.parameters(), strict=True)]
        known = [(a, b) for a, b in pairs if b is not None]
        errors.append(sum((a - b).norm() for a, b in known) / sum(b.norm() for _, b in known))
    assert errors[0] < 1.5 * errors[1] + 0.01


def test_active_dropout_computes_every_person():
    once, _ = pair('STGCN', torch.float32)
    once.backbone.gcn[1].tcn.drop.p = 0.5
    assert step(once, batch('STGCN')) == 10
    once.eval()
    assert step(once, batch('STGCN')) == 6


def test_a_batch_without_absent_persons_uses_plain_batch_norm(monkeypatch):
    once, full = pair('STGCN', torch.float32)
    monkeypatch.setattr(batch_norm, 'NormFunction', None)
    x = batch('STGCN') + 1
    assert step(once, x) == step(full, x) == 10
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(once.parameters(), full.parameters(), strict=True))


def test_frozen_norms_give_the_full_step_too():
    once, full = pair('STGCN')
    for model in (once, full):
        model.backbone.gcn[0].eval()
        step(model, batch('STGCN').double())
    assert_alike(once, full, 1e-9)
