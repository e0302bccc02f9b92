"""Keep memory that tensors free, instead of returning it to the system after every step.

By default glibc returns free memory at the end of its heap once it is more than 64 MiB (less in a process without large
blocks), and the kernel clears every page that it hands out again.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Parameters of mallopt(3), from malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20
# Larger blocks are still mapped: in the heap their free places would be reused badly, and the process would grow.
_KEEPING = {_MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * _MIB}
# glibc's defaults, with the thresholds that it adapts to after large blocks.
_DEFAULT = {_MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 64 * _MIB, _TOP_PAD: 128 << 10}


def _chosen_by_user() -> bool:
    """Whether the environment sets options of malloc, or replaces it."""
    names = [name for name in os.environ if name.startswith('MALLOC_')]
    tuned = 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', '')
    return bool(names) or tuned or 'malloc' in os.environ.get('LD_PRELOAD', '')


@contextmanager
def keeping_freed_memory(device: torch.device) -> Iterator[None]:
    """Reuse freed memory within this process in the block, then return it.

    Does nothing on a GPU, with another C library than glibc, or if the environment chooses how memory is allocated.

    Args:
        device: Where the tensors are.
    """
    if device.type != 'cpu' or platform.libc_ver()[0] != 'glibc' or _chosen_by_user():
        yield
        return
    libc = ctypes.CDLL(None)
    for parameter, value in _KEEPING.items():
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _DEFAULT.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)
