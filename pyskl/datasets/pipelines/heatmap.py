"""Heatmaps of joints and limbs: the input of 3D convolutional networks.

K channels (joints or limbs), T frames, H x W pixels, M persons, n marks (a joint or limb of a person in a frame).
A joint of score s is ``s * exp(-d**2 / (2 * sigma**2))``, ``d`` the pixel's distance from it, within ``3 * sigma`` to
each side (truncated to whole pixels) and exactly 0 outside; a limb uses the distance from the segment between its ends.
Where persons overlap, the maximum is used. A joint's Gaussian is the product of one along x and one along y, and only
pixels near a mark are computed.
"""

import math
from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.flip import Mirror, sides
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.pipelines.geometry2d import joints_in_image
from pyskl.datasets.records.checks import FRAMES, JOINTS, Check, drawing_checks
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_limbs, get_skeleton, limb_mirror_order, mirror_order

LEAST_SCORE = 1e-3  # joints and limbs with a lower score are not drawn
FAR = math.sqrt(-2 * math.log(1e-9))  # distance from a limb's line, in sigmas, beyond which nothing is drawn


def _window(low: np.ndarray, high: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last of ``size`` pixels between the positions ``low`` and ``high``; last < first if there is none.

    Positions are truncated towards zero, as published: pixel 0 is included from up to one pixel outside.
    """
    return low.clip(0, size).astype(np.intp), high.clip(-1, size - 1).astype(np.intp)


def _gaussians(position: np.ndarray, size: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and values ``(n, w)`` for ``(n,)`` positions among ``size`` pixels; a mark's pixels are distinct."""
    first, last = _window(position - 3 * sigma, position + 3 * sigma, size)
    width = min(math.ceil(6 * sigma) + 1, size)
    pixel = first.clip(0, size - width)[:, None] + np.arange(width)
    inside = (pixel >= first[:, None]) & (pixel <= last[:, None])
    offset = (pixel - position[:, None]).astype(np.float32)
    return pixel, np.exp(offset * offset * np.float32(-0.5 / sigma**2)) * inside


def _row_starts(
    shape: tuple[int, ...], channel: np.ndarray, frame: np.ndarray, row: np.ndarray, partners: np.ndarray | None
) -> list[np.ndarray]:
    """Offsets of the rows of a flattened ``(K, T, H, W)``; with ``partners`` those of the flipped image follow."""
    _, frames, height, width = shape
    starts = [((channel * frames + frame) * height + row) * width]
    if partners is not None:
        starts.append(((partners[channel] * frames + frame + frames // 2) * height + row) * width)
    return starts


def _raise(volume: np.ndarray, index: np.ndarray, value: np.ndarray, first_person: int) -> None:
    """Set ``volume[index] = max(volume[index], value)`` on the flattened ``volume``, initially zero.

    The first ``first_person`` entries belong to one person: their indices are unique, so they are assigned directly.
    """
    flat, index, value = volume.reshape(-1), index.reshape(-1), value.reshape(-1)
    flat[index[:first_person]] = value[:first_person]
    np.maximum.at(flat, index[first_person:], value[first_person:])


def draw_joints(
    volume: np.ndarray, keypoint: np.ndarray, score: np.ndarray, sigma: float, partners: np.ndarray | None = None
) -> None:
    """Draw every joint of every person.

    Args:
        volume: ``(V, T, H, W)`` zeros, or ``(V, 2 * T, H, W)`` with ``partners``; changed.
        keypoint: ``(M, T, V, 2)``, float32 or float64, pixels.
        score: ``(M, T, V)`` float32.
        sigma: Standard deviation of the Gaussian, pixels.
        partners: ``(V,)``, the joints' partners under a flip.
    """
    person, frame, joint = np.nonzero((score >= LEAST_SCORE) & np.isfinite(keypoint).all(-1))
    x, y = keypoint[person, frame, joint].T
    column, along_x = _gaussians(x, volume.shape[3], sigma)
    row, along_y = _gaussians(y, volume.shape[2], sigma)
    along_y *= score[person, frame, joint][:, None]
    value = along_y[:, :, None] * along_x[:, None]  # (n, h, w)
    first_person = np.count_nonzero(person == 0) * value[0].size if len(value) else 0
    starts = _row_starts(volume.shape, joint[:, None], frame[:, None], row, partners)
    for start, at in zip(starts, (column, volume.shape[3] - 1 - column), strict=False):
        _raise(volume, start[:, :, None] + at[:, None], value, first_person)


def _pairs(limbs: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Validate limbs that are given without a skeleton.

    Raises:
        ValueError: If they are not pairs of joint indices.
    """
    pairs = tuple(tuple(limb) for limb in limbs)
    if not pairs or any(len(pair) != 2 or not all(isinstance(v, int) and v >= 0 for v in pair) for pair in pairs):
        raise ValueError(f'skeletons must be pairs of joints, got {limbs!r}')
    return pairs


def _counted(lengths: np.ndarray) -> np.ndarray:
    """Concatenate ``0 .. lengths[0] - 1, 0 .. lengths[1] - 1, ...``."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def draw_limbs(
    volume: np.ndarray,
    keypoint: np.ndarray,
    score: np.ndarray,
    limbs: Sequence[tuple[int, int]],
    sigma: float,
    partners: np.ndarray | None = None,
) -> None:
    """Draw every limb of every person; a limb shorter than a pixel is drawn as its first joint.

    Args:
        volume: ``(K, T, H, W)`` zeros, or ``(K, 2 * T, H, W)`` with ``partners``; changed.
        keypoint: ``(M, T, V, 2)``, float32 or float64, pixels.
        score: ``(M, T, V)`` float32; a limb has the lower score of its two ends.
        limbs: K pairs of joints.
        sigma: Standard deviation of the Gaussian, pixels.
        partners: ``(K,)``, the limbs' partners under a flip.
    """
    starts, ends = np.array(limbs).T
    lower = np.minimum(score[:, :, starts], score[:, :, ends])
    finite = np.isfinite(keypoint).all(-1)
    person, frame, limb = np.nonzero((lower >= LEAST_SCORE) & finite[:, :, starts] & finite[:, :, ends])
    ax, ay = keypoint[person, frame, starts[limb]].T  # (n,)
    bx, by = keypoint[person, frame, ends[limb]].T
    short = (bx - ax) ** 2 + (by - ay) ** 2 < 1
    height = np.where(short, score[person, frame, starts[limb]], lower[person, frame, limb])
    bx, by = np.where(short, ax, bx), np.where(short, ay, by)
    radius = 3 * sigma
    left, right = _window(np.minimum(ax, bx) - radius, np.maximum(ax, bx) + radius, volume.shape[3])
    top, bottom = _window(np.minimum(ay, by) - radius, np.maximum(ay, by) + radius, volume.shape[2])

    ax, ay, east, south = (values.astype(np.float32) for values in (ax, ay, bx - ax, by - ay))
    length = np.hypot(east, south)
    unit = np.where(short, np.float32(1), length)
    east, south = np.where(short, unit, east) / unit, south / unit  # the direction of a point is arbitrary
    rows = np.where(right >= left, (bottom - top + 1).clip(0), 0)
    mark = np.repeat(np.arange(len(rows)), rows)  # of every row
    row = _counted(rows) + top[mark]
    left, right, east, south = left[mark], right[mark], east[mark], south[mark]
    x, y = -ax[mark], row.astype(np.float32) - ay[mark]  # of the row's pixel 0, seen from a
    # Skip a row's pixels far from the limb's line: their value is below 1e-9 of the score.
    slope = np.where(np.abs(south) < 1e-3, np.float32(1e-3), south)
    middle, reach = y * east / slope - x, np.abs(sigma * FAR / slope)
    left = np.maximum(left, np.ceil(middle - reach)).astype(np.intp)
    right = np.minimum(right, np.floor(middle + reach)).astype(np.intp)
    pixels = (right - left + 1).clip(0)

    def each(values):
        return np.repeat(values, pixels)

    column = _counted(pixels) + each(left)
    step = column.astype(np.float32)
    along = each(x * east + y * south) + step * each(east)
    across = each(x * south - y * east) + step * each(south)
    along -= np.minimum(np.maximum(along, 0), each(length[mark]))  # the part beyond the ends
    value = np.exp((along * along + across * across) * np.float32(-0.5 / sigma**2)) * each(height[mark])
    first_person = int(pixels[person[mark] == 0].sum())
    starts = _row_starts(volume.shape, limb[mark], frame[mark], row, partners)
    for start, at in zip(starts, (column, volume.shape[3] - 1 - column), strict=False):
        _raise(volume, each(start) + at, value, first_person)


@TRANSFORMS.register_module()
class GeneratePoseTarget(BaseTransform):
    """Draw the joints, or the limbs, of all persons as heatmaps, one channel each.

    Channels are outermost in memory, so FormatShape and the loader do not have to copy the array.

    Required Keys: keypoint, img_shape, keypoint_score (optional)
    Added Keys: imgs ``(T, K, H, W)`` float32; if the sample already has ``imgs``, heatmap_imgs

    Args:
        sigma: Standard deviation of the Gaussian, pixels.
        use_score: Whether the peak of a joint is its score; otherwise 1.
        with_kp: Whether to draw joints.
        with_limb: Whether to draw limbs; set exactly one of the two.
        skeletons: The limbs in channel order: None for the layout's, a name of ``pyskl.skeletons.LIMB_ORDERS``, or
            pairs of joints.
        double: Whether to append all frames flipped: ``(2 * T, K, H, W)``.
        left_kp: Joints of the left side; None: the layout's.
        right_kp: Their partners, in the same order.
        left_limb: Limbs of the left side; None: those between joints whose partners are limbs too.
        right_limb: Their partners, in the same order.
        scaling: Scale of the image, but not of sigma: the volume has ``img_shape * scaling`` pixels.
        layout: The skeleton of the joints; None: any, with coco's sides and limbs where none are given.
    """

    changes = (JOINTS, FRAMES)

    def __init__(
        self,
        sigma: float = 0.6,
        use_score: bool = True,
        with_kp: bool = True,
        with_limb: bool = False,
        skeletons: str | Sequence[Sequence[int]] | None = None,
        double: bool = False,
        left_kp: Sequence[int] | None = None,
        right_kp: Sequence[int] | None = None,
        left_limb: Sequence[int] | None = None,
        right_limb: Sequence[int] | None = None,
        scaling: float = 1.0,
        layout: str | dict | None = None,
    ) -> None:
        if bool(with_kp) == bool(with_limb):
            raise ValueError(
                f'GeneratePoseTarget draws joints or limbs: one of with_kp and with_limb must be True, got '
                f'{with_kp=} and {with_limb=}'
            )
        for name, value in (('sigma', sigma), ('scaling', scaling)):
            if not value > 0:
                raise ValueError(f'GeneratePoseTarget {name} must be above 0, got {value!r}')
        self.sigma = sigma
        self.use_score = use_score
        self.with_kp = with_kp
        self.with_limb = with_limb
        self.double = double
        self.scaling = scaling
        self.mirror = Mirror('GeneratePoseTarget', left_kp, right_kp, layout)
        self._layout_given = layout is not None
        self.limbs = ()
        if with_limb:
            given = skeletons is not None and not isinstance(skeletons, str)
            # Pairs of joints do not need a skeleton; they are checked against the joints of each sample.
            own = given and layout is None
            self.limbs = _pairs(skeletons) if own else get_limbs(skeletons, get_skeleton(layout or 'coco'))
        left, right = sides(left_limb, right_limb, 'GeneratePoseTarget left_limb and right_limb')
        self._limb_partners = None
        if with_limb and left is not None:
            self._limb_partners = np.array(mirror_order(len(self.limbs), left, right, 'left_limb, right_limb'))

    def checks(self) -> list[Check]:
        of_joints = self.mirror.checks() if self._layout_given or (self.double and self._limb_partners is None) else []
        return drawing_checks() + of_joints

    def _partners(self, results: dict) -> np.ndarray:
        """Permutation ``(K,)`` of the channels under a flip."""
        if self._limb_partners is not None:
            return self._limb_partners
        joints = self.mirror.partners(results)
        return joints if self.with_kp else np.array(limb_mirror_order(self.limbs, joints.tolist()))

    def transform(self, results: dict) -> dict:
        keypoint, img_shape = joints_in_image(results, 'GeneratePoseTarget')
        score = results.get('keypoint_score')
        if self._layout_given:
            self.mirror.partners(results)  # raises for joints other than the layout's
        elif self.limbs and max(map(max, self.limbs)) >= keypoint.shape[2]:
            raise ValueError(
                f'GeneratePoseTarget limbs refer to joint {max(map(max, self.limbs))}, but sample '
                f'{sample_name(results)} has keypoint {keypoint.shape}; set skeletons= to pairs of its joints, or set '
                f'layout='
            )
        if self.scaling != 1:
            keypoint = keypoint * np.float32(self.scaling)
        height, width = (int(side * self.scaling + 0.5) for side in img_shape)
        if score is None or not self.use_score:
            score = np.ones(keypoint.shape[:3], np.float32)
        frames = keypoint.shape[1] * (2 if self.double else 1)
        channels = keypoint.shape[2] if self.with_kp else len(self.limbs)
        volume = np.zeros((channels, frames, height, width), np.float32)
        partners = self._partners(results) if self.double else None
        if self.with_kp:
            draw_joints(volume, keypoint, to_float32(score), self.sigma, partners)
        else:
            draw_limbs(volume, keypoint, to_float32(score), self.limbs, self.sigma, partners)
        results['heatmap_imgs' if 'imgs' in results else 'imgs'] = volume.swapaxes(0, 1)
        return results


@TRANSFORMS.register_module()
class FormatHeatmapInput(BaseTransform):
    """Arrange joints for a model that draws the heatmaps itself: ``(views, M, T, V, 4)``.

    The channels are x, y, score, and 1 in views to be flipped after drawing, else 0. Persons without a drawable joint
    are dropped; the loader pads clips of a batch to the same number of persons.

    Required Keys: keypoint, keypoint_score (optional), num_clips (optional)
    Modified Keys: keypoint; keypoint_score (removed)

    Args:
        use_score: Whether the peak of a joint is its score; otherwise 1.
        double: Whether to append all clips flipped.
        scaling: Scale of the image, see :class:`GeneratePoseTarget`.
    """

    changes = (JOINTS, FRAMES)

    def __init__(self, use_score: bool = True, double: bool = False, scaling: float = 1.0) -> None:
        if not scaling > 0:
            raise ValueError(f'FormatHeatmapInput scaling must be above 0, got {scaling!r}')
        self.use_score = use_score
        self.double = double
        self.scaling = scaling

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        keypoint, _ = joints_in_image(results, 'FormatHeatmapInput')
        score, num_clips = results.pop('keypoint_score', None), results.get('num_clips', 1)
        if keypoint.shape[1] % num_clips:
            raise ValueError(
                f'FormatHeatmapInput expects keypoint (M, num_clips * T, V, 2), but sample {sample_name(results)} has '
                f'{keypoint.shape} and num_clips={num_clips}'
            )
        if self.scaling != 1:
            keypoint = keypoint * np.float32(self.scaling)
        if score is None or not self.use_score:
            score = np.ones(keypoint.shape[:3], np.float32)
        seen = np.flatnonzero((score >= LEAST_SCORE).any((1, 2)))
        seen = seen if len(seen) else slice(0, 1)
        keypoint, score = keypoint[seen], score[seen]
        persons, frames, joints, _ = keypoint.shape
        views = np.zeros((2 if self.double else 1, num_clips, persons, frames // num_clips, joints, 4), keypoint.dtype)
        apart = persons, num_clips, frames // num_clips, joints
        views[..., :2] = keypoint.reshape(*apart, 2).swapaxes(0, 1)
        views[..., 2] = score.reshape(apart).swapaxes(0, 1)
        views[1:, ..., 3] = 1
        results['keypoint'] = views.reshape(-1, *views.shape[2:])
        return results
