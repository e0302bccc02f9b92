"""Properties of every network under torch.compile and torch.export."""

import copy

import pytest
import torch

from tests.networks import NETWORKS, inputs, network, without_randomness


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_compiled_networks_train_and_score_like_eager_ones(name):
    torch._dynamo.reset()
    plain = without_randomness(network(name))
    traced = copy.deepcopy(plain)
    x, label = inputs(name, 4), torch.arange(4)
    for call in (plain, torch.compile(traced, backend='aot_eager')):
        call(**x, label=label, mode='loss')['loss_cls'].backward()
    for (key, one), other in zip(plain.named_parameters(), traced.parameters(), strict=True):
        if one.grad is None:
            assert other.grad is None, key
        else:
            assert (one.grad - other.grad).norm() < 1e-3 * one.grad.norm() + 1e-5, key
    with torch.no_grad():
        scores = plain.eval()(**x)
        assert torch.allclose(scores, torch.compile(traced.eval(), backend='aot_eager')(**x), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_exported_networks_score_like_eager_ones_in_batches_of_any_size(name):
    model, x = network(name).eval(), inputs(name, 2)
    shapes = {key: {0: torch.export.Dim('n', min=1, max=64)} for key in x}
    exported = torch.export.export(model, (), x, dynamic_shapes=shapes).module()
    for n in (2, 5):
        x = inputs(name, n)
        scores = model(**x)
        assert (exported(**x) - scores).abs().max() < 1e-4 * scores.abs().max()
