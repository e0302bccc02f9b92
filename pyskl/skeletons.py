"""Definitions of the skeletons; the only file with joint indices.

Edges, bones, grid links and limbs are stored separately: published lists differ, and checkpoints depend on them. None
is derived from another, except for a skeleton that a user gives as a dict.

Convention: joints count from 0; an edge, a bone and a grid link are (child, parent), towards the centre.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from pyskl.skeleton_spec import (
    SKELETON_SUFFIXES,
    Pairs,
    Skeleton,
    bones_of,
    select_joints,
    skeleton_from_dict,
    skeleton_from_file,
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> Pairs:
    return tuple(tuple(int(joint) for joint in pair.split('-')) for pair in text.split())


_COCO_EDGES = _pairs('15-13 13-11 16-14 14-12 11-5 12-6 9-7 7-5 10-8 8-6 5-0 6-0 1-0 3-1 2-0 4-2')
_COCO = Skeleton(
    name='coco',
    joints=_names(
        'nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist '
        'right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle'
    ),
    edges=_COCO_EDGES,
    bone_parents=(0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14),
    grid_links=_pairs('15-13 13-11 16-14 14-12 11-12 5-11 6-12 5-6 7-5 8-6 9-7 10-8 1-2 1-0 2-0 3-1 4-2 3-5 4-6'),
    limbs=_pairs('0-1 0-2 1-3 2-4 0-5 5-7 7-9 0-6 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 11-12'),
    left=(1, 3, 5, 7, 9, 11, 13, 15),
    right=(2, 4, 6, 8, 10, 12, 14, 16),
    center=0,
    dims=2,
    origin=0,
    spine=None,
    shoulders=None,
    source='COCO keypoints; edges and bones of PYSKL, grid links of Ske2Grid',
)

_NTU_EDGES = _pairs(
    '0-1 1-20 2-20 3-2 4-20 5-4 6-5 7-6 8-20 9-8 10-9 11-10 12-0 13-12 14-13 15-14 16-0 17-16 18-17 19-18 '
    '21-7 22-7 23-11 24-11'
)
_NTU = Skeleton(
    name='nturgb+d',
    joints=_names(
        'spine_base spine_mid neck head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow '
        'right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot '
        'spine_shoulder left_hand_tip left_thumb right_hand_tip right_thumb'
    ),
    edges=_NTU_EDGES,
    # 21 -> 22 and 23 -> 24 are not graph edges: 2s-AGCN's list, which its checkpoints require.
    bone_parents=(1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11),
    grid_links=_pairs(
        '0-1 1-20 2-20 3-2 4-20 5-4 6-5 7-6 8-20 9-8 10-9 11-10 12-0 13-12 14-13 15-14 16-0 17-16 18-17 19-18 '
        '21-22 22-7 23-24 24-11'
    ),
    limbs=_NTU_EDGES,
    left=(4, 5, 6, 7, 12, 13, 14, 15, 21, 22),
    right=(8, 9, 10, 11, 16, 17, 18, 19, 23, 24),
    center=20,
    dims=3,
    origin=1,
    spine=(0, 1),
    shoulders=(8, 4),
    source='Kinect v2, NTU RGB+D; edges of PYSKL, bones of 2s-AGCN, grid links of Ske2Grid',
)

_OPENPOSE_EDGES = _pairs('4-3 3-2 7-6 6-5 13-12 12-11 10-9 9-8 11-5 8-2 5-1 2-1 0-1 15-0 14-0 17-15 16-14')
_OPENPOSE_BONES = (0, 0, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15)
_OPENPOSE = Skeleton(
    name='openpose',
    joints=_names(
        'nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee '
        'right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear'
    ),
    edges=_OPENPOSE_EDGES,
    bone_parents=_OPENPOSE_BONES,
    grid_links=tuple((v, p) for v, p in enumerate(_OPENPOSE_BONES) if v != p),
    limbs=_OPENPOSE_EDGES,
    left=(5, 6, 7, 11, 12, 13, 15, 17),
    right=(2, 3, 4, 8, 9, 10, 14, 16),
    center=1,
    dims=2,
    origin=1,
    spine=None,
    shoulders=None,
    source='OpenPose 18 joints; edges and bones of PYSKL',
)

_HAND_EDGES = _pairs(
    '1-0 2-1 3-2 4-3 5-0 6-5 7-6 8-7 9-0 10-9 11-10 12-11 13-0 14-13 15-14 16-15 17-0 18-17 19-18 20-19'
)
_HAND = Skeleton(
    name='handmp',
    joints=(
        'wrist',
        *(f'{finger}_{part}' for finger in ('thumb', 'index', 'middle', 'ring', 'little') for part in range(1, 5)),
    ),
    edges=_HAND_EDGES,
    bone_parents=bones_of(_HAND_EDGES, 21),
    grid_links=_HAND_EDGES,
    limbs=_HAND_EDGES,
    left=(),
    right=(),
    center=0,
    dims=2,
    origin=0,
    spine=None,
    shoulders=None,
    source='MediaPipe Hands, as in PYSKL',
)

_KINECT_EDGES = _pairs('0-1 1-2 3-2 4-2 5-4 6-5 7-6 8-2 9-8 10-9 11-10 12-0 13-12 14-13 15-14 16-0 17-16 18-17 19-18')
_NW_UCLA = Skeleton(
    name='nw-ucla',
    joints=_names(
        'hip_center spine shoulder_center head left_shoulder left_elbow left_wrist left_hand right_shoulder '
        'right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle '
        'right_foot'
    ),
    edges=_KINECT_EDGES,
    bone_parents=bones_of(_KINECT_EDGES, 20),
    grid_links=_KINECT_EDGES,
    limbs=_KINECT_EDGES,
    left=(4, 5, 6, 7, 12, 13, 14, 15),
    right=(8, 9, 10, 11, 16, 17, 18, 19),
    center=2,
    dims=3,
    origin=1,
    spine=(0, 1),
    shoulders=(8, 4),
    source='Kinect v1 SDK order; edges of CTR-GCN for NW-UCLA',
)

_MEDIAPIPE_EDGES = _pairs(
    '1-0 2-1 3-2 7-3 4-0 5-4 6-5 8-6 9-0 10-0 11-0 12-0 13-11 15-13 17-15 19-15 21-15 14-12 16-14 18-16 20-16 22-16 '
    '23-11 24-12 25-23 27-25 29-27 31-29 26-24 28-26 30-28 32-30'
)
_MEDIAPIPE = Skeleton(
    name='mediapipe',
    joints=_names(
        'nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear '
        'mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky '
        'right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle '
        'right_ankle left_heel right_heel left_foot_index right_foot_index'
    ),
    edges=_MEDIAPIPE_EDGES,
    bone_parents=bones_of(_MEDIAPIPE_EDGES, 33),
    grid_links=_MEDIAPIPE_EDGES,
    limbs=_pairs(
        '0-1 1-2 2-3 3-7 0-4 4-5 5-6 6-8 9-10 11-12 11-13 13-15 15-17 15-19 15-21 17-19 12-14 14-16 16-18 16-20 16-22 '
        '18-20 11-23 12-24 23-24 23-25 24-26 25-27 26-28 27-29 28-30 29-31 30-32 27-31 28-32'
    ),
    left=(1, 2, 3, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
    right=(4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32),
    center=0,
    dims=2,
    origin=0,
    spine=None,
    shoulders=None,
    source="MediaPipe Pose: image landmarks; limbs are its POSE_CONNECTIONS, edges a tree of them with COCO's centre",
)
# World landmarks: metres from the middle of the hips, which is not a joint.
_MEDIAPIPE_3D = replace(
    _MEDIAPIPE, name='mediapipe3d', dims=3, origin=23, spine=(23, 11), shoulders=(12, 11),
    source='MediaPipe Pose: world landmarks in metres; otherwise as mediapipe',
)  # fmt: skip

# iBUG's 68 points of a face, and COCO-WholeBody's order: body, feet, face, hands.
_FACE = (
    *(f'right_jaw_{i}' for i in range(1, 9)), 'chin', *(f'left_jaw_{i}' for i in range(8, 0, -1)),
    *(f'right_brow_{i}' for i in range(1, 6)), *(f'left_brow_{i}' for i in range(5, 0, -1)),
    *(f'nose_bridge_{i}' for i in range(1, 5)),
    *_names('right_nostril_1 right_nostril_2 nose_base left_nostril_2 left_nostril_1'),
    *(f'right_eye_{part}' for part in _names('outer upper_1 upper_2 inner lower_2 lower_1')),
    *(f'left_eye_{part}' for part in _names('inner upper_2 upper_1 outer lower_1 lower_2')),
    *_names('right_mouth right_upper_lip_1 right_upper_lip_2 upper_lip left_upper_lip_2 left_upper_lip_1'),
    *_names('left_mouth left_lower_lip_1 left_lower_lip_2 lower_lip right_lower_lip_2 right_lower_lip_1'),
    *_names('right_inner_mouth right_inner_upper_lip inner_upper_lip left_inner_upper_lip'),
    *_names('left_inner_mouth left_inner_lower_lip inner_lower_lip right_inner_lower_lip'),
)  # fmt: skip
_FEET = _names('left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel')
_WHOLEBODY_JOINTS = (
    *_COCO.joints, *_FEET, *_FACE,
    *(f'{side}_{joint.replace("wrist", "hand_root")}' for side in ('left', 'right') for joint in _HAND.joints),
)  # fmt: skip
# Joints of COCO-WholeBody by part; ``wholebody:body+hands`` is the layout of some of them.
WHOLEBODY_PARTS = {
    'body': tuple(range(17)),
    'feet': tuple(range(17, 23)),
    'face': tuple(range(23, 91)),
    'left_hand': tuple(range(91, 112)),
    'right_hand': tuple(range(112, 133)),
    'hands': tuple(range(91, 133)),
}


def _chain(first: int, last: int, root: int) -> Pairs:
    """Return the pairs of a chain: ``first`` -> ``root``, then each joint up to ``last`` -> the previous one."""
    return ((first, root), *((v, v - 1) for v in range(first + 1, last + 1)))


def _shift(pairs: Pairs, by: int) -> Pairs:
    return tuple((a + by, b + by) for a, b in pairs)


# In iBUG's numbers: along the bridge to the tip of the nose (30), and from there over the mouth to the chin.
_FACE_EDGES = (
    *_pairs('29-30 28-29 27-28 33-30 32-33 31-32 34-33 35-34'),
    *_pairs('21-27 20-21 19-20 18-19 17-18 22-27 23-22 24-23 25-24 26-25'),
    *_pairs('39-27 38-39 37-38 36-37 40-39 41-40 42-27 43-42 44-43 45-44 47-42 46-47'),
    *_pairs('51-33 50-51 49-50 48-49 52-51 53-52 54-53 62-51 61-62 60-61 63-62 64-63'),
    *_pairs('66-62 67-66 65-66 57-66 58-57 59-58 56-57 55-56'),
    *_pairs('8-57 7-8 6-7 5-6 4-5 3-4 2-3 1-2 0-1 9-8 10-9 11-10 12-11 13-12 14-13 15-14 16-15'),
)
# Segments that close the contours of eyes and lips.
_FACE_LOOPS = _pairs('36-41 45-46 48-59 54-55 60-67 64-65')
_WHOLEBODY_EDGES = (
    *_COCO_EDGES, *_pairs('17-15 18-17 19-15 20-16 21-20 22-16'), *_shift(_FACE_EDGES, 23), (53, 0),
    *_shift(_HAND_EDGES, 91), (91, 9), *_shift(_HAND_EDGES, 112), (112, 10),
)  # fmt: skip
_WHOLEBODY_LEFT = tuple(v for v, name in enumerate(_WHOLEBODY_JOINTS) if name.startswith('left'))
_WHOLEBODY = Skeleton(
    name='wholebody',
    joints=_WHOLEBODY_JOINTS,
    edges=_WHOLEBODY_EDGES,
    bone_parents=(*_COCO.bone_parents, *bones_of(_WHOLEBODY_EDGES, 133)[17:]),
    grid_links=(*_COCO.grid_links, *_WHOLEBODY_EDGES[len(_COCO_EDGES) :]),
    limbs=(*_COCO.limbs, *_WHOLEBODY_EDGES[len(_COCO_EDGES) :], *_shift(_FACE_LOOPS, 23)),
    left=_WHOLEBODY_LEFT,
    right=tuple(_WHOLEBODY_JOINTS.index(_WHOLEBODY_JOINTS[v].replace('left', 'right')) for v in _WHOLEBODY_LEFT),
    center=0,
    dims=2,
    origin=0,
    spine=None,
    shoulders=None,
    source='COCO-WholeBody, 133 joints (arXiv 2007.11858), as rtmlib and MMPose write them; the body is coco',
)


def wholebody_joints(parts: str) -> tuple[int, ...]:
    """Return the indices among the 133 joints of parts such as ``'body+feet'`` (:data:`WHOLEBODY_PARTS`), in order.

    Raises:
        ValueError: If a part is unknown.
    """
    names = parts.split('+')
    if not set(names) <= set(WHOLEBODY_PARTS):
        raise ValueError(f'unknown part in wholebody:{parts}; join parts of {sorted(WHOLEBODY_PARTS)} with +')
    return tuple(sorted({joint for name in names for joint in WHOLEBODY_PARTS[name]}))


@cache
def _wholebody_part(parts: str) -> Skeleton:
    return select_joints(_WHOLEBODY, wholebody_joints(parts), f'wholebody:{parts}')


SKELETONS = {s.name: s for s in (_COCO, _NTU, _OPENPOSE, _HAND, _NW_UCLA, _MEDIAPIPE, _MEDIAPIPE_3D, _WHOLEBODY)}

# Limbs of COCO in the channel order of PYSKL's posec3d/*/limb configs; Skeleton.limbs is the order of its defaults.
LIMB_ORDERS = {
    'posec3d': _pairs('0-5 0-6 5-7 7-9 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 0-1 0-2 1-3 2-4 11-12'),
}


def add_skeleton(layout: Skeleton | dict | str | Path) -> Skeleton:
    """Register a layout under its name, for use in configs; call it in a module of ``custom_imports``.

    Args:
        layout: A skeleton, a dict for :func:`skeleton_from_dict` with a ``name``, or a file.

    Raises:
        ValueError: If it is not a skeleton, or another skeleton has the same name.
    """
    skeleton = get_skeleton(layout)
    if SKELETONS.setdefault(skeleton.name, skeleton) != skeleton:
        raise ValueError(f'a skeleton named {skeleton.name!r} exists already; choose another name')
    return skeleton


def get_skeleton(layout: 'str | dict | Skeleton') -> Skeleton:
    """Resolve a ``layout`` of a config to a skeleton.

    Args:
        layout: A name of :data:`SKELETONS`, parts of the whole body (``wholebody:body+hands``, names of
            :data:`WHOLEBODY_PARTS`), the path of a file for :func:`skeleton_from_file` (``skeleton.yaml``), a
            dict for :func:`skeleton_from_dict`, or a skeleton.

    Raises:
        ValueError: If the name is unknown, or the file or the dict is not a skeleton.
    """
    if isinstance(layout, Skeleton):
        return layout
    if isinstance(layout, dict):
        return skeleton_from_dict(layout)
    if isinstance(layout, str | Path) and str(layout).lower().endswith(SKELETON_SUFFIXES):
        return skeleton_from_file(layout)
    if isinstance(layout, str) and layout.startswith('wholebody:'):
        return _wholebody_part(layout.partition(':')[2])
    if layout not in SKELETONS:
        raise ValueError(
            f'unknown skeleton {layout!r}; choose from {sorted(SKELETONS)}, or give a file such as skeleton.yaml or a '
            'dict'
        )
    return SKELETONS[layout]


def mirror_order(count: int, left: Sequence[int], right: Sequence[int], name: str = 'left, right') -> tuple[int, ...]:
    """Return, for each of ``count`` joints (or limbs), the index of its left/right partner, or its own index.

    Args:
        count: Number of joints, or limbs.
        left: Indices on the left side.
        right: Their partners, in the same order.
        name: The config keys, for error messages.

    Raises:
        ValueError: If the lists do not pair different indices below ``count``.
    """
    both = (*left, *right)
    if len(left) != len(right) or len(set(both)) < len(both) or not all(0 <= index < count for index in both):
        raise ValueError(f'{name} must pair different indices below {count}, got {tuple(left)} and {tuple(right)}')
    partners = dict(zip(both, (*right, *left), strict=True))
    return tuple(partners.get(index, index) for index in range(count))


def limb_mirror_order(limbs: Pairs, partners: Sequence[int]) -> tuple[int, ...]:
    """Return, for each limb, the index of the limb between its joints' partners, or its own if there is none.

    Args:
        limbs: Pairs of joints.
        partners: Result of :func:`mirror_order`, one per joint.
    """
    index = {frozenset(limb): i for i, limb in enumerate(limbs)}
    return tuple(index.get(frozenset((partners[a], partners[b])), i) for i, (a, b) in enumerate(limbs))


def get_limbs(limbs: str | Sequence[Sequence[int]] | None, skeleton: Skeleton) -> Pairs:
    """Resolve ``limbs`` of a config to pairs of joints.

    Args:
        limbs: None for the skeleton's own, a name of :data:`LIMB_ORDERS`, or pairs of joints.
        skeleton: The skeleton.

    Raises:
        ValueError: If the name is unknown, or a pair does not consist of two joints of the skeleton.
    """
    if limbs is None:
        return skeleton.limbs
    if isinstance(limbs, str):
        if limbs not in LIMB_ORDERS:
            raise ValueError(f'unknown skeletons={limbs!r}; choose from {sorted(LIMB_ORDERS)}, or give pairs of joints')
        return get_limbs(LIMB_ORDERS[limbs], skeleton)
    pairs = tuple(tuple(pair) for pair in limbs)
    if not pairs or any(len(pair) != 2 or not all(0 <= v < skeleton.num_joints for v in pair) for pair in pairs):
        raise ValueError(
            f'skeletons must be pairs of joints below {skeleton.num_joints} ({skeleton.name!r}), got {limbs!r}'
        )
    return pairs
