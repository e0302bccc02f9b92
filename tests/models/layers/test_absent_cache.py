import gc
import weakref

import pytest
import torch
from torch import nn

from pyskl.models.layers import absent_cache
from pyskl.models.layers.absent_cache import may_remember, remembered
from pyskl.models.layers.absent_persons import once_per_absent


class Counting(nn.Module):
    """Row sums times a weight, a buffer added; records how many rows it saw."""

    shares_absent = True
    full_batch = ()

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(1, 1, bias=False)
        self.register_buffer('shift', torch.tensor([1.0]))
        nn.init.constant_(self.inner.weight, 2.0)
        self.rows = []

    def forward(self, x):
        self.rows.append(len(x))
        return self.inner(x.flatten(1).sum(1, keepdim=True)) + self.shift


def run(network, present, width=3):
    persons = torch.tensor(present, dtype=torch.float)[:, None, None].expand(-1, 2, width).contiguous()
    with torch.inference_mode():
        return once_per_absent(network, network, persons).flatten().tolist()


def test_the_absent_person_is_computed_once_for_all_clips():
    network = Counting().eval()
    for person in (1, 2, 3):
        assert run(network, [person, 0]) == [12 * person + 1, 1]
    assert run(network, [0, 0]) == [1, 1]
    assert network.rows == [1, 1, 1, 1]  # the absent person and three others


def write_parameter(network):
    with torch.no_grad():
        network.inner.weight.fill_(3.0)


def write_past_the_version_counter(network):
    network.shift.data.fill_(5.0)


def replace_module(network):
    network.inner = nn.Linear(1, 1).eval()
    nn.init.zeros_(network.inner.weight)
    nn.init.constant_(network.inner.bias, 7.0)


def load(network):
    network.load_state_dict({'inner.weight': torch.tensor([[4.0]]), 'shift': torch.tensor([9.0])})


@pytest.mark.parametrize('change', [write_parameter, write_past_the_version_counter, replace_module, load])
def test_a_change_of_weights_clears_the_cache(change):
    network = Counting().eval()
    run(network, [1, 0])
    change(network)
    fresh = Counting().eval()
    change(fresh)
    assert run(network, [1, 0]) == run(fresh, [1, 0])
    assert len(network.rows) == 4  # both rows again


def test_each_length_and_dtype_is_cached_separately():
    network = Counting().eval()
    for width in (3, 4, 3, 5, 6, 7):
        run(network, [1, 0], width)
    assert len(network.rows) == 6 + 5
    assert len(absent_cache._MEMORY[network].results) == 4
    network.double()
    with torch.no_grad():
        assert remembered(network, network, torch.zeros(1, 3, dtype=torch.float64)).dtype == torch.float64


def test_nothing_is_cached_with_gradients_in_training_or_with_hooks():
    absent = torch.zeros(1, 3)
    assert not may_remember(absent) and not may_remember(absent.to('meta'))  # with gradients
    with torch.no_grad():
        assert remembered(Counting(), Counting(), absent) is None  # in training
        network = Counting().eval()
        hook = network.inner.register_forward_hook(lambda *_: None)
        assert remembered(network, network, absent) is None
        hook.remove()
        network.inner.forward = lambda x: x
        assert remembered(network, network, absent) is None


def test_large_batches_do_not_compare_weights():
    network = Counting().eval()
    run(network, [1] * 8 + [0])
    assert network not in absent_cache._MEMORY
    run(network, [1] * 7 + [0])
    assert network in absent_cache._MEMORY


def test_the_cache_is_freed_with_the_network():
    network = Counting().eval()
    run(network, [1, 0])
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None
