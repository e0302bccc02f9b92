"""Cache the output of absent persons between forward passes in evaluation.

It depends on the weights and on the normalised zeros of an absent person, and is valid as long as both are unchanged,
see :mod:`pyskl.models.layers.snapshot`.

A rows (one per place with an absent person).
"""

from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from pyskl.models.layers.snapshot import Snapshot, state_of

WORTH = 8  # rows per absent row above which comparing the weights costs more than it saves
_SHAPES = 4  # of inputs cached per network


class _Memory(NamedTuple):
    snapshot: Snapshot
    results: list[tuple[tuple, Tensor, Tensor]]  # autocast and layout, input, output


_MEMORY: WeakKeyDictionary[nn.Module, _Memory] = WeakKeyDictionary()


def may_remember(rows: Tensor) -> bool:
    """Whether outputs for ``rows`` may be cached: on a CPU (an accelerator would have to wait), without gradients."""
    return rows.device.type == 'cpu' and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def remembered(network: nn.Module, encode: Callable[[Tensor], Tensor], absent: Tensor) -> Tensor | None:
    """``encode(absent)``, from the cache if nothing that it depends on has changed.

    Attributes of modules that are neither tensors nor modules are assumed not to change.

    Args:
        network: The module whose method ``encode`` is, in eval mode.
        encode: ``(A, ...) -> (A, ...)``.
        absent: ``(A, ...)``, normalised.

    Returns:
        None if every row must be computed, i.e. a module of the network is in training or observed by hooks.
    """
    state = state_of(network)
    if state is None:
        return None
    memory = _MEMORY.get(network)
    if memory is None or memory.snapshot != state:
        memory = _MEMORY[network] = _Memory(state.copy(), [])
    dtypes = (torch.is_autocast_enabled('cpu'), torch.get_autocast_dtype('cpu'), absent.dtype)
    for key, rows, output in memory.results:
        if key == dtypes and torch.equal(rows, absent):
            return output
    output = encode(absent)
    memory.results.append((dtypes, absent.clone(), output))
    del memory.results[:-_SHAPES]
    return output
