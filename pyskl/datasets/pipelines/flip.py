"""Horizontal flip, which swaps left and right joints."""

from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.geometry2d import joints_in_image
from pyskl.datasets.records.checks import JOINTS, Check, drawing_checks, layout_check
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_skeleton, mirror_order


def sides(left: Sequence[int] | None, right: Sequence[int] | None, name: str) -> tuple[tuple | None, tuple | None]:
    """Return both lists as tuples, or None and None."""
    if (left is None) != (right is None):
        raise ValueError(f'{name} must both be given, or neither, got {left!r} and {right!r}')
    return (None, None) if left is None else (tuple(left), tuple(right))


class Mirror:
    """Permutation of the joints under a flip, from the given lists or else from the layout.

    Args:
        name: The transform, for messages.
        left: Joints of the left side, or None.
        right: Their partners, in the same order, or None.
        layout: The skeleton, or None: any if ``left`` is given, else coco.

    Raises:
        ValueError: If the lists do not pair distinct joints, or name joints outside the layout.
    """

    def __init__(
        self, name: str, left: Sequence[int] | None, right: Sequence[int] | None, layout: str | dict | None
    ) -> None:
        self.name = name
        self.left, self.right = sides(left, right, f'{name} left_kp and right_kp')
        self.skeleton = get_skeleton(layout or 'coco') if layout is not None or left is None else None
        self.is_default = layout is None
        count = max((*self.left, *self.right, 0)) + 1 if self.skeleton is None else self.skeleton.num_joints
        self._of(count)

    def _of(self, num_joints: int) -> np.ndarray:
        both = (self.left, self.right) if self.left is not None else (self.skeleton.left, self.skeleton.right)
        return np.array(mirror_order(num_joints, *both, 'left_kp, right_kp'))

    def partners(self, results: dict) -> np.ndarray:
        """Permutation ``(V,)`` for the joints of a sample.

        Raises:
            ValueError: If they are not those of the layout, or fewer than the lists name.
        """
        num_joints = results['keypoint'].shape[2]
        if self.skeleton is not None and num_joints != self.skeleton.num_joints:
            fix = 'set left_kp and right_kp, or ' if self.left is None else ''
            raise ValueError(
                f'{self.name} layout={self.skeleton.name!r} has {self.skeleton.num_joints} joints, but sample '
                f'{sample_name(results)} has keypoint {results["keypoint"].shape}; {fix}set layout= to the skeleton of '
                f'the data'
            )
        return self._of(num_joints)

    def checks(self) -> list[Check]:
        """Whether clips have the layout's joints."""
        if self.skeleton is None:
            return []
        return [layout_check(f'{self.name} layout={self.skeleton.name!r}', self.skeleton.num_joints)]


@TRANSFORMS.register_module()
class Flip(BaseTransform):
    """Flip the image and swap left and right joints.

    Required Keys: keypoint, img_shape, keypoint_score (optional), label (with ``flip_label_map``)
    Modified Keys: keypoint, keypoint_score, label
    Added Keys: flip

    Args:
        flip_ratio: Probability of a flip, 0 to 1.
        direction: 'horizontal'.
        flip_label_map: Label -> label of the mirrored action.
        left_kp: Joints of the left side; None: the layout's (PYSKL then swaps nothing).
        right_kp: Their partners, in the same order.
        layout: The skeleton of the joints; None: any if ``left_kp`` is given, or else coco.
    """

    changes = (JOINTS,)

    def __init__(
        self,
        flip_ratio: float = 0.5,
        direction: str = 'horizontal',
        flip_label_map: dict[int, int] | None = None,
        left_kp: Sequence[int] | None = None,
        right_kp: Sequence[int] | None = None,
        layout: str | dict | None = None,
    ) -> None:
        if direction != 'horizontal':
            raise ValueError(
                f"Flip direction must be 'horizontal', got {direction!r}, the only flip defined for joints"
            )
        if not 0 <= flip_ratio <= 1:
            raise ValueError(f'Flip flip_ratio must be in [0, 1], got {flip_ratio!r}')
        self.flip_ratio = flip_ratio
        self.direction = direction
        self.flip_label_map = dict(flip_label_map or {})
        self.mirror = Mirror('Flip', left_kp, right_kp, layout)

    def checks(self) -> list[Check]:
        return drawing_checks() + (self.mirror.checks() if self.flip_ratio else [])

    def transform(self, results: dict) -> dict:
        keypoint, (_, width) = joints_in_image(results, 'Flip')
        results['flip'] = bool(np.random.rand() < self.flip_ratio)
        if not results['flip']:
            return results
        partners = self.mirror.partners(results)
        keypoint = keypoint.take(partners, axis=2)
        x = keypoint[..., 0]
        np.subtract(width, x, out=x, where=x != 0)
        results['keypoint'] = keypoint
        if 'keypoint_score' in results:
            results['keypoint_score'] = results['keypoint_score'].take(partners, axis=2)
        if self.flip_label_map:
            results['label'] = self.flip_label_map.get(results['label'], results['label'])
        return results
