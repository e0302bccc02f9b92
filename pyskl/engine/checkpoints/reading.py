"""Read checkpoint files without executing code.

:mod:`pyskl.datasets.records.torch_file` reads the file, and each name that it may contain maps to a function of ours:
besides tensors our checkpoints contain mmengine's logs, and mmcv's contain NumPy scalars. ``torch.load`` is used only
for files that the user trusts.
"""

import errno
import pickle
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from pyskl.datasets.records.pickle_objects import ForbiddenGlobal, Name, shown
from pyskl.datasets.records.safe_pickle import BROKEN
from pyskl.datasets.records.torch_file import read_torch

# Errors of reading a truncated file or one of another format.
NOT_A_CHECKPOINT = (
    *BROKEN, RuntimeError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, LookupError, struct.error,
)  # fmt: skip


def _statistic(owner: object, name: object) -> None:
    """Replace ``getattr``, with which a pickled ``HistoryBuffer`` looks up its four statistics; they are ignored."""
    if type(owner) is not Name or not owner.path.endswith('.HistoryBuffer'):
        raise ForbiddenGlobal(f'getattr({shown(str(owner))}, {shown(name)})')
    if name not in ('mean', 'max', 'min', 'current'):
        raise ForbiddenGlobal(f'getattr(HistoryBuffer, {shown(name)})')


def _history() -> HistoryBuffer:
    return HistoryBuffer()


def _fill_history(buffer: HistoryBuffer, state: object) -> None:
    """Restore the values and counts of a log."""
    if type(state) is not dict:
        raise pickle.UnpicklingError('the state of a HistoryBuffer is not a dict')
    values, counts = state.get('_log_history'), state.get('_count_history')
    most = state.get('max_length', 1_000_000)
    if (
        not all(isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in 'fiu' for x in (values, counts))
        or len(values) != len(counts)
        or type(most) is not int
        or not 0 < most < 2**31
    ):
        raise pickle.UnpicklingError('a HistoryBuffer does not have two arrays of numbers')
    buffer.max_length = most
    buffer._log_history, buffer._count_history = values.view(np.ndarray), counts.view(np.ndarray)


# Objects in our checkpoints besides tensors: mmengine's logs of scalars.
NAMES = {
    ('mmengine.logging.history_buffer', 'HistoryBuffer'): _history,
    ('builtins', 'getattr'): _statistic,
    ('__builtin__', 'getattr'): _statistic,
}
STATES = {HistoryBuffer: _fill_history}


def read_content(path: str | Path, trust: bool = False) -> object:
    """Read a file written by ``torch.save``, with tensors on the CPU.

    Args:
        path: The file.
        trust: Whether to allow any pickled object. Such a file can run code.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is truncated, is not a checkpoint, or contains objects that could run code.
    """
    try:
        if trust:
            with warnings.catch_warnings():
                warnings.filterwarnings('ignore', message='Detected pickle protocol')  # as for any foreign file
                return torch.load(path, map_location='cpu', weights_only=not trust)
        return read_torch(path, NAMES, STATES)
    except ForbiddenGlobal as error:
        raise ValueError(
            f'{path} contains {_first_line(error)}, which is not a tensor and could run code; '
            'pass --trust-checkpoint if you trust its author'
        ) from None
    except (OSError, *NOT_A_CHECKPOINT) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: seeking in a cut file
            raise
        raise ValueError(f'{path} is truncated or not a checkpoint: {_first_line(error)}') from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
