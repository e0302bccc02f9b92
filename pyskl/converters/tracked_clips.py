"""Convert the detections in a video to an annotation: persons are tracked, gaps filled, the image size recorded."""

import argparse

import numpy as np

from pyskl.converters.job import LeftOut
from pyskl.converters.labels import Row
from pyskl.pose.tracking import track_persons

NOBODY = 'no person'
TRACKING = ('max_persons', 'max_gap', 'min_length')  # options that affect the records
HALF_PIXELS = 2048  # float16 is exact for whole pixels up to here; PYSKL's files are float16


def add_tracking_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-persons``, ``--max-gap``, ``--min-length``."""
    parser.add_argument(
        '--max-persons',
        type=int,
        metavar='N',
        default=2,
        help='persons per clip, by length x mean score (default: 2)',
    )
    parser.add_argument(
        '--max-gap', type=int, metavar='N', default=10, help='longest gap to fill in a track, in frames'
    )
    parser.add_argument('--min-length', type=int, metavar='N', default=5, help='drop persons present in fewer frames')


def check_counts(args: argparse.Namespace, **least: int) -> None:
    """Validate counts: not too small, at most 10000; ``least`` adds options to those of tracking.

    Raises:
        ValueError: If a count is out of range.
    """
    for option, lowest in {**least, 'max_persons': 1, 'max_gap': 0, 'min_length': 1}.items():
        if not lowest <= getattr(args, option) <= 10_000:
            raise ValueError(f'--{option.replace("_", "-")} must be {lowest} to 10000, got {getattr(args, option)}')


def tracked(
    frame: np.ndarray,
    keypoint: np.ndarray,
    score: np.ndarray,
    num_frames: int,
    options: argparse.Namespace,
    track: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Call :func:`pyskl.pose.tracking.track_persons` with ``options``: ``(M, T, V, 2)`` pixels, ``(M, T, V)`` scores.

    Raises:
        LeftOut: If no person is present long enough.
    """
    chosen = {name: getattr(options, name) for name in TRACKING}
    keypoint, score = track_persons(frame, keypoint, score, num_frames, track=track, **chosen)
    if not len(keypoint):
        raise LeftOut(NOBODY, f'no person is present in {options.min_length} frames')
    return keypoint, score


def annotation(row: Row, keypoint: np.ndarray, score: np.ndarray, size: tuple[int, int]) -> dict:
    """Build the record of a clip.

    Args:
        row: Row with name and label.
        keypoint: ``(M, T, V, 2)`` pixels.
        score: ``(M, T, V)``.
        size: (height, width) of the image, pixels.
    """
    return {
        'frame_dir': row.name,
        'label': row.label,
        'total_frames': keypoint.shape[1],
        'img_shape': size,
        'original_shape': size,
        'keypoint': keypoint.astype(np.float16 if np.abs(keypoint).max() <= HALF_PIXELS else np.float32),
        'keypoint_score': score.astype(np.float16),
    }
