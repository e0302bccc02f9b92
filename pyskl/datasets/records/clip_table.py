"""Facts about clips that a config is checked against: labels, shapes, and ranges of coordinates and scores.

The ranges distinguish pixels from fractions of the image size, scores from depths, and clips with persons from empty
ones. They are computed once per record, when a store is written or a file is surveyed.

Legend: ``n`` clips, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.datasets.records.boxes import MAX_FRAMES, boxes_shape, has_boxes, whole_number

# Columns of survey and store tables. An undetected joint enters with its stored coordinates, usually 0. ``third`` is
# the third channel of keypoint, ``score`` keypoint_score (for boxes: their third channel). NaN if there is none.
COLUMNS = (
    'x_low', 'x_high', 'y_low', 'y_high', 'third_low', 'third_high', 'score_low', 'score_high', 'height', 'width',
)  # fmt: skip
NO_LABEL, SEVERAL_LABELS = -1, -2
_MAX_LABEL = 2**31
UNKNOWN = np.full(len(COLUMNS), np.nan, np.float32)


# Columns of the table ``valid`` of a store (Kinetics-400) after the number of frames: frames that have a box with at
# least this score.
VALID_SCORES = (0.5, 0.6, 0.7, 0.8, 0.9)


def valid_of(record: dict) -> list[float]:
    """Return ``total_frames`` and the entries of ``valid``; NaN if the record lacks them or ``box_score``."""
    valid, total = record.get('valid'), whole_number(record.get('total_frames'))
    counts = [valid.get(score) for score in VALID_SCORES] if isinstance(valid, dict) else [None] * len(VALID_SCORES)
    if 'box_score' not in record or total is None or not 1 <= total <= MAX_FRAMES:
        return [np.nan] * (1 + len(counts))
    counts = [whole_number(count) for count in counts]
    return [total, *(np.nan if count is None or not 0 <= count <= MAX_FRAMES else count for count in counts)]


def label_of(record: dict) -> int:
    """Return the class of a record, ``NO_LABEL`` or ``SEVERAL_LABELS``; a list or array of one class is accepted.

    Raises:
        ValueError: If it is not a class index.
    """
    label = record.get('label')
    if label is None:
        return NO_LABEL
    if isinstance(label, list | tuple | np.ndarray):
        if np.size(label) != 1:
            return SEVERAL_LABELS
        label = np.asarray(label).reshape(-1)[0]
    if isinstance(label, str | bytes) or not np.isscalar(label) or not -1 <= label < _MAX_LABEL or int(label) != label:
        raise ValueError(f'label {str(label)[:40]!r}')
    return int(label)


def _bounds(array: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each channel of ``(..., channels)``, float32; 0 for an empty array."""
    if not array.size:
        return np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    # Reduce whole rows: reducing short runs is ten times slower. Non-negative float16 values sort like their bits, and
    # integers are compared several times faster.
    rows = np.ascontiguousarray(array).reshape(-1, array.shape[-2] * channels if array.ndim > 1 else channels)
    if rows.dtype == np.float16:
        bits = rows.view(np.int16)
        low, high = bits.min(0), bits.max(0)
        if low.min() >= 0:
            low, high = low.view(np.float16), high.view(np.float16)
            low, high = low.reshape(-1, channels).min(0), high.reshape(-1, channels).max(0)
            return low.astype(np.float32), high.astype(np.float32)
        rows = rows.astype(np.float32)
    low, high = rows.min(0).reshape(-1, channels).min(0), rows.max(0).reshape(-1, channels).max(0)
    with np.errstate(over='ignore'):
        return low.astype(np.float32), high.astype(np.float32)


def ranges_of(record: dict) -> np.ndarray:
    """Compute the ranges ``(len(COLUMNS),)`` float32 of a valid record."""
    found = dict.fromkeys(COLUMNS, np.nan)
    keypoint, score = record.get('keypoint'), record.get('keypoint_score')
    if keypoint is not None:
        channels = keypoint.shape[-1]
        low, high = _bounds(keypoint, channels)
        third = 'score' if has_boxes(record) else 'third'
        for name, a, b in zip(('x', 'y', third), low, high, strict=False):
            found[f'{name}_low'], found[f'{name}_high'] = a, b
    if score is not None and keypoint is not None:
        (found['score_low'],), (found['score_high'],) = _bounds(score[..., None], 1)
    with contextlib.suppress(TypeError, ValueError, OverflowError):  # img_shape of a 3D record is not validated
        found['height'], found['width'] = map(float, record.get('img_shape', ()))
    return np.array(list(found.values()), np.float32)


@dataclass(frozen=True)
class ClipTable:
    """Facts about ``n`` clips.

    Args:
        labels: ``(n,)`` int64; ``NO_LABEL`` for none, ``SEVERAL_LABELS`` (or ``NO_LABEL``) for several.
        shapes: ``(n, 4)``: M, T, V, C; zeros if the joints are stored in another file.
        has_score: ``(n,)`` bool: whether there is a ``keypoint_score``.
        ranges: ``(n, len(COLUMNS))``; see :data:`COLUMNS`.
        record: Maps a row to its record.
    """

    labels: np.ndarray
    shapes: np.ndarray
    has_score: np.ndarray
    ranges: np.ndarray
    record: Callable[[int], dict]

    def __len__(self) -> int:
        return len(self.labels)

    def __getattr__(self, name: str) -> np.ndarray:
        """Return the column ``name`` of ``ranges``, ``(n,)``."""
        if name not in COLUMNS:
            raise AttributeError(name)
        return self.ranges[:, COLUMNS.index(name)]

    @property
    def known(self) -> np.ndarray:
        """``(n,)`` bool: whether the record contains its joints."""
        return self.shapes[:, 2] > 0

    @property
    def seen(self) -> np.ndarray:
        """``(n,)`` bool: whether any joint is not 0 and any score above 0."""
        # A store written before ranges existed has NaN in all of them: its clips are assumed to show a person.
        unknown = np.isnan(self.x_low) & np.isnan(self.x_high)
        columns = (self.x_low, self.x_high, self.y_low, self.y_high, self.third_low, self.third_high)
        moved = sum((~np.isnan(column) & (column != 0)) for column in columns) > 0
        return unknown | (moved & ~(self.score_high <= 0))


def table_of(records: Sequence[dict]) -> ClipTable:
    """Build the table of valid records; labels may be missing."""
    shapes, has_score = np.zeros((len(records), 4), np.int64), np.zeros(len(records), bool)
    for row, record in enumerate(records):
        if record.get('keypoint') is not None:
            boxes = has_boxes(record)
            shapes[row] = boxes_shape(record) if boxes else record['keypoint'].shape
            has_score[row] = boxes or record.get('keypoint_score') is not None
    return ClipTable(
        np.array([label_of(record) for record in records], np.int64),
        shapes,
        has_score,
        np.stack([ranges_of(record) for record in records]),
        records.__getitem__,
    )
