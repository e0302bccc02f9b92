"""Evaluation of a batch in which some persons are absent."""

from collections.abc import Callable

import torch
from torch import Tensor


def exporting() -> bool:
    """Whether torch.export is tracing, so that no number can be looked at; torch 2.6 cannot tell."""
    return hasattr(torch.compiler, 'is_exporting') and torch.compiler.is_exporting()


@torch.compiler.disable
def distinct_persons(persons: Tensor, places: int = 1) -> tuple[Tensor, Tensor] | None:
    """Which rows a network must see, and where each row's result is found among theirs.

    Args:
        persons: ``(B, ...)``; an absent person is all zeros.
        places: Row ``i`` is in place ``i % places``, and absent persons are alike in the same place only.

    Returns:
        ``(kept, source)``: ``persons[kept]`` holds every present row and one absent one a place that has any, and
        ``result[source]`` is in the old order. ``None`` when that saves nothing.
    """
    present = persons.flatten(1).any(1)
    absent = ~present.unflatten(0, (-1, places))  # (N, places)
    some = absent.any(0)
    shown = present.nonzero()[:, 0]
    first = (absent.int().argmax(0) * places + torch.arange(places, device=absent.device))[some]
    if len(shown) + len(first) == len(persons):
        return None
    behind = len(shown) + some.cumsum(0) - 1  # where each place's absent person is
    source = torch.where(absent, behind, (present.cumsum(0) - 1).unflatten(0, (-1, places))).flatten()
    return torch.cat([shown, first]), source


def once_per_absent(
    network: Callable[[Tensor], Tensor], persons: Tensor, joints: Tensor | None = None, places: int = 1
) -> Tensor:
    """``network(persons)``, with all absent persons (of a place) computed as one.

    Only for a network that treats rows independently, so never in training, where an absent person counts in the
    statistics of every BatchNorm. One synchronisation with the device; skipped in tracing and export, and where
    tensors have no numbers (device ``meta``).

    Args:
        network: ``(B, ...) -> (B, ...)``.
        persons: ``(B, ...)``.
        joints: ``(B, ...)``, in which an absent person is all zeros, where ``persons`` are not.
        places: As in :func:`distinct_persons`.
    """
    if persons.is_meta or exporting() or torch.jit.is_tracing():
        return network(persons)
    rows = distinct_persons(persons if joints is None else joints, places)
    if rows is None:
        return network(persons)
    kept, source = rows
    return network(persons[kept])[source]
