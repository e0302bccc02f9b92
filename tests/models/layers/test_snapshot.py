import torch
from torch import nn

from pyskl.models.layers.snapshot import state_of


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3, bias=False), nn.BatchNorm1d(3), nn.ReLU()).eval()


def test_a_copied_state_differs_after_any_change_of_a_value():
    model = network()
    before = state_of(model).copy()
    assert before == state_of(model)
    for tensor in model.state_dict().values():
        own = tensor.clone()
        tensor.view(-1)[0] += 1
        assert before != state_of(model)
        tensor.copy_(own)
    assert before == state_of(model)


def test_the_state_differs_after_a_change_of_module_or_dtype():
    model = network()
    before = state_of(model).copy()
    model[2] = nn.Tanh().eval()
    assert before != state_of(model)
    model = network()
    before = state_of(model).copy()
    assert before != state_of(model.double())
    assert state_of(network()) != before


def test_modules_in_training_or_with_hooks_have_no_state():
    model = network()
    model[1].train()
    assert state_of(model) is None
    model.eval()[0].register_forward_pre_hook(lambda *_: None)
    assert state_of(model) is None
