"""Record the convolutions and matrix products of a network in one pass, and replay them alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

CONVOLUTIONS = {torch.conv1d, torch.conv2d, torch.conv3d}
PRODUCTS = {
    F.linear, torch.einsum, torch.bmm, torch.baddbmm, torch.mm, torch.addmm,
    torch.matmul, Tensor.matmul, Tensor.__matmul__, Tensor.__rmatmul__,
}  # fmt: skip


class Call(NamedTuple):
    """One product: the function called, its arguments, and a gradient of its output."""

    function: Callable
    args: tuple
    kwargs: dict
    wanted: list[Tensor]  # the arguments whose gradients the step needs
    grad: Tensor

    @property
    def is_convolution(self) -> bool:
        """Whether the call is a convolution; otherwise it is a matrix product."""
        return self.function in CONVOLUTIONS


class Recorder(TorchFunctionMode):
    """Record every convolution, linear layer and matrix product in ``calls`` within the context."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        out = function(*args, **(kwargs or {}))
        if function in CONVOLUTIONS or function in PRODUCTS:
            self._note(function, args, kwargs or {}, out)
        return out

    def _note(self, function: Callable, args: tuple, kwargs: dict, out: Tensor) -> None:
        def alone(value: object) -> object:  # a leaf with the memory layout of the original
            return value.detach().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value

        args, kwargs = tree_map(alone, (args, kwargs))
        wanted = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.requires_grad]
        grad = torch.randn_like(out) if wanted else out.new_empty(0)
        self.calls.append(Call(function, args, kwargs, wanted, grad))


def contiguous(calls: list[Call]) -> list[Call]:
    """Replace the tensors of calls by contiguous copies."""

    def dense(value: object) -> object:
        if not isinstance(value, Tensor):
            return value
        return value.detach().contiguous().requires_grad_(value.requires_grad)

    copies = []
    for call in calls:
        args, kwargs = tree_map(dense, (call.args, call.kwargs))
        wanted = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.requires_grad]
        copies.append(Call(call.function, args, kwargs, wanted, call.grad.contiguous()))
    return copies


def run(calls: list[Call], amp: AbstractContextManager) -> None:
    """Run forward and, where gradients are needed, backward."""
    for call in calls:
        with amp:
            out = call.function(*call.args, **call.kwargs)
        if call.wanted and torch.is_grad_enabled():
            torch.autograd.grad(out, call.wanted, call.grad)
