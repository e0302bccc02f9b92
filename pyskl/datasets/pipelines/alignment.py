"""Rotate each person into a body-centred coordinate frame: InfoGCN's preparation of NTU RGB+D.

Source: ``create_aligned_dataset`` of https://github.com/stnoah1/infogcn.
"""

import math

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.records.checks import JOINTS
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_skeleton


def body_frame(spine: np.ndarray, hips: np.ndarray, mirror: bool) -> np.ndarray | None:
    """Rotation ``(3, 3)``; unit rows: hips made orthogonal to the spine, the vector orthogonal to both, the spine.

    Args:
        spine: ``(3,)``, upwards.
        hips: ``(3,)``, from right to left.
        mirror: Whether the second row is ``hips x spine``, a left-handed frame, in place of ``spine x hips``.

    Returns:
        None if the two vectors are parallel or zero.
    """
    up, across = spine.astype(np.float64), hips.astype(np.float64)
    length = math.sqrt(up.dot(up))
    if not length > 0:
        return None
    up /= length
    across -= up.dot(across) * up
    length = math.sqrt(across.dot(across))
    if not length > 1e-9:
        return None
    across /= length
    (a, b, c), (d, e, f) = (across.tolist(), up.tolist()) if mirror else (up.tolist(), across.tolist())
    return np.array([across, [b * f - c * e, c * d - a * f, a * e - b * d], up])


@TRANSFORMS.register_module()
class AlignPersons(BaseTransform):
    """Rotate each person so that the spine points to +z and the hips lie along x in the person's first frame.

    All frames of a person are rotated alike and none is translated. Persons whose spine or hips have zero length in
    that frame are unchanged (the released code drops such clips). The defaults only rotate; the released InfoGCN uses
    ``mirror=True, erase_late=True``.

    Required Keys: keypoint ``(M, T, V, 3)``
    Modified Keys: keypoint

    Args:
        dataset: The skeleton; it needs a spine, and joints 'left_hip' and 'right_hip'.
        mirror: Whether to mirror bodies as well (x, -y, z), as in the released code.
        erase_late: Whether to zero persons who are absent from the first frame of the clip.

    Raises:
        ValueError: If the skeleton lacks these joints, or a sample does not fit it.
    """

    once_a_clip = True
    changes = (JOINTS,)

    def __init__(self, dataset: str | dict = 'nturgb+d', mirror: bool = False, erase_late: bool = False) -> None:
        skeleton = get_skeleton(dataset)
        if skeleton.spine is None or not {'left_hip', 'right_hip'} <= set(skeleton.joints):
            raise ValueError(
                f'AlignPersons dataset={skeleton.name!r} must have a spine and joints named left_hip and right_hip'
            )
        self.dataset = dataset
        self.mirror = mirror
        self.erase_late = erase_late
        self._skeleton = skeleton
        self._hips = skeleton.joints.index('left_hip'), skeleton.joints.index('right_hip')

    def transform(self, results: dict) -> dict:
        keypoint = to_float32(results['keypoint'])
        if keypoint.shape[2:] != (self._skeleton.num_joints, 3):
            raise ValueError(
                f'AlignPersons dataset={self._skeleton.name!r} expects joints (M, T, {self._skeleton.num_joints}, 3), '
                f'but sample {sample_name(results)} has keypoint {keypoint.shape}'
            )
        out = keypoint.copy()
        for person in out if out.size else ():
            seen = 0 if person[0].any() else int(person.any(axis=(1, 2)).argmax())
            if seen > 0 and self.erase_late:
                person[:] = 0
                continue
            frame = self._frame(person[seen])
            if frame is not None:
                person[:] = (person.reshape(-1, 3) @ frame.T.astype(person.dtype)).reshape(person.shape)
        results['keypoint'] = out
        return results

    def _frame(self, joints: np.ndarray) -> np.ndarray | None:
        """Rotation of one person, from one frame ``(V, 3)``."""
        (bottom, top), (left, right) = self._skeleton.spine, self._hips
        return body_frame(joints[top] - joints[bottom], joints[left] - joints[right], self.mirror)
