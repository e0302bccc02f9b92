"""Gather the results of all processes in the order of the dataset."""

import numpy as np
import torch.distributed as dist


def gather_results(results: list[dict], size: int) -> list[dict] | None:
    """Gather the results of all processes on rank 0.

    Process r of W has samples r, r + W, ...; entries beyond ``size`` are repeats that give all processes equally many.
    Arrays of equal shape are sent as one array, to rank 0 only: pickling a million results took 10 s per process.

    Args:
        results: Results of this process, each a dict with ``score`` and optionally ``label``.
        size: Number of samples of the dataset.

    Returns:
        All results on rank 0, None elsewhere.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return results[:size]
    rank, world_size = dist.get_rank(), dist.get_world_size()
    parts = [None] * world_size if rank == 0 else None
    dist.gather_object(_packed(results), parts)
    if parts is None:
        return None
    columns = [list(zip(*part.values(), strict=True)) for part in parts]
    keys = list(parts[0])
    rows = (columns[i % world_size][i // world_size] for i in range(size))
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _packed(results: list[dict]) -> dict[str, np.ndarray | list]:
    """Stack the values of each key into one array if they have equal shapes."""
    packed: dict[str, np.ndarray | list] = {}
    for key in results[0] if results else ():
        values = [result[key] for result in results]
        shapes = {np.shape(value) for value in values}
        packed[key] = np.stack(values) if len(shapes) == 1 else values
    return packed
