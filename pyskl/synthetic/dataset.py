"""The synthetic dataset: people who move in front of a camera, generated from a seed.

Clip ``i`` depends on (seed, i) only, not on the number of clips: its action is ``i % 10``, its person ``i // 10 % 40``.
Every fourth person is in validation only. Camera space is Kinect's: metres, x to the camera's left, y up, z depth; so a
person who faces the camera has the left side at negative x in 3D and at larger x in the image.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pyskl.skeletons import get_skeleton
from pyskl.synthetic.actions import ACTIONS, PLANTED, stand
from pyskl.synthetic.body import mark, pose_body, random_proportions

LAYOUTS = ('coco', 'nturgb+d', 'nw-ucla')
NUM_PEOPLE = 40
VAL_EVERY = 4  # the last of every four people is in validation
MIN_CLIPS = len(ACTIONS) * VAL_EVERY  # with fewer, validation is empty
IMG_SHAPE = (1080, 1920)
FRAMES = (36, 60)
# Split names that the configs of NTU, NW-UCLA and others use; all of them split by person.
SPLITS = ('xsub', 'xview', 'xset')
_BYSTANDER = 0.15  # of clips
_OCCLUSION = 0.25  # of people in clips


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Args:
        pitch: Radians below the horizontal.
        height: Metres above the floor.
        focal: Pixels.
    """

    pitch: float
    height: float
    focal: float

    def see(self, world: np.ndarray) -> np.ndarray:
        """World ``(..., 3)`` (the camera above the origin, looking along +z) to camera space ``(..., 3)``."""
        cos, sin = np.cos(self.pitch), np.sin(self.pitch)
        turn = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
        return (world - np.array([0, self.height, 0])) @ turn.T

    def project(self, seen: np.ndarray) -> np.ndarray:
        """Camera space ``(..., 3)`` to pixels ``(..., 2)``: x to the right, y down."""
        h, w = IMG_SHAPE
        return np.array([w, h]) / 2 - self.focal * seen[..., :2] / seen[..., 2:]


@dataclass(frozen=True)
class Clip:
    """The ground truth of a clip.

    Args:
        people: ``M`` dicts, joint -> ``(T, 3)`` in camera space, metres; the first one acts.
        camera: The camera.
        label: Index into ``ACTIONS``.
        person: 0 to 39.
        rng: The generator, after sampling the clip; the sensor's noise continues from it.
    """

    people: tuple[dict[str, np.ndarray], ...]
    camera: Camera
    label: int
    person: int
    rng: np.random.RandomState


def person_of(index: int) -> int:
    """Return the acting person of clip ``index``."""
    return index // len(ACTIONS) % NUM_PEOPLE


def is_val(person: int) -> bool:
    """Whether a person is in validation."""
    return person % VAL_EVERY == VAL_EVERY - 1


def _place(joints: dict[str, np.ndarray], yaw: float, x: float, z: float, camera: Camera) -> dict[str, np.ndarray]:
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return {name: camera.see(joint @ turn.T + np.array([x, 0, z])) for name, joint in joints.items()}


def make_clip(seed: int, index: int) -> Clip:
    """Generate clip ``index``: body, action, position and camera, without sensor noise."""
    label, person = index % len(ACTIONS), person_of(index)
    trait = np.random.RandomState([seed, 0, person])
    proportions, vigour = random_proportions(trait), trait.uniform(0.85, 1.05)
    rng = np.random.RandomState([seed, 1, index])
    frames = rng.randint(FRAMES[0], FRAMES[1] + 1)
    x, z, yaw = rng.uniform(-0.08, 0.08), rng.uniform(2.7, 3.4), np.deg2rad(rng.uniform(-40, 40))
    height = rng.uniform(0.8, 2.0)
    aim = np.arctan2(height - rng.uniform(0.97, 1.03), z)  # at about the person's waist
    camera = Camera(aim, height, rng.uniform(1000, 1150))
    name = list(ACTIONS)[label]
    angles = ACTIONS[name](rng, frames, vigour * rng.uniform(0.85, 1.1))
    joints = pose_body(angles, proportions, planted=name in PLANTED)
    people = [_place(joints, yaw, x, z, camera)]
    if rng.rand() < _BYSTANDER:
        idle = pose_body(stand(rng, frames), random_proportions(rng))
        side = np.where(x > 0, -1, 1) * rng.uniform(0.9, 1.4)
        people.append(_place(idle, np.deg2rad(rng.uniform(-90, 90)), x + side, z + rng.uniform(0, 1), camera))
    return Clip(tuple(people), camera, label, person, rng)


def _detect(pixels: np.ndarray, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Simulate a pose detector: ``(M, T, V, 2)`` -> detected pixels of the same shape and scores ``(M, T, V)``.

    The lower the score, the larger the error; an undetected joint, or one outside the image, has x = y = score = 0.
    Some clips have an occlusion that hides neighbouring joints for several frames.
    """
    m, t, v, _ = pixels.shape
    doubt = 0.06 + 0.06 * rng.rand(m, 1, v) + 0.12 * rng.rand(m, t, v) ** 3
    size = np.ptp(pixels[..., 1], axis=2)[:, :, None, None]  # (M, T, 1, 1), pixels
    found = pixels + rng.normal(0, 1, pixels.shape) * doubt[..., None] * size * 0.06
    missed = rng.rand(m, t, v) < 0.01
    for person in range(m):
        if rng.rand() < _OCCLUSION:
            start, length = rng.randint(t), rng.randint(3, t // 3)
            middle = pixels[person, start, rng.randint(v)]
            hidden = np.linalg.norm(pixels[person] - middle, axis=-1) < 0.12 * size[person, start]  # (T, V)
            missed[person, start : start + length] |= hidden[start : start + length]
    h, w = IMG_SHAPE
    missed |= (found < 0).any(axis=-1) | (found >= np.array([w, h])).any(axis=-1)
    return np.where(missed[..., None], 0, found), np.where(missed, 0, 1 - doubt)


def make_annotation(seed: int, index: int, layout: str = 'coco') -> dict:
    """Generate one annotation of the pickle: clip ``index`` as measured by a sensor.

    Args:
        seed: An integer from 0 to 2**32 - 1.
        index: Index of the clip, from 0.
        layout: 'coco': float16 pixels and scores of a simulated detector; 'nturgb+d', 'nw-ucla': float32 metres in
            Kinect's camera space. A bystander is person 1; nw-ucla has none.

    Raises:
        ValueError: If the layout is unknown.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'unknown layout {layout!r} of the synthetic data; choose from {LAYOUTS}')
    skeleton = get_skeleton(layout)
    clip = make_clip(seed, index)
    people = clip.people if layout != 'nw-ucla' else clip.people[:1]
    seen = np.stack([mark(joints, skeleton) for joints in people])  # (M, T, V, 3)
    annotation = {
        'frame_dir': f'S001C001P{clip.person + 1:03d}R{index + 1:06d}A{clip.label + 1:03d}',
        'label': clip.label,
        'total_frames': seen.shape[1],
    }
    if skeleton.dims == 3:
        noise = 0.003 + 0.012 * clip.rng.rand(*seen.shape[:1], 1, *seen.shape[2:3], 1)
        seen = seen + noise * clip.rng.normal(0, 1, seen.shape)
        return annotation | {'keypoint': seen.astype(np.float32)}
    pixels, scores = _detect(clip.camera.project(seen), clip.rng)
    return annotation | {
        'img_shape': IMG_SHAPE,
        'original_shape': IMG_SHAPE,
        'keypoint': pixels.astype(np.float16),
        'keypoint_score': scores.astype(np.float16),
    }


def make_splits(annotations: list[dict]) -> dict[str, list[str]]:
    """Map split names to lists of frame_dirs, for the annotations of clips 0, 1, 2, ..."""
    names = {'train': [], 'val': []}
    for index, annotation in enumerate(annotations):
        names['val' if is_val(person_of(index)) else 'train'].append(annotation['frame_dir'])
    return {f'{split}_{part}': list(members) for split in SPLITS for part, members in names.items()}


def make_dataset(
    num_clips: int, seed: int = 0, layout: str = 'coco', progress: Callable[[range], Iterable[int]] = iter
) -> dict:
    """Generate the content of the pickle: ``{'split': ..., 'annotations': [...]}``.

    Args:
        num_clips: At least ``MIN_CLIPS``.
        seed: 0 to 2**32 - 1.
        layout: One of ``LAYOUTS``.
        progress: Wraps the iteration over clip indices, e.g. ``tqdm``.

    Raises:
        ValueError: If ``num_clips`` leaves validation empty, or the seed or layout is out of range.
    """
    if num_clips < MIN_CLIPS:
        raise ValueError(f'clips must be at least {MIN_CLIPS}, so that validation has every action, got {num_clips}')
    if not 0 <= seed < 2**32:
        raise ValueError(f'seed must be 0 to 2**32 - 1, got {seed}')
    annotations = [make_annotation(seed, index, layout) for index in progress(range(num_clips))]
    return {'split': make_splits(annotations), 'annotations': annotations}
