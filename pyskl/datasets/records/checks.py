"""Checks of clips for a given use: each finds one kind of fault in a table of clips.

A transform declares the checks of its input (:meth:`BaseTransform.checks`); :mod:`pyskl.datasets.fit` runs them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pyskl.datasets.records.clip_table import ClipTable

FAILS, MISLEADS, NOTE = 'fails', 'misleads', 'note'  # training would raise; its results would mislead; worth knowing
JOINTS, FRAMES = 'joints', 'frames'  # parts of a record that a check may need unchanged: joints (and scores), frames
MAX_SCORE = 2.0  # scores lie in [0, 1], or slightly above for some estimators; depths and percentages exceed that
USUAL = 0.1  # fraction of clips from which a fault is attributed to the file rather than to single clips
_SHARES_UP_TO = 2.0  # a clip whose coordinates are all below this has fractions of the image size, or is normalised
_SMALLEST_IMAGE = 16  # pixels; in a smaller image coordinates up to 2 may be pixels


@dataclass(frozen=True)
class Check:
    """One kind of fault.

    Args:
        what: The fault and how to fix it, to follow 'record X'; without values of a clip.
        bad: Maps a table to bool ``(n,)``.
        detail: Maps a table and a row to what was found in that clip.
        needs: JOINTS or FRAMES: the check applies only before a transform changes these.
        share: Fraction of the clips from which the fault fails training; 0: one clip suffices.
        otherwise: Severity below that fraction; None: not reported.
    """

    what: str
    bad: Callable[[ClipTable], np.ndarray]
    detail: Callable[[ClipTable, int], str]
    needs: str | None = None
    share: float = 0.0
    otherwise: str | None = None


def _span(low: float, high: float) -> str:
    return f'{low:.4g} to {high:.4g}'


def _xy(table: ClipTable, row: int) -> str:
    size = f'({table.height[row]:.0f}, {table.width[row]:.0f})'
    return (
        f'x {_span(table.x_low[row], table.x_high[row])}, y {_span(table.y_low[row], table.y_high[row])}, img_shape '
        f'{"missing" if np.isnan(table.height[row]) else size}'
    )


def image_checks(default: tuple[int, int] | None = None) -> list[Check]:
    """Whether joints are pixels in an image of ``img_shape``.

    Args:
        default: (height, width) of records without ``img_shape``; None: a record needs its own.
    """

    def sizes(table: ClipTable) -> tuple[np.ndarray, np.ndarray]:
        if default is None:
            return table.height, table.width
        return tuple(np.where(np.isnan(s), d, s) for s, d in zip((table.height, table.width), default, strict=True))

    def reach(table: ClipTable) -> np.ndarray:
        return np.fmax.reduce([table.x_high, -table.x_low, table.y_high, -table.y_low])

    def shares(table: ClipTable) -> np.ndarray:
        height, width = sizes(table)
        return table.known & table.seen & (reach(table) <= _SHARES_UP_TO) & (np.fmin(height, width) >= _SMALLEST_IMAGE)

    def outside(table: ClipTable) -> np.ndarray:
        height, width = sizes(table)
        right = (table.x_high > 2 * width) | (table.y_high > 2 * height)
        return (right | (table.x_low < -width) | (table.y_low < -height)) & ~swapped(table)

    def swapped(table: ClipTable) -> np.ndarray:
        height, width = sizes(table)
        beyond = (table.x_high > 1.1 * width) & (table.x_low >= -0.05 * width)
        return beyond & (table.x_high <= 1.05 * height) & (table.y_high <= 1.05 * width)

    checks = [
        Check(
            'has joints as fractions of the image size (or normalised), but pixels are needed; multiply x by the '
            'width and y by the height',
            shares, _xy, JOINTS, USUAL, MISLEADS,
        ),
        Check(
            'has img_shape with height and width swapped; it must be (height, width)',
            swapped, _xy, JOINTS, 0.25, None,
        ),
        Check(
            'has joints far outside the image of img_shape, (height, width); both must be in pixels of the same image',
            outside, _xy, JOINTS, USUAL, NOTE,
        ),
    ]  # fmt: skip
    if default is None:
        checks.append(
            Check(
                'has no img_shape; it must be (height, width) in pixels',
                lambda table: table.known & np.isnan(table.height),
                lambda table, row: f'keypoint {_shape(table, row)}',
            )
        )
    return checks


def _shape(table: ClipTable, row: int) -> str:
    return str(tuple(table.shapes[row].tolist()))


def score_checks(
    layout: str | None = None, way_out: str = 'for 3D joints use a 3D layout and PreNormalize3D'
) -> list[Check]:
    """Whether ``keypoint_score``, or the third channel of 2D joints, has values of scores.

    Args:
        layout: The 2D skeleton, for the message.
        way_out: Advice for 3D joints.
    """
    where = f' of the 2D layout {layout!r}' if layout else ' of 2D joints'
    return [
        Check(
            f'has a third channel that is not a score{where}: it must lie between 0 and 1; {way_out}',
            lambda table: (table.third_low < 0) | (table.third_high > 100),
            lambda table, row: f'{_span(table.third_low[row], table.third_high[row])}',
            JOINTS,
        ),
        Check(
            f'has a third channel up to 100, not a score{where}; divide percentages by 100, or '
            f'{way_out}',
            lambda table: (table.third_low >= 0) & (table.third_high > MAX_SCORE) & (table.third_high <= 100),
            lambda table, row: f'{_span(table.third_low[row], table.third_high[row])}',
            JOINTS, USUAL, MISLEADS,
        ),
        Check(
            'has keypoint_score outside 0 to 1; divide percentages by 100',
            lambda table: (table.score_low < 0) | (table.score_high > MAX_SCORE),
            lambda table, row: f'{_span(table.score_low[row], table.score_high[row])}',
            JOINTS, USUAL, MISLEADS,
        ),
    ]  # fmt: skip


def drawing_checks() -> list[Check]:
    """Whether joints can be drawn as heatmaps in an image of ``img_shape``."""
    return score_checks(way_out='heatmaps need 2D (hrnet) annotations') + image_checks()


def nobody_check() -> Check:
    """Whether a person is visible."""
    return Check(
        'shows no person: all joints are 0 or have score 0; remove such clips',
        lambda table: table.known & ~table.seen,
        lambda table, row: f'keypoint {_shape(table, row)}',
        None, 1.0, NOTE,
    )  # fmt: skip


def joint_checks(num_joints: int, dims: int | None, name: str | None = None) -> list[Check]:
    """Whether the joints fit the network's skeleton.

    Args:
        num_joints: V.
        dims: 2 or 3 coordinates; None: not checked.
        name: Name of the skeleton.
    """
    skeleton = f'skeleton {name!r}' if name else 'skeleton'
    checks = [
        Check(
            f"does not have the {num_joints} joints of the network's {skeleton}; set graph_cfg.layout and GenSkeFeat's "
            f'dataset to the skeleton of the data',
            lambda table: table.known & (table.shapes[:, 2] != num_joints),
            lambda table, row: f'keypoint {_shape(table, row)}',
        )
    ]
    if dims == 3:
        checks.append(
            Check(
                f"has 2D joints, but the network's {skeleton} is 3D; use a 2D layout and PreNormalize2D",
                lambda table: table.known & ((table.shapes[:, 3] != 3) | table.has_score),
                lambda table, row: f'keypoint {_shape(table, row)}',
            )
        )
    return checks + (score_checks(name) if dims == 2 else [])


def layout_check(what: str, num_joints: int) -> Check:
    """Whether the number of joints fits a transform."""
    return Check(
        f'does not have the {num_joints} joints of {what}; set it to the skeleton of the data',
        lambda table: table.known & (table.shapes[:, 2] != num_joints),
        lambda table, row: f'keypoint {_shape(table, row)}',
    )


def label_checks(num_classes: int, need_labels: bool) -> list[Check]:
    """Whether labels are classes of the head.

    Args:
        num_classes: Number of classes.
        need_labels: Whether a clip without a label is a fault.
    """
    checks = [
        Check(
            f'has a label outside 0 to {num_classes - 1} (num_classes={num_classes}); set num_classes of the head to '
            f'the number of classes of the data',
            lambda table: table.labels >= num_classes,
            lambda table, row: f'label {table.labels[row]}',
        )
    ]
    if need_labels:
        checks.insert(
            0,
            Check(
                'has no label (-1 means none); training needs a class index',
                lambda table: table.labels < 0,
                lambda table, row: f'label {table.record(row).get("label")!r}',
            ),
        )
    return checks


def several_labels_check(num_classes: int) -> Check:
    """Whether all classes of multi-label clips are classes of the head."""

    def outside(table: ClipTable) -> np.ndarray:
        labels = (table.record(row).get('label') for row in range(len(table)))
        return np.array([any(not 0 <= c < num_classes for c in np.ravel(x)) if x is not None else True for x in labels])

    return Check(
        f'has a label outside num_classes={num_classes}',
        outside,
        lambda table, row: f'label {table.record(row).get("label")!r}',
    )


def length_check(transform: str, most: int) -> Check:
    """Whether clips are short enough for a transform."""
    return Check(
        f'has more frames than {transform}={most}; increase it, or use UniformSample instead',
        lambda table: table.shapes[:, 1] > most,
        lambda table, row: f'{table.shapes[row, 1]} frames',
        FRAMES,
    )
