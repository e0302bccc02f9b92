"""Evaluation of a batch in which some persons are absent."""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.compiler.disable
def distinct_persons(persons: Tensor) -> tuple[Tensor, Tensor] | None:
    """Which rows a network must see, and where each row's result is found among theirs.

    Args:
        persons: ``(B, ...)``; an absent person is all zeros.

    Returns:
        ``(kept, source)``: ``persons[kept]`` holds every present row and one absent one, and ``result[source]`` is in
        the old order. ``None`` when that saves nothing.
    """
    present = persons.flatten(1).any(1)
    kept = present.nonzero()[:, 0]
    if len(persons) - len(kept) < 2:
        return None
    source = present.cumsum(0) - 1
    source[~present] = len(kept)
    return torch.cat([kept, present.int().argmin()[None]]), source


def once_per_absent(network: Callable[[Tensor], Tensor], persons: Tensor) -> Tensor:
    """``network(persons)``, with all absent persons computed as one.

    Only for a network that treats rows independently, so never in training, where an absent person counts in the
    statistics of every BatchNorm. One synchronisation with the device; skipped in tracing and export, and where
    tensors have no numbers (device ``meta``).

    Args:
        network: ``(B, ...) -> (B, ...)``.
        persons: ``(B, ...)``.
    """
    exporting = hasattr(torch.compiler, 'is_exporting') and torch.compiler.is_exporting()
    if persons.is_meta or exporting or torch.jit.is_tracing():
        return network(persons)
    rows = distinct_persons(persons)
    if rows is None:
        return network(persons)
    kept, source = rows
    return network(persons[kept])[source]
