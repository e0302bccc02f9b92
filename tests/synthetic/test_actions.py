"""Defining movements of each action, checked on ten people."""

import numpy as np
import pytest

from pyskl.synthetic.actions import ACTIONS, PLANTED
from pyskl.synthetic.body import SEGMENTS, pose_body, random_proportions

SEEDS = range(10)


def perform(action, seed, frames=60):
    rng = np.random.RandomState(seed)
    angles = ACTIONS[action](rng, frames, 1.0)
    return pose_body(angles, random_proportions(rng), planted=action in PLANTED)


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def height_of_higher_wrist(joints):
    above = [joints[f'{side}_wrist'][:, 1] - joints[f'{side}_shoulder'][:, 1] for side in ('left', 'right')]
    return max(above, key=np.max)


def turning_points(x):
    return int((np.diff(np.sign(np.diff(x))) != 0).sum())


@pytest.mark.parametrize('action', ACTIONS)
def test_every_segment_has_angles_for_every_frame(action):
    angles = ACTIONS[action](np.random.RandomState(0), 7, 1.0)
    assert {name: a.shape for name, a in angles.items()} == dict.fromkeys(SEGMENTS, (7, 3))
    assert all(np.isfinite(a).all() for a in angles.values())


@pytest.mark.parametrize('seed', SEEDS)
def test_raise_hand_lifts_the_wrist_and_lower_hand_lowers_it(seed):
    up, down = (height_of_higher_wrist(perform(action, seed)) for action in ('raise hand', 'lower hand'))
    assert up[-1] - up[0] > 0.4
    assert down[0] - down[-1] > 0.4


@pytest.mark.parametrize('seed', SEEDS)
def test_a_waving_hand_stays_up_and_changes_direction_three_times_or_more(seed):
    joints = perform('wave', seed)
    side = max(('left', 'right'), key=lambda side: joints[f'{side}_elbow'][:, 1].mean())
    forearm = joints[f'{side}_wrist'] - joints[f'{side}_elbow']
    assert turning_points(forearm[:, 0]) >= 3  # 1.5 periods or more
    assert (joints[f'{side}_wrist'][:, 1] > joints['hip_center'][:, 1]).all()


@pytest.mark.parametrize('seed', SEEDS)
def test_clapping_hands_meet_and_part_together_and_punching_fists_take_turns(seed):
    clap, punch = perform('clap', seed), perform('punch', seed)
    gap = np.linalg.norm(clap['left_wrist'] - clap['right_wrist'], axis=-1)
    assert np.ptp(gap) > 0.2
    assert correlation(clap['left_wrist'][:, 0], clap['right_wrist'][:, 0]) < -0.8  # mirrored
    assert correlation(punch['left_wrist'][:, 1], punch['right_wrist'][:, 1]) < -0.6  # one up, one down


@pytest.mark.parametrize('seed', SEEDS)
def test_sitting_down_lowers_the_hips_standing_up_lifts_them_and_squatting_does_both(seed):
    sit, rise, squat = (perform(action, seed)['hip_center'][:, 1] for action in ('sit down', 'stand up', 'squat'))
    assert sit[0] - sit[-1] > 0.25
    assert rise[-1] - rise[0] > 0.25
    assert np.ptp(squat) > 0.25 and turning_points(squat) >= 2


@pytest.mark.parametrize('seed', SEEDS)
def test_walking_and_kicking_alternate_the_legs(seed):
    for action in ('walk', 'kick'):
        joints = perform(action, seed)
        assert correlation(joints['left_knee'][:, 2], joints['right_knee'][:, 2]) < -0.5


@pytest.mark.parametrize('seed', SEEDS)
def test_a_kicking_leg_is_straight_in_front_and_a_walking_leg_bent(seed):
    def stretch_in_front(joints):
        front = joints['left_knee'][:, 2].argmin()
        hip, knee, ankle = (joints[f'left_{name}'][front] for name in ('hip', 'knee', 'ankle'))
        return np.linalg.norm(ankle - hip) / (np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))

    assert stretch_in_front(perform('kick', seed)) > 0.97
    assert stretch_in_front(perform('walk', seed)) < 0.93
