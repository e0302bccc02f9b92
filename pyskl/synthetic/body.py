"""An articulated body: sixteen rigid segments and the joints that skeletons mark on them.

Frame: x to the person's right, y up, z backwards, metres; so a person who faces a Kinect stands in its camera axes.
At rest the body stands upright with arms and legs hanging. Angles are radians, (flexion, abduction, twist) of a segment
relative to its parent segment: flexion lifts an arm or thigh forwards, closes elbow and knee, bends the trunk forwards;
abduction lifts a limb sideways, away from the body; twist rotates a limb inwards about its own axis. The left side
mirrors the right.
"""

import numpy as np

from pyskl.skeletons import Skeleton

Angles = dict[str, np.ndarray]
Offset = tuple[float, float, float]


def _both_sides(table: dict[str, tuple[str, Offset]]) -> dict[str, tuple[str, Offset]]:
    """Add a mirrored ``left_*`` row for each ``right_*`` row of the table."""
    mirrored = {
        name.replace('right_', 'left_'): (segment.replace('right_', 'left_'), (-x, y, z))
        for name, (segment, (x, y, z)) in table.items()
        if name.startswith('right_')
    }
    return table | mirrored


# segment: (parent segment, hinge in the parent's frame at rest), parents first
SEGMENTS = _both_sides(
    {
        'pelvis': ('', (0.0, 0.0, 0.0)),
        'chest': ('pelvis', (0.0, 0.0, 0.0)),
        'head': ('chest', (0.0, 0.50, 0.0)),
        'right_arm': ('chest', (0.18, 0.42, 0.0)),
        'right_forearm': ('right_arm', (0.0, -0.28, 0.0)),
        'right_hand': ('right_forearm', (0.0, -0.25, 0.0)),
        'right_thigh': ('pelvis', (0.10, -0.06, 0.0)),
        'right_shank': ('right_thigh', (0.0, -0.43, 0.0)),
        'right_foot': ('right_shank', (0.0, -0.41, 0.0)),
    }
)

# joint: (segment, place in the segment's frame); names are those of pyskl.skeletons
JOINTS = _both_sides(
    {
        'spine_base': ('pelvis', (0.0, 0.0, 0.0)),
        'hip_center': ('pelvis', (0.0, 0.0, 0.0)),
        'spine': ('chest', (0.0, 0.07, 0.0)),
        'spine_mid': ('chest', (0.0, 0.24, 0.0)),
        'spine_shoulder': ('chest', (0.0, 0.44, 0.0)),
        'shoulder_center': ('head', (0.0, 0.0, 0.0)),
        'neck': ('head', (0.0, 0.0, 0.0)),
        'head': ('head', (0.0, 0.17, 0.0)),
        'nose': ('head', (0.0, 0.11, -0.12)),
        'right_eye': ('head', (0.033, 0.145, -0.09)),
        'right_ear': ('head', (0.075, 0.12, -0.005)),
        'right_shoulder': ('right_arm', (0.0, 0.0, 0.0)),
        'right_elbow': ('right_forearm', (0.0, 0.0, 0.0)),
        'right_wrist': ('right_hand', (0.0, 0.0, 0.0)),
        'right_hand': ('right_hand', (0.0, -0.08, 0.0)),
        'right_hand_tip': ('right_hand', (0.0, -0.16, 0.0)),
        'right_thumb': ('right_hand', (-0.04, -0.08, -0.03)),
        'right_hip': ('right_thigh', (0.0, 0.0, 0.0)),
        'right_knee': ('right_shank', (0.0, 0.0, 0.0)),
        'right_ankle': ('right_foot', (0.0, 0.0, 0.0)),
        'right_foot': ('right_foot', (0.0, -0.05, -0.15)),
    }
)

ANKLE_HEIGHT = 0.08
_BENDS_BACKWARDS = ('shank', 'chest', 'pelvis', 'head')  # flexion is a negative rotation about x


def random_proportions(rng: np.random.RandomState) -> dict[str, np.ndarray]:
    """Sample factors ``(3,)`` for the offsets in each segment's frame, equal for both sides."""
    stature = rng.uniform(0.9, 1.1)
    length = {part: stature * rng.uniform(0.93, 1.07) for part in ('pelvis', 'chest', 'head', 'arm', 'leg')}
    width = {part: stature * rng.uniform(0.88, 1.12) for part in ('pelvis', 'chest')}
    part_of = {'forearm': 'arm', 'hand': 'arm', 'thigh': 'leg', 'shank': 'leg', 'foot': 'leg'}
    factors = {}
    for segment in SEGMENTS:
        name = segment.removeprefix('right_').removeprefix('left_')
        part = part_of.get(name, name)
        factors[segment] = np.array([width.get(part, length[part]), length[part], length[part]])
    return factors


def _turns(segment: str, angles: np.ndarray) -> np.ndarray:
    """``(T, 3)`` angles -> ``(T, 3, 3)`` rotations: twist first, then flexion, then abduction."""
    flexion, abduction, twist = angles.T
    if segment.endswith(_BENDS_BACKWARDS):
        flexion = -flexion
    if segment.startswith('left_'):
        abduction, twist = -abduction, -twist
    zero, one = np.zeros_like(flexion), np.ones_like(flexion)

    def matrix(*entries: np.ndarray) -> np.ndarray:
        return np.stack(entries, axis=-1).reshape(-1, 3, 3)

    cos, sin = np.cos(abduction), np.sin(abduction)
    about_z = matrix(cos, -sin, zero, sin, cos, zero, zero, zero, one)
    cos, sin = np.cos(flexion), np.sin(flexion)
    about_x = matrix(one, zero, zero, zero, cos, -sin, zero, sin, cos)
    cos, sin = np.cos(twist), np.sin(twist)
    about_y = matrix(cos, zero, sin, zero, one, zero, -sin, zero, cos)
    return about_z @ about_x @ about_y


def pose_body(angles: Angles, proportions: dict[str, np.ndarray], planted: bool = False) -> dict[str, np.ndarray]:
    """Forward kinematics: the position of every joint.

    Args:
        angles: Segment -> ``(T, 3)``; all segments.
        proportions: Segment -> ``(3,)``, see :func:`random_proportions`.
        planted: Whether the feet stay in place and the pelvis moves; otherwise the pelvis stays in place.

    Returns:
        Joint -> ``(T, 3)``, metres; the floor is y = 0, the lower ankle at its height above it.
    """
    place, turn = {}, {}
    for segment, (parent, hinge) in SEGMENTS.items():
        local = _turns(segment, angles[segment])
        if parent:
            place[segment] = place[parent] + turn[parent] @ (np.array(hinge) * proportions[parent])
            turn[segment] = turn[parent] @ local
        else:
            place[segment], turn[segment] = np.zeros((len(local), 3)), local
    ankles = np.stack([place['right_foot'], place['left_foot']])  # (2, T, 3)
    shift = -ankles.mean(axis=0) if planted else np.zeros_like(ankles[0])
    shift[:, 1] = ANKLE_HEIGHT - ankles[..., 1].min(axis=0)
    return {
        joint: place[segment] + turn[segment] @ (np.array(offset) * proportions[segment]) + shift
        for joint, (segment, offset) in JOINTS.items()
    }


def mark(joints: dict[str, np.ndarray], skeleton: Skeleton) -> np.ndarray:
    """Stack joints ``{name: (T, 3)}`` to ``(T, V, 3)`` in the order of ``skeleton``."""
    return np.stack([joints[name] for name in skeleton.joints], axis=1)
