"""Entry of a record store, computed from a single record so that any process can create it."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pyskl.datasets.records.annotations import record_problem
from pyskl.datasets.records.boxes import boxes_shape, has_boxes
from pyskl.datasets.records.clip_table import NO_LABEL, UNKNOWN, label_of, ranges_of, valid_of
from pyskl.datasets.records.pickle_objects import shown
from pyskl.datasets.records.store_format import MAX_KINDS, WHOLE, Kind, Schema, encoded, schema_of


class Entry(NamedTuple):
    """A record in a store.

    Args:
        name: Name of the record; None if it has none.
        member: Value of the key that splits refer to.
        problem: Description of what is wrong with the record; None for a valid one.
        shape: M, T, V, C of ``keypoint`` in the annotation file; zeros if it has none.
        has_score: Whether there is a ``keypoint_score`` in the annotation file.
        ranges: See :mod:`pyskl.datasets.records.clip_table`.
        valid: See ``valid_of``; None if the record has no ``valid``.
        label: Class; -1 for none, several, or an invalid one.
        schema: Schema of the block.
        block: The encoded record.
    """

    name: str | None
    member: object
    problem: str | None
    shape: tuple[int, ...]
    has_score: bool
    ranges: list[float]
    valid: list[float] | None
    label: int
    schema: Schema
    block: bytes


class EntryMaker:
    """Create entries.

    Args:
        prepare: Maps a valid record to the one that is stored instead.
    """

    def __init__(self, prepare: Callable[[dict], dict] | None = None) -> None:
        self._prepare = prepare
        self._kinds: dict[Schema, Kind] = {WHOLE: Kind(WHOLE)}
        self._dropped = set()

    def entry(self, record: dict, key: str) -> Entry:
        """Create the entry of a record; splits refer to its ``key``."""
        problem = record_problem(record)
        name = record.get('frame_dir', record.get('filename'))
        if name is not None or 'frame_dir' in record or 'filename' in record:
            name = str(name) if isinstance(name, str | int | float | np.generic) else shown(name)
        shape, has_score = (0, 0, 0, 0), False
        if problem is None and record.get('keypoint') is not None:
            boxes = has_boxes(record)
            shape = boxes_shape(record) if boxes else record['keypoint'].shape
            has_score = boxes or record.get('keypoint_score') is not None
        schema, block = self._encoded(record if self._prepare is None or problem is not None else self._prepare(record))
        return Entry(
            name,
            record.get(key),
            problem,
            shape,
            has_score,
            (ranges_of(record) if problem is None else UNKNOWN).tolist(),
            valid_of(record) if 'valid' in record else None,
            _label(record),
            schema,
            block,
        )

    def _encoded(self, record: dict) -> tuple[Schema, bytes]:
        try:
            schema, kind = self._kind(record)
            return schema, kind.write(record)
        except TypeError:
            storable = {key: value for key, value in record.items() if self._is_storable(key, value)}
            schema, kind = self._kind(storable)
            return schema, kind.write(storable)

    def _kind(self, record: dict) -> tuple[Schema, Kind]:
        schema = schema_of(record)
        if schema not in self._kinds:
            if len(self._kinds) > MAX_KINDS:
                return WHOLE, self._kinds[WHOLE]
            self._kinds[schema] = Kind(schema)
        return schema, self._kinds[schema]

    def _is_storable(self, key: object, value: object) -> bool:
        try:
            encoded(value)
        except TypeError:
            if key not in self._dropped:
                warnings.warn(f'{key!r} of type {type(value).__name__} cannot be stored and is omitted')
                self._dropped.add(key)
            return False
        return True


def _label(record: dict) -> int:
    try:
        return max(label_of(record), NO_LABEL)
    except (ValueError, TypeError, OverflowError):
        return NO_LABEL
