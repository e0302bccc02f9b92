"""PYSKL's dataset of hand gestures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyskl.datasets.fit import Misfit
from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.registry import DATASETS


@DATASETS.register_module()
class GestureDataset(PoseDataset):
    """Dataset of hands: ``keypoint`` is ``(1, T, 21, 3)``, its third channel is positive where a joint was detected.

    Args:
        ann_file: See :class:`PoseDataset`.
        pipeline: See :class:`PoseDataset`.
        split: A split of the file, or several: ``'train+val'``.
        valid_frames_thr: Minimum ``valid_frames`` of a training record; 0 uses all records.
        squeeze: Whether to drop frames without a detected joint.
        mode: '2D' uses x and y only, '3D' all channels.
        subset: Classes to use; None: all.
        test_mode: See :class:`PoseDataset`.
        class_prob: See :class:`PoseDataset`.

    Raises:
        ValueError: If ``mode`` is unknown, and as :class:`PoseDataset`.
    """

    def __init__(
        self,
        ann_file: str | Path,
        pipeline: Sequence | None = None,
        split: str | None = None,
        valid_frames_thr: int = 0,
        squeeze: bool = True,
        mode: str = '2D',
        subset: Sequence[int] | None = None,
        test_mode: bool = False,
        class_prob: list | dict | str | None = None,
    ) -> None:
        if mode not in ('2D', '3D'):
            raise ValueError(f"GestureDataset mode must be '2D' or '3D', got {mode!r}")
        self.squeeze, self.mode = squeeze, mode
        super().__init__(ann_file, pipeline, split, test_mode=test_mode, class_prob=class_prob)
        self._take(valid_frames_thr if split and 'train' in split else 0, subset)

    def _select(self, split: str | None) -> np.ndarray | None:
        if split is None or '+' not in split:
            return super()._select(split)
        return np.unique(np.concatenate([super(GestureDataset, self)._select(part) for part in split.split('+')]))

    def _take(self, fewest: int, subset: Sequence[int] | None) -> None:
        """Drop records with too few valid frames, or of other classes."""
        if not fewest and subset is None:
            return
        indices = np.arange(len(self._store)) if self._indices is None else self._indices
        if subset is not None:
            indices = indices[np.isin(self._store.labels[indices], list(subset))]
        if fewest:
            found = [self._store.record(i).get('valid_frames', fewest) >= fewest for i in indices.tolist()]
            indices = indices[np.array(found, bool)]
        if not len(indices):
            raise ValueError(f'no record of {self.ann_file!r} satisfies valid_frames_thr={fewest}, subset={subset}')
        self._indices, self._filtered = indices, True

    def record(self, index: int) -> dict:
        """Return the annotation of sample ``index``; with ``squeeze`` without its empty frames."""
        record = super().record(index)
        keypoint = record['keypoint']
        if self.squeeze and keypoint.shape[-1] == 3:
            found = (keypoint[0, ..., 2] > 0).any(1)
            if found.any() and not found.all():
                keypoint = keypoint[:, found]
                record['total_frames'] = int(found.sum())
                for key in ('hand_score', 'hand_lr'):
                    if np.ndim(record.get(key)) > 1:
                        record[key] = record[key][:, found]
        record['keypoint'] = keypoint[..., :2] if self.mode == '2D' else keypoint
        return record

    def misfits(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[Misfit]:
        """See :meth:`BaseDataset.misfits`; coordinates are not checked, because ``mode`` selects them."""
        return super().misfits(num_joints, num_classes)
