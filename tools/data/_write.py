"""The annotation pickle of a data tool: the same clips give the same bytes, in one run or merged from shards."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyskl.datasets.records.annotations import Splits, identifier, replacing, write_annotations

_PLAIN = (bool, int, float, str, type(None))


def write_pickle(path: Path, records: Sequence[dict], splits: Splits | None) -> Splits | None:
    """Write records and splits; what the splits became.

    Args:
        path: The file; its folder is made.
        records: The annotations; none, as the shard of a small set may have, give a file that only merge.py reads.
        splits: Names by split, in any order, also of clips that are not there: each becomes those of its names that
            are, in the order of the records, so that shards in a row have the order of the whole.

    Raises:
        ValueError: If a record is wrong.
    """
    known: dict = {}
    records = [_settled(record, known) for record in records]
    if splits is not None:
        key = identifier(records) if records else None
        sets = {split: set(members) for split, members in splits.items()}
        names = [record[key] for record in records]
        splits = {_settled(split, known): [name for name in names if name in sets[split]] for split in splits}
    if records:
        write_annotations(path, records, splits)
        return splits
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        pickle.dump({'split': splits, 'annotations': []}, file, protocol=4)
    return splits


def _settled(value: object, known: dict) -> object:
    """``value`` with equal texts and tuples being one object each, and arrays and dtypes NumPy's own.

    A pickle writes an object that it has met as a reference, so that otherwise the bytes would tell which records came
    from the same file.
    """
    if isinstance(value, str):
        return known.setdefault(value, value)
    if isinstance(value, dict):
        return {_settled(key, known): _settled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item, known) for item in value]
    if isinstance(value, tuple):
        items = tuple(_settled(item, known) for item in value)
        plain = all(type(item) in _PLAIN for item in items)
        return known.setdefault((tuple, repr(items)), items) if plain else items
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and value.dtype.names is None:
        return value.view(np.ndarray).view(np.dtype(value.dtype.str))
    return value
