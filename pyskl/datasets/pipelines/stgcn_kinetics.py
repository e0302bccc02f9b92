"""ST-GCN's preparation of Kinetics-skeleton: joints in units of the image size, a random window, a moving camera.

Convention: x to the right, y downwards; an undetected joint is at (0, 0) with score 0, until it is moved.

Source: ST-GCN, https://github.com/yysijie/st-gcn, feeder/tools.py; random numbers come from NumPy's legacy generator.
"""

from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.pipelines.geometry2d import joints_in_image
from pyskl.datasets.records.checks import JOINTS, Check, image_checks
from pyskl.registry import TRANSFORMS

_ARRAYS = ('keypoint', 'keypoint_score')


@TRANSFORMS.register_module()
class PictureShare(BaseTransform):
    """Scale pixels by the image's width and height, relative to its centre: -0.5 to 0.5; score 0 gives (0, 0).

    The result is half of PreNormalize2D's.

    Required Keys: keypoint ``(M, T, V, 2)``, img_shape, keypoint_score (optional)
    Modified Keys: keypoint (float32)
    Added Keys: coord_dims
    """

    once_a_clip = True
    changes = (JOINTS,)

    def checks(self) -> list[Check]:
        return image_checks()

    def transform(self, results: dict) -> dict:
        keypoint, (height, width) = joints_in_image(results, 'PictureShare')
        keypoint = to_float32(keypoint) / np.array([width, height], np.float32) - np.float32(0.5)
        if 'keypoint_score' in results:
            keypoint[results['keypoint_score'] == 0] = 0
        results['keypoint'] = keypoint
        results['coord_dims'] = 2
        return results


@TRANSFORMS.register_module()
class FillPersons(BaseTransform):
    """Pad with all-zero persons, so that transforms of the whole sample move them too.

    Required Keys: keypoint, keypoint_score (optional)
    Modified Keys: keypoint, keypoint_score

    Args:
        num_person: Minimum number of output persons.
    """

    changes = ()

    def __init__(self, num_person: int = 2) -> None:
        if not isinstance(num_person, int) or num_person < 1:
            raise ValueError(f'FillPersons num_person must be an integer of at least 1, got {num_person!r}')
        self.num_person = num_person

    def transform(self, results: dict) -> dict:
        lacking = self.num_person - len(results['keypoint'])
        for key in _ARRAYS if lacking > 0 else ():
            if key in results:
                array = results[key]
                results[key] = np.concatenate([array, np.zeros((lacking, *array.shape[1:]), array.dtype)])
        return results


@TRANSFORMS.register_module()
class RandomWindow(BaseTransform):
    """Crop consecutive frames at a random position; a shorter clip is placed at random among all-zero frames.

    Required Keys: keypoint, keypoint_score (optional)
    Modified Keys: keypoint, keypoint_score, total_frames

    Args:
        length: Number of output frames.
    """

    def __init__(self, length: int) -> None:
        if not isinstance(length, int) or length < 1:
            raise ValueError(f'RandomWindow length must be an integer of at least 1, got {length!r}')
        self.length = length

    def transform(self, results: dict) -> dict:
        frames = results['keypoint'].shape[1]
        start = np.random.randint(abs(frames - self.length) + 1)
        for key in _ARRAYS:
            if key not in results:
                continue
            array = results[key]
            if frames >= self.length:
                results[key] = array[:, start : start + self.length]
                continue
            results[key] = np.zeros((len(array), self.length, *array.shape[2:]), array.dtype)
            results[key][:, start : start + frames] = array
        results['total_frames'] = self.length
        return results


def move(keypoint: np.ndarray, angles: np.ndarray, scales: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Rotate frame t about (0, 0), scale it, then shift it; ``(M, T, V, 2)`` -> same, float32.

    Args:
        keypoint: x and y.
        angles: ``(T,)``, radians; positive rotates x towards y.
        scales: ``(T,)``.
        shifts: ``(T, 2)``.
    """
    cos, sin = (np.cos(angles) * scales)[:, None], (np.sin(angles) * scales)[:, None]
    x, y = keypoint[..., 0], keypoint[..., 1]
    out = np.empty(keypoint.shape, np.float32)
    out[..., 0] = cos * x - sin * y + shifts[:, :1]
    out[..., 1] = sin * x + cos * y + shifts[:, 1:]
    return out


@TRANSFORMS.register_module()
class RandomMove(BaseTransform):
    """Move the camera: angle, scale and shift are sampled for the first and last frame and interpolated linearly.

    Every joint moves, including undetected ones at (0, 0), as published.

    Required Keys: keypoint ``(M, T, V, 2)``
    Modified Keys: keypoint (float32)

    Args:
        angles: Angles to choose from, degrees.
        scales: Scales to choose from.
        shifts: Shifts to choose from, for x and for y, in the unit of the joints.
    """

    def __init__(
        self,
        angles: Sequence[float] = (-10, -5, 0, 5, 10),
        scales: Sequence[float] = (0.9, 1.0, 1.1),
        shifts: Sequence[float] = (-0.2, -0.1, 0.0, 0.1, 0.2),
    ) -> None:
        for name, values in (('angles', angles), ('scales', scales), ('shifts', shifts)):
            if isinstance(values, str) or not len(values) or not all(isinstance(v, int | float) for v in values):
                raise ValueError(f'RandomMove {name} must be a list of numbers to choose from, got {values!r}')
        self.angles, self.scales, self.shifts = tuple(angles), tuple(scales), tuple(shifts)

    def transform(self, results: dict) -> dict:
        keypoint = results['keypoint']
        if keypoint.shape[-1] != 2:
            raise ValueError(
                f'RandomMove expects keypoint (M, T, V, 2), but sample {sample_name(results)} has {keypoint.shape}; '
                f'put it before GenSkeFeat'
            )
        frames = keypoint.shape[1]
        angles, scales, right, down = (
            np.linspace(*np.random.choice(values, 2), frames)
            for values in (self.angles, self.scales, self.shifts, self.shifts)
        )
        results['keypoint'] = move(keypoint, np.deg2rad(angles), scales, np.stack([right, down], axis=1))
        return results
