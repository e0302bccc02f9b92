import numpy as np
import pytest

from pyskl.skeletons import get_skeleton
from pyskl.synthetic.body import ANKLE_HEIGHT, JOINTS, SEGMENTS, mark, pose_body, random_proportions

PLAIN = {segment: np.ones(3) for segment in SEGMENTS}


def upright(frames=1):
    return {segment: np.zeros((frames, 3)) for segment in SEGMENTS}


def bent(segment, flexion=0, abduction=0, twist=0, **others):
    angles = upright()
    for name, degrees in {segment: (flexion, abduction, twist), **others}.items():
        angles[name] += np.deg2rad(degrees)
    return {joint: place[0] for joint, place in pose_body(angles, PLAIN).items()}


def test_at_rest_the_body_stands_on_the_floor():
    body = bent('pelvis')
    assert body['left_ankle'][1] == pytest.approx(ANKLE_HEIGHT)
    assert body['hip_center'][1] == pytest.approx(ANKLE_HEIGHT + 0.41 + 0.43 + 0.06)
    assert body['left_wrist'] == pytest.approx(body['left_shoulder'] - [0, 0.28 + 0.25, 0])
    assert body['nose'][2] < body['left_ear'][2] < 0  # in front is negative z


def test_right_is_positive_x_and_the_left_mirrors_it():
    body = bent('pelvis')
    for joint in (name for name in JOINTS if name.startswith('right_')):
        assert body[joint][0] > 0
        assert body[joint.replace('right_', 'left_')] == pytest.approx(body[joint] * [-1, 1, 1])


@pytest.mark.parametrize('side', ['left', 'right'])
def test_flexion_lifts_the_arm_forwards(side):
    body = bent(f'{side}_arm', flexion=90)
    assert body[f'{side}_wrist'] == pytest.approx(body[f'{side}_shoulder'] - [0, 0, 0.53])


@pytest.mark.parametrize(('side', 'outwards'), [('left', -1), ('right', 1)])
def test_abduction_lifts_the_arm_sideways(side, outwards):
    body = bent(f'{side}_arm', abduction=90)
    assert body[f'{side}_wrist'] == pytest.approx(body[f'{side}_shoulder'] + [outwards * 0.53, 0, 0])


@pytest.mark.parametrize(('side', 'outwards'), [('left', -1), ('right', 1)])
def test_twist_turns_the_bent_forearm_inwards(side, outwards):
    body = bent(f'{side}_arm', twist=90, **{f'{side}_forearm': (90, 0, 0)})
    assert body[f'{side}_wrist'] == pytest.approx(body[f'{side}_elbow'] - [outwards * 0.25, 0, 0])


def test_knee_bends_backwards_and_elbow_forwards():
    body = bent('left_shank', flexion=90)
    assert body['left_ankle'] == pytest.approx(body['left_knee'] + [0, 0, 0.41])
    body = bent('left_forearm', flexion=90)
    assert body['left_wrist'] == pytest.approx(body['left_elbow'] - [0, 0, 0.25])


def test_trunk_bows_forwards():
    body = bent('chest', flexion=90)
    assert body['neck'] == pytest.approx(body['hip_center'] - [0, 0, 0.5])


def test_planted_feet_stay_while_the_pelvis_moves():
    angles = upright(2)
    for side in ('left', 'right'):
        angles[f'{side}_thigh'][1, 0] = angles[f'{side}_shank'][1, 0] = np.deg2rad(90)
        # The thighs are level, the shanks upright.
    still, planted = pose_body(angles, PLAIN), pose_body(angles, PLAIN, planted=True)
    assert planted['left_ankle'][0] == pytest.approx(planted['left_ankle'][1])
    assert planted['hip_center'][1] - planted['hip_center'][0] == pytest.approx([0, -0.43, 0.43])
    assert still['hip_center'][:, 2].tolist() == [0, 0]


@pytest.mark.parametrize('layout', ['coco', 'nturgb+d', 'nw-ucla'])
def test_limbs_keep_their_length_for_all_angles(layout):
    rng = np.random.RandomState(0)
    angles = {segment: rng.uniform(-1.5, 1.5, (50, 3)) for segment in SEGMENTS}
    skeleton = get_skeleton(layout)
    joints = mark(pose_body(angles, random_proportions(rng)), skeleton)
    limbs = [(i, j) for i, j in skeleton.edges if 'nose' not in (skeleton.joints[i], skeleton.joints[j])]
    # Of coco's edges, shoulder to hip crosses the waist.
    limbs = [(i, j) for i, j in limbs if 'hip' not in skeleton.joints[j] + skeleton.joints[i] or layout != 'coco']
    assert len(limbs) > 5
    child, parent = np.array(limbs).T
    lengths = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)  # (T, bones)
    assert np.ptp(lengths, axis=0).max() < 1e-12
    assert lengths.min() > 0.02


def test_proportions_are_symmetric_and_differ_between_people():
    one, other = (random_proportions(np.random.RandomState(seed)) for seed in (0, 1))
    assert all((one[name] == one[name.replace('left_', 'right_')]).all() for name in SEGMENTS)
    assert not np.allclose(one['left_arm'], other['left_arm'], rtol=1e-3)
