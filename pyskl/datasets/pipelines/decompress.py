"""Arrange detection boxes by person and frame: the first transform of Kinetics-400's pipelines."""

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.records.boxes import boxes_problem, counts_from_one
from pyskl.datasets.records.checks import FRAMES
from pyskl.registry import TRANSFORMS


def arrange_boxes(keypoint: np.ndarray, frame_inds: np.ndarray, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Convert ``(N, V, 3)`` to ``(M, T, V, 2)`` and scores ``(M, T, V)``, both float16, 0 where there is no box.

    The j-th stored box of a frame becomes person j: persons are not tracked over time.

    Args:
        keypoint: x, y, score of the joints of N boxes.
        frame_inds: ``(N,)``, the frame of each box, non-decreasing, from 0 to T - 1.
        num_frames: T.
    """
    person = np.arange(len(frame_inds)) - np.searchsorted(frame_inds, frame_inds)
    arranged = np.zeros((person.max() + 1, num_frames, *keypoint.shape[1:]), np.float16)
    arranged[person, frame_inds] = keypoint
    return arranged[..., :2], arranged[..., 2]


def surest_persons(
    keypoint: np.ndarray, score: np.ndarray, present: np.ndarray, max_person: int
) -> tuple[np.ndarray, np.ndarray]:
    """Select the ``max_person`` persons with the highest summed joint scores in each frame, in descending order.

    Args:
        keypoint: ``(M, T, V, 2)``.
        score: ``(M, T, V)`` float16, summed in float16 as published: near ties compare equal and stay in order.
        present: ``(T,)``, number of persons per frame.
        max_person: Number of persons to select.
    """
    sums = score.sum(-1)
    sums[np.arange(len(sums))[:, None] >= present] = -np.inf
    order = np.argsort(-sums, axis=0, kind='stable')[:max_person]
    frame = np.arange(len(present))
    return keypoint[order, frame], score[order, frame]


@TRANSFORMS.register_module()
class DecompressPose(BaseTransform):
    """Arrange the boxes of a Kinetics-400 record (:mod:`pyskl.datasets.records.boxes`) by person and frame.

    A sample that is already ``(M, T, V, C)``, without ``frame_inds``, is unchanged.

    Required Keys: keypoint ``(N, V, 3)``, frame_inds ``(N,)``, total_frames, anno_inds (optional: which boxes count)
    Modified Keys: keypoint ``(M, T, V, 2)`` float16, total_frames, frame_inds and anno_inds (removed)
    Added Keys: keypoint_score ``(M, T, V)`` float16, num_person (if persons were dropped)

    Args:
        squeeze: Whether to drop frames without a box; ``frame_inds`` may then start at any number.
        max_person: Maximum number of persons per frame; those with the highest scores are selected.

    Raises:
        ValueError: If no box is left, or the sample is not a record of boxes.
    """

    changes = (FRAMES,)

    def __init__(self, squeeze: bool = True, max_person: int = 10) -> None:
        if not isinstance(max_person, int) or max_person < 1:
            raise ValueError(f'DecompressPose max_person must be an integer of at least 1, got {max_person!r}')
        self.squeeze = squeeze
        self.max_person = max_person

    def transform(self, results: dict) -> dict:
        keypoint = results.get('keypoint')
        if keypoint is not None and keypoint.ndim == 4 and 'frame_inds' not in results:
            return results
        if keypoint is None or keypoint.ndim != 3 or 'frame_inds' not in results:
            shape = None if keypoint is None else keypoint.shape
            raise ValueError(
                f'DecompressPose expects keypoint (boxes, V, 3) and frame_inds, but sample {sample_name(results)} has '
                f'keypoint {shape} and the keys {sorted(results)}'
            )
        problem = boxes_problem(results)
        if problem is not None:
            raise ValueError(f'DecompressPose: sample {sample_name(results)} {problem}')
        frame_inds, num_frames = np.asarray(results.pop('frame_inds')), results['total_frames']
        if counts_from_one(frame_inds, num_frames):
            frame_inds = frame_inds - 1
        chosen = results.pop('anno_inds', None)
        if chosen is not None:
            keypoint, frame_inds = keypoint[chosen], frame_inds[chosen]
            if len(frame_inds) == 0:
                raise ValueError(
                    f'DecompressPose: no box of sample {sample_name(results)} has a score of at least box_thr; '
                    f'decrease box_thr or increase valid_ratio'
                )
        if self.squeeze:
            frame_inds = np.unique(frame_inds, return_inverse=True)[1]
            num_frames = int(frame_inds[-1]) + 1
        keypoint, score = arrange_boxes(keypoint, frame_inds, num_frames)
        if len(keypoint) > self.max_person:
            present = np.bincount(frame_inds, minlength=num_frames)
            keypoint, score = surest_persons(keypoint, score, present, self.max_person)
            results['num_person'] = self.max_person
        results.update(keypoint=keypoint, keypoint_score=score, total_frames=num_frames)
        return results
