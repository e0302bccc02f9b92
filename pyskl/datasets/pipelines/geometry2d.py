"""Crop and resize the image that the joints are in, before heatmaps are drawn.

Convention: ``img_shape`` is (height, width) in pixels, x grows to the right, y downwards; a joint at x = 0 (or y = 0)
is missing. Joints are float32, after a crop float64, as published: the heatmaps' windows depend on the last digit.
"""

import math
import random
from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32, widen
from pyskl.datasets.records.checks import JOINTS, MAX_SCORE, Check, drawing_checks
from pyskl.registry import TRANSFORMS


def joints_in_image(results: dict, name: str) -> tuple[np.ndarray, tuple[int, int]]:
    """Return ``keypoint`` ``(M, T, V, 2)`` as float32 or wider, and ``img_shape``.

    A third channel that is a score becomes ``keypoint_score``.

    Raises:
        ValueError: If the sample has no image size, or its joints do not have two coordinates.
    """
    img_shape = results.get('img_shape')
    split_score(results)
    keypoint = widen(results['keypoint'])
    if keypoint.ndim != 4 or keypoint.shape[-1] != 2:
        raise ValueError(
            f'{name} expects 2D keypoint (M, T, V, 2), but sample {sample_name(results)} has keypoint '
            f'{keypoint.shape}; heatmaps need 2D (hrnet) annotations'
        )
    if img_shape is None:
        raise ValueError(
            f'{name}: sample {sample_name(results)} has no img_shape; it must be (height, width) of the image in pixels'
        )
    return keypoint, (int(img_shape[0]), int(img_shape[1]))


def split_score(results: dict) -> None:
    """Move a third channel of ``keypoint`` that is a score to ``keypoint_score``."""
    keypoint = results['keypoint']
    if keypoint.ndim != 4 or keypoint.shape[-1] != 3 or 'keypoint_score' in results:
        return
    score = keypoint[..., 2]
    if results.get('coord_dims') == 2 or (score.size and score.min() >= 0 and score.max() <= MAX_SCORE):
        results['keypoint'], results['keypoint_score'] = keypoint[..., :2].copy(), score.copy()


def _pair(value: object, name: str) -> tuple:
    """Expand a number to a pair; validate a pair."""
    pair = (value, value) if isinstance(value, int | float) else tuple(value)
    if len(pair) != 2 or not all(isinstance(number, int | float) for number in pair):
        raise ValueError(f'{name} must be one number or two, got {value!r}')
    return pair


def person_box(
    keypoint: np.ndarray, padding: float, threshold: float, hw_ratio: tuple[float, float] | None
) -> tuple[float, float, float, float] | None:
    """Padded bounding box (left, top, right, bottom) of all joints ``(M, T, V, 2)``; None if it is too small.

    Args:
        keypoint: Joints; zero coordinates are ignored.
        padding: Padding, as a fraction of the box size.
        threshold: Minimum width and height before padding, pixels.
        hw_ratio: Minimum and maximum height / width; None: any.
    """
    ends = []
    for axis in (0, 1):
        values = keypoint[..., axis]
        values = values[values != 0]
        if values.size == 0 or values.max() - values.min() < threshold:
            return None
        ends.append((values.min(), values.max()))
    (left, right), (top, bottom) = ends
    x, half_width = (right + left) / 2, (right - left) / 2 * (1 + padding)
    y, half_height = (bottom + top) / 2, (bottom - top) / 2 * (1 + padding)
    if hw_ratio is not None:
        half_height = max(hw_ratio[0] * half_width, half_height)
        half_width = max(1 / hw_ratio[1] * half_height, half_width)
    return x - half_width, y - half_height, x + half_width, y + half_height


@TRANSFORMS.register_module()
class PoseCompact(BaseTransform):
    """Crop the image to the bounding box of all persons in all frames.

    A missing or too small box leaves the sample unchanged.

    Required Keys: keypoint, img_shape
    Modified Keys: keypoint, img_shape

    Args:
        padding: Padding, as a fraction of the box size.
        threshold: Minimum width and height of the box, pixels.
        hw_ratio: Minimum and maximum height / width of the box, or one number for both; None: any.
        allow_imgpad: Whether the box may extend beyond the image.
    """

    changes = (JOINTS,)

    def __init__(
        self,
        padding: float = 0.25,
        threshold: float = 10,
        hw_ratio: float | Sequence[float] | None = None,
        allow_imgpad: bool = True,
    ) -> None:
        if padding < 0:
            raise ValueError(f'PoseCompact padding must be at least 0, got {padding!r}')
        self.padding = padding
        self.threshold = threshold
        self.hw_ratio = None if hw_ratio is None else _pair(hw_ratio, 'PoseCompact hw_ratio')
        if self.hw_ratio is not None and min(self.hw_ratio) <= 0:
            raise ValueError(f'PoseCompact hw_ratio must be above 0, got {hw_ratio!r}')
        self.allow_imgpad = allow_imgpad

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        keypoint, (height, width) = joints_in_image(results, 'PoseCompact')
        keypoint = np.nan_to_num(to_float32(keypoint), nan=0.0, posinf=np.inf, neginf=-np.inf)
        results['keypoint'] = keypoint  # a copy
        box = person_box(keypoint, self.padding, self.threshold, self.hw_ratio)
        if box is None:
            return results
        if not self.allow_imgpad:
            box = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
        left, top, right, bottom = map(int, box)  # truncated towards zero, also if negative, as published
        for axis, start in ((0, left), (1, top)):
            values = keypoint[..., axis]
            np.subtract(values, start, out=values, where=values != 0)
        results['img_shape'] = (bottom - top, right - left)
        return results


def rescaled(height: int, width: int, scale: float | tuple[float, float]) -> tuple[int, int]:
    """(height, width) of an image resized with its aspect ratio unchanged.

    Args:
        height: Original height.
        width: Original width.
        scale: A factor, or the maximum (long side, short side), in either order.
    """
    if isinstance(scale, tuple):
        scale = min(max(scale) / max(height, width), min(scale) / min(height, width))
    return int(height * scale + 0.5), int(width * scale + 0.5)


@TRANSFORMS.register_module()
class Resize(BaseTransform):
    """Resize the image.

    Required Keys: keypoint, img_shape
    Modified Keys: keypoint, img_shape

    Args:
        scale: A factor, or two sizes in pixels: with ``keep_ratio`` the maximum of the long and of the short side
            (-1: any), else (width, height).
        keep_ratio: Whether to preserve height / width.
        interpolation: Accepted for PYSKL's configs; has no effect on joints.
    """

    changes = (JOINTS,)

    def __init__(
        self, scale: float | Sequence[float], keep_ratio: bool = True, interpolation: str = 'bilinear'
    ) -> None:
        number = isinstance(scale, int | float)
        sizes = (scale,) if number else _pair(scale, 'Resize scale')
        if any(size <= 0 and not (size == -1 and keep_ratio and not number) for size in sizes) or max(sizes) <= 0:
            raise ValueError(f'Resize scale must be above 0 (-1 for any size, with keep_ratio), got {scale!r}')
        if number and not keep_ratio:
            raise ValueError(f'Resize keep_ratio=False needs scale=(width, height), got {scale!r}')
        self.scale = scale if number else tuple(math.inf if size == -1 else size for size in sizes)
        self.keep_ratio = keep_ratio
        self.interpolation = interpolation

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        keypoint, (height, width) = joints_in_image(results, 'Resize')
        if height <= 0 or width <= 0:
            raise ValueError(f'Resize: the image of sample {sample_name(results)} has img_shape={(height, width)}')
        new = rescaled(height, width, self.scale) if self.keep_ratio else (int(self.scale[1]), int(self.scale[0]))
        factor = np.array([new[1] / width, new[0] / height], np.float32)
        # Flatten all joints: arithmetic on a last axis of size two is several times slower.
        row = np.tile(factor, keypoint.shape[2])
        results['keypoint'] = (keypoint.reshape(*keypoint.shape[:2], -1) * row).reshape(keypoint.shape)
        results['img_shape'] = new
        return results


def crop(results: dict, left: int, top: int, width: int, height: int) -> dict:
    """Crop the sample's image to ``width`` x ``height``; missing joints are shifted too, as published."""
    keypoint, _ = joints_in_image(results, 'crop')
    row = np.tile(np.array([left, top], np.float64), keypoint.shape[2])
    results['keypoint'] = (keypoint.reshape(*keypoint.shape[:2], -1) - row).reshape(keypoint.shape)
    results['img_shape'] = (height, width)
    return results


def _crop_size(size: int | Sequence[int], name: str) -> tuple[int, int]:
    pair = _pair(size, name)
    if any(not isinstance(side, int) or side < 1 for side in pair):
        raise ValueError(f'{name} must be a positive number of pixels or (width, height), got {size!r}')
    return pair


def _check_inside(size: tuple[int, int], img_shape: tuple[int, int], results: dict, name: str) -> None:
    if size[0] > img_shape[1] or size[1] > img_shape[0]:
        raise ValueError(
            f'{name} (width, height)={size} is larger than the image of sample {sample_name(results)}, (height, '
            f'width) {img_shape}; put Resize before it'
        )


@TRANSFORMS.register_module()
class CenterCrop(BaseTransform):
    """Crop the centre of the image.

    Required Keys: keypoint, img_shape
    Modified Keys: keypoint, img_shape

    Args:
        crop_size: Side of a square, or (width, height), pixels.
    """

    changes = (JOINTS,)

    def __init__(self, crop_size: int | Sequence[int] = 224) -> None:
        self.crop_size = _crop_size(crop_size, 'CenterCrop crop_size')

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        _, img_shape = joints_in_image(results, 'CenterCrop')
        _check_inside(self.crop_size, img_shape, results, 'CenterCrop crop_size')
        width, height = self.crop_size
        return crop(results, (img_shape[1] - width) // 2, (img_shape[0] - height) // 2, width, height)


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """Crop a square at a random position.

    Required Keys: keypoint, img_shape
    Modified Keys: keypoint, img_shape

    Args:
        size: Side of the square, pixels.
    """

    changes = (JOINTS,)

    def __init__(self, size: int) -> None:
        self.size = _crop_size(size, 'RandomCrop size')[0]

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        _, img_shape = joints_in_image(results, 'RandomCrop')
        _check_inside((self.size, self.size), img_shape, results, 'RandomCrop size')
        height, width = img_shape
        top = int(np.random.randint(0, height - self.size)) if height > self.size else 0
        left = int(np.random.randint(0, width - self.size)) if width > self.size else 0
        return crop(results, left, top, self.size, self.size)


def random_box(
    height: int, width: int, area_range: tuple[float, float], aspect_ratio_range: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Random box (left, top, width, height): the first of ten that fits, else the central square."""
    low, high = math.log(aspect_ratio_range[0]), math.log(aspect_ratio_range[1])
    ratios = np.exp(np.random.uniform(low, high, 10))
    areas = np.random.uniform(*area_range, 10) * (height * width)
    widths = np.round(np.sqrt(areas * ratios)).astype(int)
    heights = np.round(np.sqrt(areas / ratios)).astype(int)
    fits = np.flatnonzero((widths <= width) & (heights <= height))
    if len(fits):
        w, h = int(widths[fits[0]]), int(heights[fits[0]])
        return random.randint(0, width - w), random.randint(0, height - h), w, h
    side = min(height, width)
    return (width - side) // 2, (height - side) // 2, side, side


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """Crop a box of random area and aspect ratio; usually followed by a Resize to a fixed size.

    Random numbers are consumed as in PYSKL: twenty from NumPy's legacy generator, two from the standard library's.

    Required Keys: keypoint, img_shape
    Modified Keys: keypoint, img_shape

    Args:
        area_range: Minimum and maximum share of the image's area.
        aspect_ratio_range: Minimum and maximum width / height.
    """

    changes = (JOINTS,)

    def __init__(
        self, area_range: Sequence[float] = (0.08, 1.0), aspect_ratio_range: Sequence[float] = (3 / 4, 4 / 3)
    ) -> None:
        self.area_range = _pair(area_range, 'RandomResizedCrop area_range')
        self.aspect_ratio_range = _pair(aspect_ratio_range, 'RandomResizedCrop aspect_ratio_range')
        if not 0 < self.area_range[0] <= self.area_range[1] <= 1:
            raise ValueError(f'RandomResizedCrop area_range must be (minimum, maximum) in (0, 1], got {area_range!r}')
        if not 0 < self.aspect_ratio_range[0] <= self.aspect_ratio_range[1]:
            raise ValueError(
                f'RandomResizedCrop aspect_ratio_range must be (minimum, maximum) above 0, got {aspect_ratio_range!r}'
            )

    def checks(self) -> list[Check]:
        return drawing_checks()

    def transform(self, results: dict) -> dict:
        _, (height, width) = joints_in_image(results, 'RandomResizedCrop')
        return crop(results, *random_box(height, width, self.area_range, self.aspect_ratio_range))
