"""What a pose estimator found in the frames of a video -> its annotation: persons linked, gaps filled, sizes told."""

import argparse

import numpy as np

from pyskl.converters.job import LeftOut
from pyskl.converters.labels import Row
from pyskl.pose.tracking import track_persons

NOBODY = 'no person'
TRACKING = ('max_persons', 'max_gap', 'min_length')  # options that decide the records
HALF_PIXELS = 2048  # up to here float16 tells pixels apart; PYSKL's files are float16


def add_tracking_options(parser: argparse.ArgumentParser) -> None:
    """``--max-persons``, ``--max-gap``, ``--min-length``."""
    parser.add_argument(
        '--max-persons', type=int, metavar='N', default=2, help='kept a clip, by length x mean score (default: 2)'
    )
    parser.add_argument(
        '--max-gap', type=int, metavar='N', default=10, help='frames a person may be missing and be filled in'
    )
    parser.add_argument('--min-length', type=int, metavar='N', default=5, help='frames; who is in fewer is left out')


def check_counts(args: argparse.Namespace, **least: int) -> None:
    """Refuse a count that is too small, or beyond 10000; ``least`` adds options to those of tracking.

    Raises:
        ValueError: If one is.
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
    """:func:`pyskl.pose.tracking.track_persons` by ``options``: ``(M, T, V, 2)`` pixels, ``(M, T, V)`` scores.

    Raises:
        LeftOut: If nobody is there long enough.
    """
    chosen = {name: getattr(options, name) for name in TRACKING}
    keypoint, score = track_persons(frame, keypoint, score, num_frames, track=track, **chosen)
    if not len(keypoint):
        raise LeftOut(NOBODY, f'nobody is there for {options.min_length} frames')
    return keypoint, score


def annotation(row: Row, keypoint: np.ndarray, score: np.ndarray, size: tuple[int, int]) -> dict:
    """The record of a clip.

    Args:
        row: Its name and label.
        keypoint: ``(M, T, V, 2)`` pixels.
        score: ``(M, T, V)``.
        size: (height, width) of the picture, pixels.
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
