"""ST-GCN's label files: a pickle of (names, labels), one of each per clip of the corresponding array.

2s-AGCN, MS-G3D and NVIDIA TAO write the same format. The pickle is read without executing code.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyskl.converters.labels import plain_name
from pyskl.datasets.records.safe_pickle import load_numbers

SUFFIXES = ('.pkl', '.pickle')


def read_label_pickle(path: Path) -> tuple[list[str], list[int]]:
    """Read names and class indices of clips.

    Raises:
        ValueError: If the file is not a pair of lists of equal length.
        OSError: If it cannot be read.
    """
    content = load_numbers(path, key='--labels')
    expected = f'--labels {path} must be (names, labels), lists of equal length'
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise ValueError(f'{expected}, got {type(content).__name__}')
    names, labels = content
    if not all(isinstance(part, Sequence | np.ndarray) and not isinstance(part, str) for part in (names, labels)):
        raise ValueError(f'{expected}, got {type(names).__name__} and {type(labels).__name__}')
    if len(names) != len(labels):
        raise ValueError(f'{expected}, got {len(names)} and {len(labels)}')
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in 'iu' or numbers.ndim != 1:
        raise ValueError(f'{expected}; labels must be class indices, got {numbers.dtype} {numbers.shape}')
    return [plain_name(str(name)) for name in names], numbers.tolist()
