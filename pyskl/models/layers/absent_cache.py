"""The output of absent persons, remembered from one forward pass to the next in evaluation.

It depends on the weights and on what the input normalisation makes of zeros, so that it is valid as long as both are
equal. They are compared by value, with copies: PyTorch's version counters miss writes through ``Tensor.data``, which is
how averages of weights are swapped in and out. For ST-GCN++ that takes about 2 ms, a person 60.

A rows (one per place with an absent person).
"""

from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

WORTH = 8  # rows to compute per absent row, from which comparing the weights does not pay
_SHAPES = 4  # of inputs remembered per network


class _Memory(NamedTuple):
    modules: list[int]
    weights: list[Tensor | None]  # copies
    results: list[tuple[tuple, Tensor, Tensor]]  # autocast and layout, input, output


_MEMORY: WeakKeyDictionary[nn.Module, _Memory] = WeakKeyDictionary()


def may_remember(rows: Tensor) -> bool:
    """Whether outputs for ``rows`` may be remembered: on a CPU (an accelerator would be waited for), no gradients."""
    return rows.device.type == 'cpu' and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def remembered(network: nn.Module, encode: Callable[[Tensor], Tensor], absent: Tensor) -> Tensor | None:
    """``encode(absent)``, from memory if nothing that it depends on has changed.

    Attributes of modules that are neither tensors nor modules are assumed not to change.

    Args:
        network: The module whose method ``encode`` is, in eval mode.
        encode: ``(A, ...) -> (A, ...)``.
        absent: ``(A, ...)``, normalised.

    Returns:
        None where every row must be computed: if a module of the network is in training or observed by hooks.
    """
    state = _state(network)
    if state is None:
        return None
    modules, weights = state
    memory = _MEMORY.get(network)
    if memory is None or memory.modules != modules or not _equal(memory.weights, weights):
        memory = _MEMORY[network] = _Memory(modules, [None if w is None else w.clone() for w in weights], [])
    way = (torch.is_autocast_enabled('cpu'), torch.get_autocast_dtype('cpu'), absent.dtype)
    for key, rows, output in memory.results:
        if key == way and torch.equal(rows, absent):
            return output
    output = encode(absent)
    memory.results.append((way, absent.clone(), output))
    del memory.results[:-_SHAPES]
    return output


def _state(network: nn.Module) -> tuple[list[int], list[Tensor | None]] | None:
    """Identities of the modules and their tensors; None if a module is in training or something observes it."""
    modules, tensors, waiting = [], [], [network]
    while waiting:  # four times as fast as Module.modules() and attributes
        module = waiting.pop()
        held = module.__dict__
        if held['training'] or held['_forward_hooks'] or held['_forward_pre_hooks'] or 'forward' in held:
            return None
        modules.append(id(module))
        tensors += held['_parameters'].values()
        tensors += held['_buffers'].values()
        waiting += [child for child in held['_modules'].values() if child is not None]
    return modules, tensors


def _equal(before: list[Tensor | None], now: list[Tensor | None]) -> bool:
    return len(before) == len(now) and all(map(_same, before, now))


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and torch.equal(a, b)
