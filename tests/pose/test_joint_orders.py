"""Mapping estimators' joints to a skeleton by name."""

import pytest

from pyskl.pose.joint_orders import ORDERS, find_order
from pyskl.skeletons import SKELETONS, get_skeleton

COCO, OPENPOSE = SKELETONS['coco'], SKELETONS['openpose']
# BODY_25 as OpenPose's own page has it: L and R, MidHip.
BODY_25 = [
    'Nose', 'Neck', 'RShoulder', 'RElbow', 'RWrist', 'LShoulder', 'LElbow', 'LWrist', 'MidHip', 'RHip', 'RKnee',
    'RAnkle', 'LHip', 'LKnee', 'LAnkle', 'REye', 'LEye', 'REar', 'LEar', 'LBigToe', 'LSmallToe', 'LHeel', 'RBigToe',
    'RSmallToe', 'RHeel',
]  # fmt: skip


def short(name):
    """``left_elbow -> LElbow``."""
    words = [word.title() for word in name.split('_')]
    return ''.join(word[0] if word in ('Left', 'Right') else word for word in words)


def test_body_25_becomes_openpose_or_coco_and_never_ntu():
    for skeleton in (None, OPENPOSE, COCO):
        found, order = find_order(25, None, skeleton)
        assert found is (skeleton or OPENPOSE)
        assert [BODY_25[index] for index in order] == [short(joint) for joint in found.joints]
    with pytest.raises(ValueError, match='has 3D joints'):
        find_order(25, None, SKELETONS['nturgb+d'])


@pytest.mark.parametrize(('count', 'name'), [(17, 'coco'), (18, 'openpose'), (21, 'handmp')])
def test_the_number_of_joints_selects_the_layout(count, name):
    assert find_order(count, None) == (SKELETONS[name], list(range(count)))
    assert find_order(count, None, SKELETONS[name]) == (SKELETONS[name], list(range(count)))


@pytest.mark.parametrize('count', [26, 133, 136])
def test_bodies_with_feet_faces_and_hands_begin_with_coco(count):
    assert find_order(count, None) == (COCO, list(range(17)))


def test_openpose_gives_coco_but_coco_has_no_neck():
    found, order = find_order(18, None, COCO)
    assert [OPENPOSE.joints[index] for index in order] == list(COCO.joints)
    with pytest.raises(ValueError, match=r"17 joints \(COCO\) do not include the 18 joints of layout 'openpose'"):
        find_order(17, None, OPENPOSE)


def test_names_in_the_file_take_precedence():
    names = [joint.replace('_', ' ').title() for joint in reversed(COCO.joints)]
    assert find_order(17, names) == (COCO, list(range(16, -1, -1)))
    h36m = ['root', 'right_hip', 'right_knee', *(f'other_{i}' for i in range(14))]
    for skeleton in (None, COCO):
        with pytest.raises(
            ValueError, match='17 joints named root, right_hip, right_knee, ... are not those of layout'
        ):
            find_order(17, h36m, skeleton)
    fingers = [f'{f}{i}' for f in ('thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')
               for i in range(1, 5)]  # fmt: skip
    assert find_order(21, ['wrist', *fingers]) == (SKELETONS['handmp'], list(range(21)))


def test_a_custom_skeleton_takes_joints_in_order_or_by_name():
    own = get_skeleton({'joints': ['nose', 'left_eye', 'right_eye'], 'edges': [[1, 0], [2, 0]]})
    assert find_order(3, None, own) == (own, [0, 1, 2])
    assert find_order(3, ['a', 'b', 'c'], own) == (own, [0, 1, 2])
    assert find_order(25, None, own) == (own, [0, 16, 15])
    with pytest.raises(ValueError, match="5 joints .* do not include the 3 joints of layout 'custom'"):
        find_order(5, None, own)


def test_an_unknown_number_of_joints_raises_with_the_known_ones():
    with pytest.raises(ValueError, match=r'no known layout has 32 joints \(17 COCO, .*skeleton.yaml'):
        find_order(32, None)


def test_orders_have_the_stated_number_of_names():
    for count, (_, names, layout) in ORDERS.items():
        assert len(set(names)) == count and layout in SKELETONS
