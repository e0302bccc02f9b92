"""Longer scenes: several people side by side, each performing a sequence of actions with known intervals.

Axes: ``M`` persons, ``T`` frames, ``V`` joints of COCO.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.skeletons import get_skeleton
from pyskl.synthetic.actions import ACTIONS, PLANTED
from pyskl.synthetic.body import mark, pose_body, random_proportions
from pyskl.synthetic.dataset import IMG_SHAPE, Camera

FRAMES = 48  # frames of one repetition of an action: the mean length of the clips of the bundled data
SPREAD = 1.6  # distance between neighbours, metres
NOISE = 2.0  # standard deviation, pixels
LASTING = ('clap', 'kick', 'punch', 'squat', 'walk', 'wave')  # actions that end as they begin, so that they can repeat
SHORTEST, LONGEST = 4.0, 6.0  # duration of an action in a random plan, seconds


@dataclass(frozen=True)
class Scene:
    """Simulated output of a pose estimator, and the true intervals.

    Args:
        keypoint: ``(M, T, V, 2)``, pixels.
        score: ``(M, T, V)``.
        intervals: (person, start, end, action); persons count from 1, times are in seconds.
        size: (height, width) of the images, pixels.
        fps: Frames per second.
    """

    keypoint: np.ndarray
    score: np.ndarray
    intervals: tuple[tuple[int, float, float, str], ...]
    size: tuple[int, int]
    fps: float


def random_plans(seed: int, people: int, seconds: float) -> list[list[tuple[str, float]]]:
    """Sample plans for :func:`make_scene`: per person, the lasting actions in random order, 4 to 6 seconds each.

    Args:
        seed: Seed of the plans.
        people: Number of persons, at least 1.
        seconds: Duration of every plan; the last action takes what is left, between 4 and 10 seconds if ``seconds`` is
            at least 4.

    Raises:
        ValueError: If a number is out of range.
    """
    if not 0 <= seed < 2**32 or people < 1 or not 0 < seconds < float('inf'):
        raise ValueError(
            f'seed must be 0 to 2**32 - 1, people at least 1 and seconds above 0, got {seed}, {people} and {seconds:g}'
        )
    random, plans = np.random.RandomState([seed, 1]), []
    for _ in range(people):
        order, plan, left = random.permutation(LASTING).tolist(), [], seconds
        while left > 0:
            duration = round(random.uniform(SHORTEST, LONGEST), 1)
            duration = duration if left - duration >= SHORTEST else left
            plan.append((order[len(plan) % len(order)], duration))
            left = round(left - duration, 6)
        plans.append(plan)
    return plans


def make_scene(seed: int, plans: Sequence[Sequence[tuple[str, float]]], fps: float = 30.0) -> Scene:
    """Generate a scene of people in front of a fixed camera.

    Args:
        seed: Seed of bodies, motions and noise.
        plans: For each person the sequence of (action, seconds); an action repeats for its duration.
        fps: Frames per second.

    Raises:
        ValueError: If an action is unknown, or a plan is empty.
    """
    unknown = sorted({action for plan in plans for action, _ in plan} - set(ACTIONS))
    if unknown or not all(plans):
        raise ValueError(f'plans must consist of actions in {sorted(ACTIONS)}, got {unknown or "an empty plan"}')
    random, skeleton = np.random.RandomState(seed), get_skeleton('coco')
    camera = Camera(np.arctan2(0.4, 3.2), 1.4, 1075.0)
    people, intervals = [], []
    for person, plan in enumerate(plans):
        proportions, x = random_proportions(random), SPREAD * (person - (len(plans) - 1) / 2)
        parts, time = [], 0.0
        for action, seconds in plan:
            parts.append(_repeated(random, action, max(round(seconds * fps), 1), FRAMES * fps / 30.0, proportions))
            intervals.append((person + 1, time, time + seconds, action))
            time += seconds
        world = np.concatenate(parts) + np.array([x, 0, 3.2])
        people.append(camera.project(camera.see(world)))
    total = min(map(len, people))
    pixels = np.stack([joints[:total] for joints in people])
    assert pixels.shape[2] == skeleton.num_joints
    pixels = pixels + random.normal(0, NOISE, pixels.shape)
    score = random.uniform(0.7, 1.0, pixels.shape[:-1])
    return Scene(pixels.astype(np.float32), score.astype(np.float32), tuple(intervals), IMG_SHAPE, fps)


def _repeated(random, action: str, frames: int, length: float, proportions: dict) -> np.ndarray:
    """Repeat an action for ``frames`` frames: ``(frames, V, 3)``, metres.

    For people who face the camera, x points to the right of the image.
    """
    parts, left = [], frames
    while left > 0:
        count = max(round(length), 2)
        joints = pose_body(ACTIONS[action](random, count, 1.0), proportions, planted=action in PLANTED)
        parts.append(mark(joints, get_skeleton('coco'))[:left])
        left -= count
    return np.concatenate(parts)
