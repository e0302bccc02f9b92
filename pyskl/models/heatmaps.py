"""Skeleton -> the module that draws its heatmaps."""

from collections.abc import Sequence

from pyskl.models.layers.heatmaps import JointHeatmaps, LimbHeatmaps, PoseHeatmaps
from pyskl.skeletons import get_limbs, get_skeleton, limb_mirror_order, mirror_order


def _size(size: int | Sequence[int], name: str) -> tuple[int, int]:
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(not isinstance(side, int) or side < 1 for side in pair):
        raise ValueError(f'model.heatmaps.{name} must be pixels, one number or (height, width), got {size!r}')
    return pair


def _sides(left: Sequence[int] | None, right: Sequence[int] | None, *names: str) -> tuple | None:
    if (left is None) != (right is None):
        raise ValueError(
            f'model.heatmaps: {" and ".join(names)} must both be given, or neither, got {left} and {right}'
        )
    return None if left is None else (left, right)


def pose_heatmaps(
    layout: str | dict = 'coco',
    with_kp: bool = True,
    with_limb: bool = False,
    skeletons: str | Sequence[Sequence[int]] | None = None,
    sigma: float = 0.6,
    double: bool = False,
    train_size: int | Sequence[int] = 56,
    test_size: int | Sequence[int] = 64,
    left_kp: Sequence[int] | None = None,
    right_kp: Sequence[int] | None = None,
    left_limb: Sequence[int] | None = None,
    right_limb: Sequence[int] | None = None,
) -> PoseHeatmaps:
    """Heatmaps as the transform GeneratePoseTarget draws them, on the device.

    Args:
        layout: The skeleton of the joints.
        with_kp: Draw joints.
        with_limb: Draw limbs; one of the two.
        skeletons: The limbs in channel order: None for the layout's, a name of ``pyskl.skeletons.LIMB_ORDERS``, or
            pairs of joints.
        sigma: Of the bell, pixels.
        double: Whether every clip is seen mirrored too in evaluation (validation and test).
        train_size: Of the picture that the training pipeline ends with, pixels: of a square, or (height, width).
        test_size: The same in evaluation.
        left_kp: Joints of the left side; None: the layout's.
        right_kp: Their partners, in the same order.
        left_limb: Limbs of the left side; None: those between joints whose partners are limbs too.
        right_limb: Their partners, in the same order.

    Raises:
        ValueError: If a value is unknown or impossible.
    """
    if bool(with_kp) == bool(with_limb):
        raise ValueError(f'model.heatmaps: one of with_kp and with_limb must be True, got {with_kp=} and {with_limb=}')
    if not sigma > 0:
        raise ValueError(f'model.heatmaps.sigma must be above 0, got {sigma!r}')
    skeleton = get_skeleton(layout)
    sides = _sides(left_kp, right_kp, 'left_kp', 'right_kp') or (skeleton.left, skeleton.right)
    partners = mirror_order(skeleton.num_joints, *sides, 'model.heatmaps.left_kp, right_kp')
    options = {
        'num_joints': skeleton.num_joints,
        'sigma': sigma,
        'double': double,
        'train_size': _size(train_size, 'train_size'),
        'test_size': _size(test_size, 'test_size'),
    }
    if with_kp:
        return JointHeatmaps(partners=partners, **options)
    limbs = get_limbs(skeletons, skeleton)
    sides = _sides(left_limb, right_limb, 'left_limb', 'right_limb')
    if sides is None:
        partners = limb_mirror_order(limbs, partners)
    else:
        partners = mirror_order(len(limbs), *sides, 'model.heatmaps.left_limb, right_limb')
    return LimbHeatmaps(limbs, partners=partners, **options)
