"""Read score files of PYSKL, MMAction2 and this package without running code.

- ``tools/test.py --dump`` of this package: a list of dicts frame_dir, label, score (pickle, JSON or YAML);
- MMAction2's ``--dump``: a pickled list of dicts with tensors pred_score and gt_label;
- PYSKL's ``--out`` (and that of this package): a list of arrays, in the order of a split of an annotation file.
"""

import json
from pathlib import Path

import numpy as np
import yaml

from pyskl.datasets.records.annotations import identifier, read_annotations, unknown_split
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.datasets.records.torch_file import load_bytes, rebuild
from pyskl.evaluation.fusion import Predictions

_WHAT = 'score file'


def _tensor(storage: object, *arguments: object) -> np.ndarray:
    """Stand-in for ``torch._utils._rebuild_tensor_v2`` that returns an array."""
    tensor = rebuild(storage, *arguments)
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy().copy()


_TENSORS = {('torch.storage', '_load_from_bytes'): load_bytes, ('torch._utils', '_rebuild_tensor_v2'): _tensor}


def _read(path: Path) -> object:
    if path.suffix in ('.pkl', '.pickle'):
        return load_numbers(path, _WHAT, 'the path', _TENSORS)
    if path.suffix not in ('.json', '.yaml', '.yml'):
        raise ValueError(f'{_WHAT} {str(path)!r} must end with .pkl, .pickle, .json, .yaml or .yml')
    try:
        with path.open(encoding='utf-8') as file:
            return json.load(file) if path.suffix == '.json' else yaml.safe_load(file)
    except (ValueError, yaml.YAMLError) as error:
        message = ' '.join(str(error).split())
        raise ValueError(f'{_WHAT} {str(path)!r} is truncated or of another format: {message}') from None


def _item(row: dict, *keys: str) -> object:
    """Return the first of these keys; MMAction2 before 1.2 nests the value under ``item``."""
    value = next((row[key] for key in keys if key in row), None)
    return value.get('item') if isinstance(value, dict) else value


def _label(value: object, path: Path, number: int) -> int:
    label = np.asarray(-1 if value is None else value)
    if label.size != 1 or label.dtype.kind not in 'iu' or label.item() < 0:
        raise ValueError(f'{_WHAT} {str(path)!r}: clip number {number} must have one class, got label {value!r}')
    return label.item()


def _scores(rows: list, path: Path) -> np.ndarray:
    shapes = [np.shape(row) if row is not None else None for row in rows]
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0] or shape is None or len(shape) != 1), None)
    if odd is not None:
        raise ValueError(
            f'{_WHAT} {str(path)!r}: the score of clip number {odd} has shape {shapes[odd]}; each clip needs one '
            'number per class (for scores per view, test with --average-clips)'
        )
    return np.asarray(rows, dtype=np.float64)


def _of_split(ann_file: str, split: str | None) -> tuple[tuple[str, ...], list]:
    """Return names and labels of the clips of a split, in test order."""
    records, splits = read_annotations(ann_file)
    key = identifier(records)
    if split is not None:
        if split not in (splits or ()):
            raise unknown_split(ann_file, split, list(splits or ()))
        members = set(splits[split])
        records = [record for record in records if record[key] in members]
    return tuple(str(record[key]) for record in records), [record.get('label') for record in records]


def read_predictions(path: str | Path, ann_file: str | None = None, split: str | None = None) -> Predictions:
    """Read one file of scores.

    Args:
        path: The file.
        ann_file: For a list of arrays: the annotation file that was tested.
        split: For a list of arrays: the split that was tested; None for all records.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the file has none of the three formats, or does not match the annotations.
    """
    path = Path(path)
    rows = _read(path)
    if not isinstance(rows, list | tuple) or not len(rows):
        raise ValueError(f'{_WHAT} {str(path)!r} must be a list with one entry per clip, got {type(rows).__name__}')
    if not isinstance(rows[0], dict):
        if ann_file is None:
            raise ValueError(
                f'{_WHAT} {str(path)!r} is a list without labels; specify the tested clips with --ann FILE --split NAME'
            )
        names, labels = _of_split(ann_file, split)
        if len(names) != len(rows):
            raise ValueError(
                f'{_WHAT} {str(path)!r} has {len(rows)} scores, but split {split!r} has {len(names)} clips'
            )
        scores = _scores(list(rows), path)
    else:
        broken = next((i for i, row in enumerate(rows) if not isinstance(row, dict)), None)
        if broken is not None:
            raise ValueError(f'{_WHAT} {str(path)!r}: entry number {broken} is not a dict, but the first one is')
        scores = _scores([_item(row, 'score', 'pred_score', 'pred_scores') for row in rows], path)
        labels = [_item(row, 'label', 'gt_label', 'gt_labels') for row in rows]
        named = all(row.get('frame_dir') is not None for row in rows)
        names = tuple(str(row['frame_dir']) for row in rows) if named else None
    numbers = np.array([_label(label, path, i) for i, label in enumerate(labels)], dtype=np.int64)
    outside = np.flatnonzero(numbers >= scores.shape[1])
    if len(outside):
        raise ValueError(
            f'{_WHAT} {str(path)!r}: clip number {outside[0]} has class {numbers[outside[0]]}, but only '
            f'{scores.shape[1]} scores'
        )
    if np.isnan(scores).any():
        raise ValueError(f'{_WHAT} {str(path)!r}: clip number {np.isnan(scores).any(1).argmax()} has a NaN score')
    return Predictions(str(path), names, numbers, scores)
