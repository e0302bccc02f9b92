"""Freed memory is kept in the block and returned behind it, unless the environment or the device rule it out."""

import os
import platform
import subprocess
import sys

import pytest

# Prints how many pages the kernel hands out when four blocks are written that were freed once before, without, within
# and behind keeping_freed_memory(), and by how many resident pages it left the process larger. The blocks are of the C
# library, since small objects between tensors would keep some of them from being returned.
SCRIPT = """
import ctypes, resource, sys
import torch
from pyskl.engine.freed_memory import keeping_freed_memory

device = torch.device(sys.argv[1])
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
SIZE = 24 << 20
blocks = [0] * 4

def pages():
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for i in range(4):
            blocks[i] = libc.malloc(SIZE)
            libc.memset(blocks[i], 1, SIZE)
        for block in blocks:
            libc.free(block)
        count = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return count

def resident():
    return int(open('/proc/self/statm').read().split()[1])

counts = [pages()]
start = resident()
with keeping_freed_memory(device):
    counts.append(pages())
print(*counts, pages(), resident() - start)
"""
WRITTEN = 4 * 24 * 256  # pages of 4 KiB
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='other C libraries are left alone')


def run(device='cpu', **environment):
    chosen = ('MALLOC_', 'GLIBC_TUNABLES', 'LD_PRELOAD')
    env = {name: value for name, value in os.environ.items() if not name.startswith(chosen)}
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT, device], env={**env, **environment}, capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


@on_glibc
def test_memory_is_kept_in_the_block_only():
    before, within, behind, grown = run()
    assert within < 10 < before  # a huge page counts as one
    assert behind > 10
    assert grown < WRITTEN / 4


@on_glibc
@pytest.mark.parametrize(
    ('device', 'environment'),
    [
        ('cuda', {}),
        ('cpu', {'MALLOC_TRIM_THRESHOLD_': '131072'}),
        ('cpu', {'GLIBC_TUNABLES': 'glibc.malloc.trim_threshold=131072'}),
        ('cpu', {'LD_PRELOAD': 'libjemalloc.so.none'}),  # the loader reports that it is missing, and goes on
    ],
)
def test_devices_and_environments_that_choose_themselves_are_left_alone(device, environment):
    before, within, _, _ = run(device, **environment)
    assert within > 10
    assert before > 10
