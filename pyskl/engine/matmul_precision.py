"""Precision of float32 matrix products, the config's ``float32_matmul_precision``."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def matmul_precision(precision: str | None) -> Iterator[None]:
    """Set the precision, then restore the one before.

    Args:
        precision: As of ``torch.set_float32_matmul_precision``; None: leave it as it is.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision or before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
