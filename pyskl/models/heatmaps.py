"""Heatmaps of joints and limbs, generated on the device.

The numbers are those of ``GeneratePoseTarget``: ``s * exp(-d**2 / (2 * sigma**2))`` within ``3 * sigma`` of a joint or
limb of score s, truncated to whole pixels, exactly 0 outside, the larger value where persons overlap. The transform
computes only pixels near a joint; here all are computed, which is faster on a GPU.

B = samples times clips, M persons, T frames, V joints, K channels (joints or limbs), H x W pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.skeletons import get_limbs, get_skeleton, limb_mirror_order, mirror_order

LEAST_SCORE = 1e-3  # joints and limbs with a lower score are not drawn


def _window(low: Tensor, high: Tensor, pixel: Tensor) -> Tensor:
    """``(..., P)``: which pixels lie between ``low`` and ``high``, ``(...)``, truncated towards zero as published."""
    size = len(pixel)
    first, last = low.clamp(0, size).trunc(), high.clamp(-1, size - 1).trunc()
    return (pixel >= first[..., None]) & (pixel <= last[..., None])


class PoseHeatmaps(nn.Module):
    """Key points -> heatmap volumes; has no weights. Subclasses implement ``draw``.

    Args:
        num_joints: V.
        partners: The channel that each one becomes in a mirror image, ``(K,)``.
        sigma: Of the Gaussian, in pixels.
        double: Whether the recognizer adds the mirror images in evaluation.
        train_size: (height, width) in training.
        test_size: (height, width) in evaluation.
    """

    def __init__(
        self,
        num_joints: int,
        partners: Sequence[int],
        sigma: float,
        double: bool,
        train_size: tuple[int, int],
        test_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.num_joints = num_joints
        self.open_ended = False
        self.sigma = sigma
        self.double = double
        self.train_size = train_size
        self.test_size = test_size
        pixel = torch.arange(max(*train_size, *test_size), dtype=torch.float32)
        self.register_buffer('pixel', pixel, persistent=False)
        self.register_buffer('partners', torch.tensor(partners), persistent=False)

    def extra_repr(self) -> str:
        return (
            f'channels={len(self.partners)}, sigma={self.sigma}, train_size={self.train_size}, '
            f'test_size={self.test_size}, double={self.double}'
        )

    def mirror(self, volume: Tensor) -> Tensor:
        """``(B, K, T, H, W)`` mirrored: columns reversed, partners exchanged."""
        return volume.flip(-1).index_select(1, self.partners)

    def draw(self, position: Tensor, score: Tensor, column: Tensor, row: Tensor) -> Tensor:
        """``(B, M, V, T, 2)``, ``(B, M, V, T)``, ``(W,)``, ``(H,)`` -> ``(B, K, T, H, W)``."""
        raise NotImplementedError

    @torch.no_grad()
    def forward(self, keypoint: Tensor) -> Tensor:
        """``(B, M, T, V, 3 or 4)``: x, y in pixels of the image, score -> ``(B, K, T, H, W)`` float32.

        The fourth channel, if present, is not 0 in samples whose volume is to be mirrored.

        Raises:
            ValueError: If the number of joints is not that of the skeleton, or the score is missing.
        """
        joints = keypoint.shape[3] if keypoint.ndim == 5 else -1
        # The limbs of an unnamed skeleton only give a lower bound of its number of joints.
        fits = joints >= self.num_joints if self.open_ended else joints == self.num_joints
        if not fits or keypoint.shape[4] not in (3, 4):
            raise ValueError(
                f'keypoint holds {tuple(keypoint.shape)}, (B, M, T, V, C); model.heatmaps has V={self.num_joints} '
                'joints, and C is 3 or 4: x, y, score, mirrored, as FormatHeatmapInput packs them'
            )
        height, width = self.train_size if self.training else self.test_size
        joints = keypoint.transpose(2, 3)  # (B, M, V, T, C)
        with torch.autocast(keypoint.device.type, enabled=False):
            volume = self.draw(joints[..., :2], joints[..., 2].float(), self.pixel[:width], self.pixel[:height])
        if keypoint.shape[4] == 3:
            return volume
        mirrored = keypoint[:, 0, 0, 0, 3, None, None, None, None] != 0
        return torch.where(mirrored, self.mirror(volume), volume)


class JointHeatmaps(PoseHeatmaps):
    """One channel per joint; see :class:`PoseHeatmaps` for the arguments."""

    def draw(self, position: Tensor, score: Tensor, column: Tensor, row: Tensor) -> Tensor:
        """``(B, M, V, T, 2)``, ``(B, M, V, T)``, ``(W,)``, ``(H,)`` -> ``(B, V, T, H, W)``."""
        shown = (score >= LEAST_SCORE) & position.isfinite().all(-1)
        position = torch.where(shown[..., None], position, 0)
        gaussians = []
        for centre, pixel in zip(position.unbind(-1), (column, row), strict=True):
            offset = (pixel - centre[..., None]).float()
            window = _window(centre - 3 * self.sigma, centre + 3 * self.sigma, pixel)
            gaussians.append((offset.square() * (-0.5 / self.sigma**2)).exp() * window)
        along_y = gaussians[1] * torch.where(shown, score, 0)[..., None]
        return (along_y[..., :, None] * gaussians[0][..., None, :]).amax(1)


class LimbHeatmaps(PoseHeatmaps):
    """One channel per limb; a limb shorter than a pixel is drawn as its first joint.

    Args:
        limbs: Pairs of joints, one per channel.
        options: Arguments of :class:`PoseHeatmaps`, by name.
    """

    def __init__(self, limbs: Sequence[tuple[int, int]], **options) -> None:
        super().__init__(**options)
        self.register_buffer('ends', torch.tensor(limbs).T.contiguous(), persistent=False)

    def draw(self, position: Tensor, score: Tensor, column: Tensor, row: Tensor) -> Tensor:
        """``(B, M, V, T, 2)``, ``(B, M, V, T)``, ``(W,)``, ``(H,)`` -> ``(B, K, T, H, W)``."""
        a, b = (position.index_select(2, end) for end in self.ends)  # (B, M, K, T, 2)
        from_score, to_score = (score.index_select(2, end) for end in self.ends)
        lower = torch.minimum(from_score, to_score)
        shown = (lower >= LEAST_SCORE) & a.isfinite().all(-1) & b.isfinite().all(-1)
        a = torch.where(shown[..., None], a, 0)
        b = torch.where(shown[..., None], b, 0)
        short = (b - a).square().sum(-1) < 1  # drawn as a joint: length 0, any direction
        b = torch.where(short[..., None], a, b)
        height = torch.where(shown, torch.where(short, from_score, lower), 0)
        low, high = torch.minimum(a, b) - 3 * self.sigma, torch.maximum(a, b) + 3 * self.sigma
        in_x = _window(low[..., 0], high[..., 0], column)[..., None, :]
        in_y = _window(low[..., 1], high[..., 1], row)[..., :, None]

        east, south = (b - a).float().unbind(-1)
        length = torch.hypot(east, south)
        unit = torch.where(short, 1, length)
        east = (torch.where(short, unit, east) / unit)[..., None, None]
        south = (south / unit)[..., None, None]
        x = column - a[..., 0, None, None].float()  # (B, M, K, T, 1, W)
        y = row[:, None] - a[..., 1, None, None].float()  # (B, M, K, T, H, 1)
        along, across = x * east + y * south, x * south - y * east  # (B, M, K, T, H, W)
        along = along - along.clamp(min=0).minimum(length[..., None, None])  # distance beyond the ends
        gaussian = ((along.square() + across.square()) * (-0.5 / self.sigma**2)).exp()
        return (gaussian * (height[..., None, None] * in_y * in_x)).amax(1)


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


def _own_limbs(limbs: object, num_joints: int) -> tuple[tuple[int, int], ...]:
    valid = isinstance(limbs, list | tuple) and limbs and all(isinstance(pair, list | tuple) for pair in limbs)
    pairs = tuple(map(tuple, limbs)) if valid else ()
    if not pairs or any(len(pair) != 2 or not all(v in range(num_joints) for v in pair) for pair in pairs):
        raise ValueError(f'model.heatmaps.skeletons must be pairs of joints below {num_joints}, got {limbs!r}')
    return pairs


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
    num_joints: int | None = None,
) -> PoseHeatmaps:
    """The heatmaps of the transform GeneratePoseTarget, generated on the device.

    Args:
        layout: The skeleton of the joints.
        with_kp: Draw joints.
        with_limb: Draw limbs; one of the two.
        skeletons: The limbs in channel order: None for the layout's, a name of ``pyskl.skeletons.LIMB_ORDERS``, or
            pairs of joints.
        sigma: Of the Gaussian, in pixels.
        double: Whether the mirror image of every clip is added in evaluation (validation and test).
        train_size: Size of the images at the end of the training pipeline in pixels: a square's side, or (height,
            width).
        test_size: The same in evaluation.
        left_kp: Joints of the left side; None: the layout's.
        right_kp: Their partners, in the same order.
        left_limb: Limbs of the left side; None: those between joints whose partners are limbs too.
        right_limb: Their partners, in the same order.
        num_joints: Joints of a skeleton unknown to pyskl, instead of ``layout``; ``left_kp``, ``right_kp`` and pairs in
            ``skeletons`` describe it further.

    Raises:
        ValueError: If a value is unknown or impossible.
    """
    if bool(with_kp) == bool(with_limb):
        raise ValueError(f'model.heatmaps: one of with_kp and with_limb must be True, got {with_kp=} and {with_limb=}')
    if not sigma > 0:
        raise ValueError(f'model.heatmaps.sigma must be above 0, got {sigma!r}')
    sides = _sides(left_kp, right_kp, 'left_kp', 'right_kp')
    if num_joints is None:
        skeleton = get_skeleton(layout)
        num_joints, sides = skeleton.num_joints, sides or (skeleton.left, skeleton.right)
    elif isinstance(num_joints, bool) or not isinstance(num_joints, int) or num_joints < 1:
        raise ValueError(f'model.heatmaps.num_joints must be a positive integer, got {num_joints!r}')
    elif sides is None and double and left_limb is None:
        raise ValueError('model.heatmaps: double=True with num_joints needs left_kp and right_kp')
    else:
        skeleton, sides = None, sides or ((), ())
    partners = mirror_order(num_joints, *sides, 'model.heatmaps.left_kp, right_kp')
    options = {
        'num_joints': num_joints,
        'sigma': sigma,
        'double': double,
        'train_size': _size(train_size, 'train_size'),
        'test_size': _size(test_size, 'test_size'),
    }
    if with_kp:
        return JointHeatmaps(partners=partners, **options)
    limbs = _own_limbs(skeletons, num_joints) if skeleton is None else get_limbs(skeletons, skeleton)
    sides = _sides(left_limb, right_limb, 'left_limb', 'right_limb')
    if sides is None:
        partners = limb_mirror_order(limbs, partners)
    else:
        partners = mirror_order(len(limbs), *sides, 'model.heatmaps.left_limb, right_limb')
    heatmaps = LimbHeatmaps(limbs, partners=partners, **options)
    heatmaps.open_ended = skeleton is None
    return heatmaps
