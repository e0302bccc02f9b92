"""CTR-GCN's preparation of NW-UCLA: arrays equal those of the published formulas, written out below."""

import math
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.ctrgcn_nwucla import (
    FillBox,
    RotateWholeDegrees,
    SampleSorted,
    fill_box,
    rotation_about_y_then_x,
    sorted_sample,
    spread_frames,
)
from pyskl.engine.config.load import load_config

CONFIG = Path(__file__).resolve().parents[3] / 'configs/ctrgcn/ctrgcn_nwucla/j.py'
# Joint and parent, from 1, as the published feeder lists them.
PAIRS = '1-2 2-3 3-3 4-3 5-3 6-5 7-6 8-7 9-3 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19'


def published(joints, about_x, about_y, scale, frames, stream):
    """``(T, 20, 3)`` metres -> ``(L, 20, 3)``, in float64; angles in degrees."""
    x = joints - joints[0, 1]
    a, b = math.radians(about_x), math.radians(about_y)
    turn_x = np.array([[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]])
    turn_y = np.array([[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]])
    x = x @ (turn_y @ (turn_x @ (np.eye(3) * scale)))
    rows = x.reshape(-1, 3)
    low, high = rows.min(0), rows.max(0)
    x = 2 * ((x - low) / (high - low)) - 1
    x = x[frames]
    if 'b' in stream:
        bones = np.zeros_like(x)
        for pair in PAIRS.split():
            joint, parent = (int(number) - 1 for number in pair.split('-'))
            bones[:, joint] = x[:, joint] - x[:, parent]
        x = bones
    if 'm' in stream:
        moved = np.zeros_like(x)
        moved[:-1] = x[1:] - x[:-1]
        x = moved
    return x


@pytest.fixture(params=[1, 2, 31, 52, 201])
def joints(request):
    """Of a clip of as many frames, among them a joint that was not seen."""
    x = np.random.RandomState(request.param).normal((0, 0, 2.7), 0.5, (request.param, 20, 3)).astype(np.float32)
    x[request.param // 2, 7] = 0
    return x


def pipeline(phase, stream):
    steps = [dict(step) for step in load_config(CONFIG)[f'{phase}_pipeline']]
    for step in steps:
        if step['type'] == 'GenSkeFeat':
            step['feats'] = [stream]
    return Compose(steps)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
def test_training_arrays_equal_the_published_ones_for_any_scale(joints, stream):
    np.random.seed(3)
    about_x, about_y = np.random.randint(-60, 61, 2)
    frames = np.sort(np.random.permutation(100 * len(joints))[:52] % len(joints))
    np.random.seed(3)
    fed = pipeline('train', stream)({'keypoint': joints[None], 'label': 0})['keypoint']
    assert tuple(fed.shape) == (1, 1, 52, 20, 3)
    for scale in (1.0, 0.5, 1.37):
        expected = published(joints.astype(np.float64), about_x, about_y, scale, frames, stream)
        np.testing.assert_allclose(fed[0, 0], expected, atol=2e-6)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('phase', ['val', 'test'])
def test_test_arrays_equal_the_published_ones(joints, phase, stream):
    frames = np.floor(np.linspace(0, len(joints) - 1, 52)).astype(int)
    fed = pipeline(phase, stream)({'keypoint': joints[None], 'label': 0, 'test_mode': True})['keypoint']
    expected = published(joints.astype(np.float64), 0, 0, 1.0, frames, stream)
    np.testing.assert_allclose(fed[0, 0], expected, atol=2e-6)


def test_rotation_turns_about_the_vertical_first():
    east = np.array([[1.0, 0, 0]])
    quarter = math.pi / 2
    np.testing.assert_allclose(east @ rotation_about_y_then_x(0, quarter), [[0, 0, -1]], atol=1e-12)
    np.testing.assert_allclose(east @ rotation_about_y_then_x(quarter, quarter), [[0, 1, 0]], atol=1e-12)


def test_angles_are_whole_degrees_including_both_limits():
    np.random.seed(0)
    limit, seen = 2, set()
    for _ in range(200):
        turned = RotateWholeDegrees(limit)({'keypoint': np.array([[[[1.0, 0, 0]]]], np.float32)})['keypoint'].ravel()
        about_y = math.degrees(math.acos(min(1.0, turned[0])))
        assert about_y == pytest.approx(round(about_y), abs=0.05)
        seen.add(round(about_y))
    assert seen == {0, 1, 2}


def test_a_box_is_filled_and_constant_or_empty_parts_are_zero():
    x = np.array([[[[0.0, 5, 7]], [[4.0, 5, 8]], [[1.0, 5, 8]], [[0.0, 0, 0]]]])  # (1, 4, 1, 3)
    filled = np.array([[True, True, True, False]])
    assert fill_box(x, filled)[0, :, 0].tolist() == [[-1, 0, -1], [1, 0, 1], [-0.5, 0, 1], [0, 0, 0]]
    assert not fill_box(np.zeros((2, 3, 4, 3)), np.zeros((2, 3), bool)).any()


def test_sampled_frames_are_sorted_and_each_appears_at_most_100_times():
    frames = sorted_sample(7, 52, np.random.RandomState(0))
    assert (np.diff(frames) >= 0).all() and set(frames) <= set(range(7)) and len(frames) == 52
    assert sorted_sample(1, 250, np.random.RandomState(0)).tolist() == [0] * 250
    assert np.bincount(sorted_sample(2, 199, np.random.RandomState(0))).max() <= 100


def test_frames_in_test_mode_are_evenly_spaced():
    assert spread_frames(5, 9).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert spread_frames(100, 4).tolist() == [0, 33, 66, 99]


@pytest.mark.parametrize(
    ('step', 'argument'), [(RotateWholeDegrees, -1), (RotateWholeDegrees, 0.5), (SampleSorted, 0), (SampleSorted, '52')]
)
def test_an_argument_out_of_range_raises(step, argument):
    with pytest.raises(ValueError, match=f'{step.__name__} .*{argument!r}'):
        step(argument)


@pytest.mark.parametrize('step', [RotateWholeDegrees(), FillBox(), SampleSorted()])
def test_a_score_is_not_a_coordinate(step):
    sample = {'frame_dir': 'a', 'keypoint': np.ones((1, 4, 5, 2)), 'keypoint_score': np.ones((1, 4, 5))}
    with pytest.raises(ValueError, match=f"{type(step).__name__} expects .* but sample 'a'"):
        step(sample)


def test_a_clip_without_frames_raises_with_its_name():
    with pytest.raises(ValueError, match="sample 'a' has no frames"):
        SampleSorted()({'frame_dir': 'a', 'keypoint': np.ones((1, 0, 5, 3))})
