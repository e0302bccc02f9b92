"""No network reaches a convolution kernel that writes out of bounds, whatever the CPU and the width."""

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.models.narrow_networks import train_once
from tests.networks import NETWORKS

ROOT = Path(__file__).resolve().parents[2]
# ONEDNN_MAX_CPU_ISA is a limit, so each of these runs everywhere; 'DEFAULT' is the best level of the machine.
LEVELS = ['SSE41', 'AVX2'] + (['DEFAULT'] if torch.backends.cpu.get_cpu_capability() == 'AVX512' else [])


def train_narrow_networks(level, *widths):
    env = {**os.environ, 'ONEDNN_MAX_CPU_ISA': level, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    if ctypes.util.find_library('c_malloc_debug'):  # glibc's: checks the end of each block on free
        env.update(LD_PRELOAD='libc_malloc_debug.so.0', MALLOC_CHECK_='3')
    command = [sys.executable, '-m', 'tests.models.narrow_networks', *map(str, widths)]
    process = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, 'done\n'), process.stderr[-2000:]


@pytest.mark.parametrize('level', LEVELS)
def test_narrow_networks_train_without_heap_corruption(level):
    train_narrow_networks(level, 2)


@pytest.mark.slow
@pytest.mark.parametrize('level', ['SSE41', 'AVX', 'AVX2', 'DEFAULT'])
def test_networks_of_every_small_width_train_without_heap_corruption(level):
    train_narrow_networks(level, *range(20))


class StridedKernels(TorchDispatchMode):
    """Records the input channels of convolutions that stride along an axis of kernel 1."""

    def __init__(self):
        super().__init__()
        self.channels = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution.default:
            x, weight, _, stride = args[:4]
            if any(k == 1 and s > 1 for k, s in zip(weight.shape[2:], stride, strict=True)):
                self.channels.append(x.shape[1])
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('name', NETWORKS)
def test_no_convolution_strides_along_an_axis_of_kernel_1(name):
    with StridedKernels() as kernels:
        train_once(name, 1, 3)
    assert not kernels.channels
