"""BatchNorm of a batch in which some rows represent several equal ones.

With ``w_b`` copies of row ``b`` and ``n`` values per channel in the full batch, statistics weigh rows by their copies,

    mean = sum_b w_b sum(x_b) / n          var = sum_b w_b sum((x_b - mean)^2) / n

and so do gradients through them. ``g_b``, the gradient of the output row, is summed over its copies:

    grad_b = weight / std * (g_b - w_b / n * (sum(g) + x_hat_b sum(g x_hat)))

That is the sum over the copies of the full batch's gradient, exactly. All rows but the last few have no copies.

The layer also has its own statistics for large contiguous maps on a CPU: torch's take most of the time of the whole
BatchNorm there (torch 2.13), and are rounded more.

B rows, A of them with copies, C channels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pyskl.models.layers.convolution import on_cpu

_LARGE = 1 << 16  # numbers


class Copies(NamedTuple):
    """The last rows of a batch each represent several equal rows.

    ``single``: rows that represent themselves only, B - A. ``counts``: ``(A,)``, copies of each of the others.
    ``total``: rows of the full batch.
    """

    single: int
    counts: Tensor
    total: int


_COPIES: ContextVar[Copies | None] = ContextVar('copies', default=None)


@contextmanager
def counting_copies(copies: Copies) -> Iterator[None]:
    """Inside, every :class:`BatchNorm2d` in training weighs the rows of its input by ``copies``."""
    token = _COPIES.set(copies)
    try:
        yield
    finally:
        _COPIES.reset(token)


def current_copies() -> Copies | None:
    """The innermost :func:`counting_copies`; None under torch.compile, where the full batch is computed."""
    return None if torch.compiler.is_compiling() else _COPIES.get()


def _is_large_contiguous(x: Tensor) -> bool:
    return x.numel() >= _LARGE and x.is_contiguous() and on_cpu(x)


def _mean_and_variance(x: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of ``(B, C, ...)``, ``(C,)``, of the type of ``like``."""
    if not _is_large_contiguous(x):
        unused = torch.zeros_like(like)  # without running statistics the result would be rounded to the type of x
        return torch.batch_norm_update_stats(x, unused, unused, 0.0)
    rows = x.flatten(2)
    size = rows.shape[0] * rows.shape[2]
    mean = (rows.sum(2).double().sum(0) / size).to(like.dtype)
    spread = torch.linalg.vector_norm(rows - mean[:, None], dim=2).double()  # (B, C)
    return mean, (spread.square().sum(0) / size).to(like.dtype)


def _weighed_statistics(x: Tensor, like: Tensor, copies: Copies) -> tuple[Tensor, Tensor]:
    """As :func:`_mean_and_variance`, over the full batch that ``copies`` describes."""
    mean, var = _mean_and_variance(x[: copies.single], like)
    rows = [_mean_and_variance(row, like) for row in x[copies.single :].split(1)]  # torch.var_mean is ten times slower
    last_mean, last_var = (torch.stack(values) for values in zip(*rows, strict=True))  # (A, C)
    share = (copies.counts.to(mean.dtype) / copies.total)[:, None]
    rest = copies.single / copies.total
    overall = rest * mean + (share * last_mean).sum(0)
    spread = rest * (var + (mean - overall).square()) + (share * (last_var + (last_mean - overall).square())).sum(0)
    return overall, spread


class NormFunction(torch.autograd.Function):
    """BatchNorm with batch statistics; returns them too, and ``eps`` is a number or a tensor ``(C,)`` with a gradient.

    Arguments: x ``(B, C, ...)``, weight, bias, eps, running_mean, running_var (both updated), momentum, copies.
    """

    @staticmethod
    def forward(
        ctx,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: Tensor | float,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        copies: Copies | None,
    ) -> tuple[Tensor, Tensor]:
        if copies is None:
            mean, var = _mean_and_variance(x, running_mean)
        else:
            mean, var = _weighed_statistics(x, running_mean, copies)
        values = (len(x) if copies is None else copies.total) * x[0, 0].numel()
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * (values / (values - 1)), momentum)
        ctx.copies = copies
        ctx.save_for_backward(x, weight, mean, var + eps)
        ctx.mark_non_differentiable(var)
        return torch.native_batch_norm(x, weight, bias, mean, var + eps, False, 0.0, 0.0)[0], var

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor, _var: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, square = ctx.saved_tensors
        invstd, copies = square.rsqrt(), ctx.copies
        backward = torch.ops.aten.native_batch_norm_backward
        if copies is None:
            grad_x, grad_weight, grad_bias = backward(
                grad, x, weight, None, None, mean, invstd, True, 0.0, [True, True, True]
            )
        else:
            rounded = x.dtype != weight.dtype  # then the scale would be rounded too
            direct, grad_weight, grad_bias = backward(
                grad, x, weight, mean, square, None, None, False, 0.0, [rounded, True, True]
            )
            # What comes through the statistics, -weight / std / n * (sum(g) + x_hat sum(g x_hat)), is a norm of x too.
            scale = weight * invstd
            back = -scale / (copies.total * x[0, 0].numel())
            grad_x = torch.native_batch_norm(x, back * grad_weight, back * grad_bias, mean, square, False, 0.0, 0.0)[0]
            grad_x[copies.single :] *= copies.counts.to(grad_x.dtype).view(-1, *[1] * (x.ndim - 1))
            if rounded:
                grad_x += direct
            else:
                grad_x.addcmul_(grad, scale.view(-1, *[1] * (x.ndim - 2)))
        grad_eps = -0.5 * grad_weight * weight * invstd**2 if ctx.needs_input_grad[3] else None
        return grad_x, grad_weight, grad_bias, grad_eps, None, None, None, None


def batch_norm(
    x: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor,
    bias: Tensor,
    training: bool,
    momentum: float,
    eps: float,
    cancelled: Tensor | None = None,
) -> Tensor:
    """``F.batch_norm`` whose statistics in training follow :func:`counting_copies`.

    ``cancelled``: in training, a bias ``(C,)`` that ``x`` lacks. It would change the running mean only, so that is
    where it is added; its gradient is zero.
    """
    if cancelled is not None:
        mean = running_mean.clone()  # autograd holds the tensor that the norm updates
        bias = bias + 0.0 * cancelled  # gives it the gradient zero instead of None
        y = batch_norm(x, mean, running_var, weight, bias, training, momentum, eps)
        with torch.no_grad():
            running_mean.copy_(torch.add(mean, cancelled, alpha=momentum))
        return y
    copies = current_copies() if training else None
    if copies is None and not (training and _is_large_contiguous(x)):
        return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    return NormFunction.apply(x, weight, bias, eps, running_mean, running_var, momentum, copies)[0]


def is_plain(norm: nn.Module) -> bool:
    """Whether ``norm`` is a BatchNorm2d that can be computed by :func:`batch_norm`: not synchronised, not fused."""
    return (
        type(norm) in (nn.BatchNorm2d, BatchNorm2d)
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
    )


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` whose statistics in training follow :func:`counting_copies`."""

    @property
    def cancels_bias(self) -> bool:
        """Whether :meth:`forward` can take a ``cancelled`` bias: in training, by batch statistics, not compiled."""
        return self.training and is_plain(self) and not torch.compiler.is_compiling()

    def forward(self, x: Tensor, cancelled: Tensor | None = None) -> Tensor:
        """``(B, C, T, V)`` -> same.

        Args:
            x: The maps.
            cancelled: As of :func:`batch_norm`; only where :attr:`cancels_bias`.
        """
        if cancelled is None and not (
            self.training and (current_copies() is not None or (is_plain(self) and _is_large_contiguous(x)))
        ):
            return super().forward(x)
        self.num_batches_tracked.add_(1)
        statistics = self.running_mean, self.running_var
        return batch_norm(x, *statistics, self.weight, self.bias, True, self.momentum, self.eps, cancelled)
