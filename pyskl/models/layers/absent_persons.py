"""Compute one absent person of a batch for all of them.

Absent persons are all zeros, so they are equal at every layer: one of them, weighed by their number in the statistics
of every BatchNorm, gives the step of the full batch (:mod:`pyskl.models.layers.batch_norm`). The two differ by rounding
only; but the frames of an absent person are equal, so rounding may decide which one a maximum over time selects. In
evaluation its output is cached too (:mod:`pyskl.models.layers.absent_cache`), which halves the cost of a lone
person.

N samples, M persons, B = N * M rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pyskl.models.layers.absent_cache import WORTH, may_remember, remembered
from pyskl.models.layers.batch_norm import BatchNorm2d, Copies, counting_copies, is_plain

_SIZES = 8  # of a batch on a GPU


def exporting() -> bool:
    """Whether torch.export is tracing, so that values cannot be read; torch 2.6 has no such function."""
    return hasattr(torch.compiler, 'is_exporting') and torch.compiler.is_exporting()


class Distinct(NamedTuple):
    """The rows that a network must process, and how the full batch follows from them.

    ``kept``: indices of the rows, present ones first. ``source``: ``(B,)``, ``result[source]`` is the full result.
    ``copies``: how many rows the last ones of ``kept`` represent.
    """

    kept: Tensor
    source: Tensor
    copies: Copies


@torch.compiler.disable
def distinct_persons(persons: Tensor, places: int = 1, multiple: int = 1, remembered: bool = False) -> Distinct | None:
    """Every present row and one absent row per place that has any; None if no row can be omitted.

    Args:
        persons: ``(B, ...)``; an absent person is all zeros.
        places: Row ``i`` is in place ``i % places``; absent persons are equal within a place only.
        multiple: Rows are added until their number is a multiple of it, as if some absent persons were present.
        remembered: Whether outputs of absent rows may be cached, so that even a single absent row saves work.
    """
    device = persons.device
    present = persons.flatten(1).any(1).cpu()  # the only copy to the host: indices are made there
    absent = ~present.unflatten(0, (-1, places))  # (N, places)
    some = absent.any(0)
    first = (absent.int().argmax(0) * places + torch.arange(places))[some]
    missing = -(int(present.sum()) + len(first)) % multiple
    if missing:
        others = absent.flatten().index_fill(0, first, False).nonzero()[:missing, 0]
        absent = absent.flatten().index_fill(0, others, False).unflatten(0, (-1, places))
        present = ~absent.flatten()
    shown = present.nonzero()[:, 0]
    if len(shown) + len(first) == len(persons) and not (remembered and len(first)):
        return None
    behind = len(shown) + some.cumsum(0) - 1  # where each place's absent person is
    source = torch.where(absent, behind, (present.cumsum(0) - 1).unflatten(0, (-1, places))).flatten()
    copies = Copies(len(shown), absent.sum(0)[some].to(device), len(persons))
    return Distinct(torch.cat([shown, first]).to(device), source.to(device), copies)


class _Spread(torch.autograd.Function):
    """``y[source]``; the gradient of a row with copies is summed by a matrix product, in the same order every time."""

    @staticmethod
    def forward(ctx, y: Tensor, rows: Distinct) -> Tensor:
        ctx.rows = rows
        return y[rows.source]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        kept, source, copies = ctx.rows
        last = torch.arange(copies.single, len(kept), device=source.device)
        member = (source == last[:, None]).to(grad.dtype)  # (A, B)
        summed = (member @ grad.flatten(1)).unflatten(1, grad.shape[1:])
        return torch.cat([grad[kept[: copies.single]], summed]), None


def obstacle(network: nn.Module) -> str | None:
    """Why absent persons of ``network`` may differ from one another in training, or None if they do not.

    Args:
        network: A module that states ``shares_absent`` (rows interact in :class:`BatchNorm2d` only) and, as
            ``full_batch``, the names of its children to which that need not apply.
    """
    if not getattr(network, 'shares_absent', False):
        return f'{type(network).__name__} does not state shares_absent'
    for name, module in network.named_modules():
        if any(f'{name}.'.startswith(f'{other}.') for other in network.full_batch):
            continue
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            return f'{name} is a dropout of {module.p:g}'
        weighs = isinstance(module, BatchNorm2d) and is_plain(module)
        if isinstance(module, nn.modules.batchnorm._NormBase) and not weighs:
            return f'{name} is a {type(module).__name__}'
    return None


def _evaluated(network: nn.Module, encode: Callable[[Tensor], Tensor], persons: Tensor, rows: Distinct) -> Tensor:
    """``encode(persons[rows.kept])``, the absent ones from the cache if their share is large enough."""
    present, absent = rows.kept[: rows.copies.single], rows.kept[rows.copies.single :]
    if len(absent) * WORTH >= len(rows.kept) and may_remember(persons):
        output = remembered(network, encode, persons[absent])
        if output is not None:
            return torch.cat([encode(persons[present]), output]) if len(present) else output
    return encode(persons[rows.kept])


def once_per_absent(
    network: nn.Module,
    encode: Callable[[Tensor], Tensor],
    persons: Tensor,
    joints: Tensor | None = None,
    places: int = 1,
) -> Tensor:
    """``encode(persons)``, with all absent persons (of a place) computed as one.

    In training only if nothing makes them differ, see :func:`obstacle`; not under torch.compile, which cannot weight
    the statistics. Synchronises with the device once; not in tracing and export, nor where
    tensors have no values (device ``meta``). On a GPU the number of rows is rounded to few sizes, so that kernels
    selected by shape are reused.

    Args:
        network: The module whose method ``encode`` is, in the mode to compute in.
        encode: ``(B, ...) -> (B, ...)``; rows interact in BatchNorms only.
        persons: ``(B, ...)``.
        joints: ``(B, ...)``, in which an absent person is all zeros, if ``persons`` are not.
        places: As of :func:`distinct_persons`.
    """
    if persons.is_meta or exporting() or torch.jit.is_tracing():
        return encode(persons)
    if network.training and (torch.compiler.is_compiling() or obstacle(network) is not None):
        return encode(persons)
    multiple = max(1, len(persons) // _SIZES) if persons.is_cuda else 1
    remembering = not network.training and may_remember(persons)
    rows = distinct_persons(persons if joints is None else joints, places, multiple, remembering)
    if rows is None or (network.training and rows.copies.single == 0):
        return encode(persons)
    if not network.training:
        return _evaluated(network, encode, persons, rows)[rows.source]
    with counting_copies(rows.copies):
        y = encode(persons[rows.kept])
    return _Spread.apply(y, rows)
