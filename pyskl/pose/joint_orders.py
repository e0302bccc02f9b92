"""Joint orders of pose estimators, and their mapping to a skeleton by joint names."""

import re
from collections.abc import Sequence

from pyskl.skeletons import SKELETONS, WHOLEBODY_PARTS, Skeleton

_COCO = SKELETONS['coco'].joints
_WHOLEBODY = SKELETONS['wholebody'].joints
_FEET, _FACE, _HANDS = (tuple(_WHOLEBODY[v] for v in WHOLEBODY_PARTS[part]) for part in ('feet', 'face', 'hands'))
_BODY_25 = (
    'nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist',
    'mid_hip', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'right_eye',
    'left_eye', 'right_ear', 'left_ear', *_FEET,
)  # fmt: skip
_HALPE_26 = (
    *_COCO, 'head', 'neck', 'hip',
    'left_big_toe', 'right_big_toe', 'left_small_toe', 'right_small_toe', 'left_heel', 'right_heel',
)  # fmt: skip


# By number of joints: the format's name, its joints, and the default skeleton.
# NTU's 25 joints are in metres from a depth camera, never from an estimator's JSON.
ORDERS = {
    17: ('COCO', _COCO, 'coco'),
    18: ('OpenPose COCO', SKELETONS['openpose'].joints, 'openpose'),
    21: ('hand', SKELETONS['handmp'].joints, 'handmp'),
    25: ('OpenPose BODY_25', _BODY_25, 'openpose'),
    26: ('Halpe-26', _HALPE_26, 'coco'),
    33: ('MediaPipe', SKELETONS['mediapipe'].joints, 'mediapipe'),
    133: ('COCO-WholeBody', _WHOLEBODY, 'coco'),
    136: ('Halpe-136', (*_HALPE_26, *_FACE, *_HANDS), 'coco'),
}
_OTHER_WORDS = {'forefinger': 'index', 'pinky': 'little'}


def find_order(count: int, names: Sequence[str] | None, skeleton: Skeleton | None = None) -> tuple[Skeleton, list[int]]:
    """Choose the skeleton, and the joints of the file that it uses.

    Args:
        count: Joints in the file.
        names: Their names, if the file has them.
        skeleton: Requested skeleton; None selects it by the number of joints.

    Returns:
        The skeleton, and the index in the file of each of its joints.

    Raises:
        ValueError: If the joints do not contain the skeleton's.
    """
    what, known, usual = ORDERS.get(count, (f'{count} joints', None, None))
    given = skeleton is not None
    if skeleton is None and usual is None:
        raise ValueError(
            f'no known layout has {count} joints ({_known_counts()}); set --layout to a name or a skeleton.yaml'
        )
    skeleton = SKELETONS[usual] if skeleton is None else skeleton
    if skeleton.dims == 3:
        raise ValueError(f'layout {skeleton.name!r} has 3D joints, but these joints have two coordinates')
    shipped = SKELETONS.get(skeleton.name) is skeleton
    if names is not None and len(names) == count:
        order = _by_name(names, skeleton)
        if order is None and shipped:  # H36M also has 17 joints, but different ones
            raise ValueError(
                f'{count} joints named {", ".join(map(str, names[:3]))}, ... are not those of layout '
                f'{skeleton.name!r}; set --layout to another name or a skeleton.yaml'
            )
        if order is not None:
            return skeleton, order
    # A layout with as many joints defines their names; for a layout with fewer, joints are looked up by name.
    order = list(range(count)) if given and skeleton.num_joints == count else _by_name(known or (), skeleton)
    if order is None:
        raise ValueError(
            f'{count} joints ({what}) do not include the {skeleton.num_joints} joints of layout {skeleton.name!r}'
        )
    return skeleton, order


def _by_name(names: Sequence[str], skeleton: Skeleton) -> list[int] | None:
    """Indices of the skeleton's joints in ``names``; None if one is missing or ambiguous."""
    place = {_plain(name): index for index, name in enumerate(names)}
    expected = [_plain(joint) for joint in skeleton.joints]
    return [place[joint] for joint in expected] if len(place) == len(names) and set(expected) <= set(place) else None


def _known_counts() -> str:
    return ', '.join(f'{count} {what}' for count, (what, _, _) in ORDERS.items())


def _plain(name: str) -> str:
    """Normalise a joint name: ``'Left Eye' -> 'lefteye'``; ``'forefinger1', 'middle_finger_1' -> 'index1', 'middle1'``.

    MMPose names facial landmarks ``face-0`` to ``face-67``.
    """
    text = re.sub(r'[\W_]+', '', str(name).lower())
    if (point := re.fullmatch(r'face(\d+)', text)) and int(point[1]) < len(_FACE):
        return _plain(_FACE[int(point[1])])
    for word, ours in _OTHER_WORDS.items():
        text = text.replace(word, ours)
    return text.replace('finger', '')
