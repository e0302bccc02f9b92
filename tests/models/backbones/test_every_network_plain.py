"""Every network equals its form in torch's plain layers, one subset and branch at a time (benchmarks/_plain.py)."""

import runpy
from pathlib import Path

import pytest
import torch

from tests.networks import NETWORKS, inputs, network, without_randomness

PLAIN = runpy.run_path(str(Path(__file__).parents[3] / 'benchmarks/_plain.py'))['plain']
WITHOUT = {'Ske2Grid-options'}  # no plain form is written for it


@pytest.mark.parametrize('name', sorted(NETWORKS.keys() - WITHOUT))
def test_losses_gradients_and_scores_equal_those_of_plain_layers(name):
    ours = without_randomness(network(name)).double()
    theirs = PLAIN(ours)
    clips = {key: value.double() for key, value in inputs(name).items()}
    label = torch.arange(5)
    losses = [model(**clips, label=label, mode='loss')['loss_cls'] for model in (ours, theirs)]
    assert torch.allclose(*losses, rtol=1e-10)
    for model, loss in zip((ours, theirs), losses, strict=True):
        loss.backward()
        model.eval()
    total = torch.cat([p.grad.flatten() for p in theirs.parameters() if p.grad is not None]).norm()
    for (key, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert one.grad is None or (one.grad - other.grad).norm() < 1e-9 * total, key
    scores = [model(**clips, mode='predict') for model in (ours, theirs)]
    assert torch.allclose(*scores, atol=1e-10)
