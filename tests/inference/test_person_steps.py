"""States of persons, checked by hand; test_stepwise.py compares the scores with those of whole windows."""

import numpy as np
import pytest
import torch

from pyskl.inference.person_steps import FramePipeline, PersonSteps
from tests.inference.test_stepwise import SIZE, action_network

PIXELS = SIZE[1], SIZE[0]  # (width, height)


@pytest.fixture
def steps():
    return PersonSteps(action_network())


def frames(persons, count):
    """Random input frames ``(P, T, V, C)``."""
    return torch.rand(persons, count, 17, 3, generator=torch.Generator().manual_seed(0))


def test_a_frame_is_normalised_like_a_clip():
    keypoint = np.zeros((1, 2, 17, 2), np.float32)
    keypoint[0, 1] = PIXELS
    found = FramePipeline(action_network())(keypoint, np.ones((1, 2, 17), np.float32), SIZE)
    assert found.shape == (1, 2, 17, 3)
    assert found[0, :, 0].tolist() == [[-1, -1, 1], [1, 1, 1]]


def test_motion_needs_one_frame_ahead_which_is_not_returned():
    pipeline = FramePipeline(action_network(feats=('jm',)))
    keypoint = np.zeros((1, 3, 17, 2), np.float32)
    keypoint[0, :, :, 0] = np.array([0, 64, 192])[:, None]  # of 640 pixels: 0.2 and 0.4 of half the width
    found = pipeline(keypoint, np.ones((1, 3, 17), np.float32), SIZE)
    assert pipeline.ahead == 1
    assert found[0, :, 5, 0].tolist() == pytest.approx([0.2, 0.4])


def test_the_frame_rate_is_that_of_the_sampled_window():
    assert FramePipeline(action_network(clip_len=20)).rate == pytest.approx(30)  # 20 frames in 2/3 s
    assert FramePipeline(action_network(clip_len=10)).rate == pytest.approx(15)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'num_clips': 2}, 'stepwise requires clips to be 1, got 2'),
        ({'p_interval': 0.5}, 'with p_interval'),
        ({'steps': [{'type': 'RandomScale'}]}, 'RandomScale in the test pipeline may depend on the whole clip'),
        ({'feats': ('jm',), 'clip_len': 10}, 'stepwise motion needs all 30 frames per second, but the network uses 15'),
    ],
)
def test_a_pipeline_that_needs_a_whole_clip_raises(options, message):
    with pytest.raises(ValueError, match=message):
        FramePipeline(action_network(**options))


def test_a_person_is_ready_after_a_complete_window(steps):
    steps.advance([7], frames(1, steps.window), [0])
    assert steps.ready() == [7]
    steps.advance([7, 3], frames(2, 1), [0, 0])
    assert steps.ready() == [7] and steps.persons == [7, 3]
    steps.advance([7, 3], frames(2, steps.window + steps.stride), [0, 0])
    assert steps.ready() == [7, 3]


def test_the_state_of_a_dropped_person_starts_again(steps):
    steps.advance([7, 3], frames(2, steps.window), [0, 0])
    steps.drop(3)
    steps.drop(5)  # has no state
    assert steps.persons == [7] and steps.ready() == [7]
    steps.advance([7, 3], frames(2, 1), [0, 0])
    assert steps.ready() == [7]


def test_without_a_common_person_all_states_start_again(steps):
    steps.advance([7], frames(1, steps.window), [0])
    steps.advance([8], frames(1, 1), [0])
    assert steps.persons == [8] and steps.ready() == []


def test_the_order_of_persons_in_a_pair_does_not_matter(steps):
    steps.advance([7, 3], frames(2, steps.window), [0, 0])
    pair, swapped, alone = steps.logits([(7, 3), (3, 7), (7,)])
    assert torch.allclose(pair, swapped, atol=1e-6) and not torch.allclose(pair, alone, atol=1e-3)


def test_in_loop_mode_a_single_person_is_both_persons_of_the_input():
    steps = PersonSteps(action_network(mode='loop'))
    steps.advance([7], frames(1, steps.window), [0])
    alone, twice = steps.logits([(7,), (7, 7)])
    assert torch.equal(alone, twice)


def test_a_window_below_the_receptive_field_raises():
    with pytest.raises(ValueError, match=r'window must be at least \d+ frames .*, got 3 frames \(0\.1 s\)'):
        PersonSteps(action_network(), window=0.1)
