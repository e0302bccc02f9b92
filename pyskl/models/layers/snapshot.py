"""Whether anything that a network computes with has changed since it was last looked at.

Tensors are compared by value, with copies: PyTorch's version counters miss writes through ``Tensor.data``, which is how
averages of weights are swapped in and out. For ST-GCN++ that takes about 2 ms, a person 60.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Snapshot(NamedTuple):
    """A network's modules, by identity, and its parameters and buffers."""

    modules: list[int]
    tensors: list[Tensor | None]

    def copy(self) -> 'Snapshot':
        """With copies of the tensors, so that later changes show."""
        return Snapshot(self.modules, [None if tensor is None else tensor.detach().clone() for tensor in self.tensors])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Snapshot)
            and self.modules == other.modules
            and len(self.tensors) == len(other.tensors)
            and all(map(_same, self.tensors, other.tensors))
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def state_of(network: nn.Module) -> Snapshot | None:
    """The current state of the network; None if a module is in training or has hooks, which need every forward.

    Attributes of modules that are neither tensors nor modules are assumed not to change.
    """
    modules, tensors, waiting = [], [], [network]
    while waiting:  # four times as fast as Module.modules() and attributes
        module = waiting.pop()
        members = module.__dict__
        if members['training'] or members['_forward_hooks'] or members['_forward_pre_hooks'] or 'forward' in members:
            return None
        modules.append(id(module))
        tensors += members['_parameters'].values()
        tensors += members['_buffers'].values()
        waiting += [child for child in members['_modules'].values() if child is not None]
    return Snapshot(modules, tensors)


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and torch.equal(a, b)
