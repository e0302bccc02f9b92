"""Sampled clips: in range, in order, and equal to PYSKL's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyskl.datasets.pipelines.sampling import (
    PadTo,
    PoseDecode,
    UniformSampleDecode,
    UniformSampleFrames,
    fixed_clips,
    sample_clips,
)
from pyskl.registry import TRANSFORMS


def pyskl_clips(num_frames, clip_len, num_clips, interval, seed, test):
    """PYSKL's steps, one random number after another."""
    random = np.random.RandomState(seed)
    clips = []
    for i in range(num_clips):
        used = int((random.rand() * (interval[1] - interval[0]) + interval[0]) * num_frames)
        offset = random.randint(num_frames - used + 1)
        if used < clip_len:
            start = (i if used < num_clips else i * used // num_clips) if test else random.randint(0, used)
            inds = np.arange(start, start + clip_len)
        elif used < 2 * clip_len:
            marks = np.zeros(clip_len + 1, dtype=np.int64)
            marks[random.choice(clip_len + 1, used - clip_len, replace=False)] = 1
            inds = np.arange(clip_len) + np.cumsum(marks)[:-1]
        else:
            edges = np.array([k * used // clip_len for k in range(clip_len + 1)])
            inds = edges[:-1] + random.randint(np.diff(edges))
        clips.append(inds + offset)
    return np.mod(np.concatenate(clips), num_frames), random


@given(
    st.integers(2, 400),
    st.integers(1, 120),
    st.integers(1, 12),
    st.tuples(st.floats(0.5, 1), st.floats(0.5, 1)),
    st.booleans(),
)
def test_frames_and_rng_state_are_pyskls(num_frames, clip_len, num_clips, interval, test):
    interval = tuple(sorted(interval))
    expected, after = pyskl_clips(num_frames, clip_len, num_clips, interval, 255, test)
    random = np.random.RandomState(255)
    found = sample_clips(num_frames, clip_len, num_clips, interval, random, spaced_starts=test)
    assert found.tolist() == expected.tolist()
    assert random.rand() == after.rand()
    if test:
        assert fixed_clips(num_frames, clip_len, num_clips, interval, 255).tolist() == expected.tolist()


@given(st.integers(1, 400), st.integers(1, 120), st.integers(1, 5), st.floats(0.01, 1))
def test_a_clip_stays_in_the_video_and_is_sorted_if_the_video_is_long_enough(num_frames, clip_len, num_clips, low):
    inds = sample_clips(num_frames, clip_len, num_clips, (low, 1), np.random.RandomState(0), False)
    assert inds.shape == (num_clips * clip_len,)
    assert inds.min() >= 0 and inds.max() < num_frames
    clips = inds.reshape(num_clips, clip_len)
    if int(low * num_frames) >= clip_len:
        assert (np.diff(clips) > 0).all()
    else:
        steps = np.diff(clips) % num_frames
        assert (steps >= (1 if num_frames > 1 else 0)).all()


def test_a_video_as_long_as_the_clip_is_taken_whole():
    assert sample_clips(7, 7, 1, (1, 1), np.random.RandomState(0), False).tolist() == list(range(7))


def sample(frames=40, **fields):
    keypoint = np.arange(frames, dtype=np.float16)[None, :, None, None] * np.ones((2, 1, 3, 2), np.float16)
    return {'keypoint': keypoint, 'total_frames': frames, 'frame_dir': 'clip', **fields}


def test_test_mode_is_deterministic_and_does_not_use_the_global_generator():
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    first, second = (UniformSampleFrames(10, num_clips=3)(sample(test_mode=True)) for _ in range(2))
    assert first['frame_inds'].tolist() == second['frame_inds'].tolist()
    assert np.random.rand() == expected
    other = UniformSampleFrames(10, num_clips=3, seed=1)(sample(test_mode=True))
    assert other['frame_inds'].tolist() != first['frame_inds'].tolist()


def test_training_uses_the_global_generator():
    np.random.seed(3)
    first = UniformSampleFrames(10)(sample())['frame_inds']
    second = UniformSampleFrames(10)(sample())['frame_inds']
    np.random.seed(3)
    assert UniformSampleFrames(10)(sample())['frame_inds'].tolist() == first.tolist()
    assert first.tolist() != second.tolist()


def test_a_sampler_adds_these_keys():
    out = TRANSFORMS.build({'type': 'UniformSample', 'clip_len': 5, 'num_clips': 2})(sample(start_index=100))
    assert (out['clip_len'], out['num_clips'], out['frame_interval']) == (5, 2, None)
    assert out['frame_inds'].shape == (10,) and out['frame_inds'].min() >= 100


@pytest.mark.parametrize(
    'arguments, words',
    [
        ({'clip_len': 0}, 'UniformSampleFrames clip_len must be an integer of at least 1, got 0'),
        ({'clip_len': 5, 'num_clips': 1.5}, r'num_clips must be an integer of at least 1, got 1\.5'),
        ({'clip_len': 5, 'p_interval': (0.9, 0.5)}, r'p_interval must be a fraction .*, got \(0\.9, 0\.5\)'),
        ({'clip_len': 5, 'p_interval': 0}, 'p_interval'),
    ],
)
def test_invalid_arguments_raise(arguments, words):
    with pytest.raises(ValueError, match=words):
        UniformSampleFrames(**arguments)


def test_a_sample_with_wrong_total_frames_raises():
    with pytest.raises(ValueError, match=r"sample 'clip' has total_frames=41 but keypoint .* \(2, 40, 3, 2\)"):
        UniformSampleFrames(5)({**sample(), 'total_frames': 41})
    with pytest.raises(ValueError, match="sample 'clip' has total_frames=0"):
        UniformSampleFrames(5)(sample(0))


def test_decoding_selects_the_sampled_frames_as_float32():
    inds = np.array([[3, 1], [1, 0]])
    score = np.ones((2, 40, 3), np.float16)
    out = PoseDecode()(sample(frame_inds=inds, keypoint_score=score, offset=2))
    assert out['keypoint'][0, :, 0, 0].tolist() == [5, 3, 3, 2]
    assert out['keypoint'].dtype == out['keypoint_score'].dtype == np.float32
    assert PoseDecode()(sample(6))['keypoint'][1, :, 2, 1].tolist() == [0, 1, 2, 3, 4, 5]


def test_sampling_and_decoding_in_one_appends_the_score():
    score = np.full((2, 40, 3), 0.5, np.float16)
    out = UniformSampleDecode(10, num_clips=2)(sample(keypoint_score=score, test_mode=True))
    assert out['keypoint'].shape == (2, 20, 3, 3) and out['keypoint'].dtype == np.float32
    assert (out['keypoint'][..., 2] == 0.5).all() and 'keypoint_score' not in out
    assert (out['num_clips'], out['clip_len'], out['coord_dims']) == (2, 10, 2)
    clips = out['keypoint'][0, :, 0, 0].reshape(2, 10)
    assert (np.diff(clips) > 0).all()


def test_sampling_and_decoding_has_a_random_start_also_in_test_mode():
    random = np.random.RandomState(255)
    random.rand()
    start = random.randint(0, 8)
    out = UniformSampleDecode(10)(sample(8, test_mode=True))
    assert out['keypoint'][0, :, 0, 0].tolist() == [(start + k) % 8 for k in range(10)]


def test_a_short_part_wraps_around_inside_itself():
    np.random.seed(0)
    found = UniformSampleDecode(20, p_interval=(0.2, 0.2))(sample(40))['keypoint'][0, :, 0, 0]
    assert len(np.unique(found)) == 8 and found.max() - found.min() == 7


def test_a_list_of_samples_gives_a_clip_of_each():
    first, second = sample(30), sample(30)
    second['keypoint'] = second['keypoint'] + 1000
    out = UniformSampleDecode(10, num_clips=2)([first, second])
    assert out['num_clips'] == 2 and out['keypoint'].shape == (2, 20, 3, 2)
    assert (out['keypoint'][:, :10] < 1000).all() and (out['keypoint'][:, 10:] >= 1000).all()
    with pytest.raises(ValueError, match='empty list'):
        UniformSampleDecode(10)([])


def test_padding_loops_or_appends_zeros():
    score = np.ones((2, 3, 3), np.float16)
    loop = PadTo(7)(sample(3, keypoint_score=score))
    assert loop['keypoint'][0, :, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0] and loop['total_frames'] == 7
    zero = PadTo(5, mode='zero')(sample(3, keypoint_score=score))
    assert zero['keypoint'][0, :, 0, 0].tolist() == [0, 1, 2, 0, 0]
    assert zero['keypoint_score'][0, :, 0].tolist() == [1, 1, 1, 0, 0]
    with pytest.raises(ValueError, match="PadTo length=2 is less than the 3 frames of sample 'clip'"):
        PadTo(2)(sample(3))
    with pytest.raises(ValueError, match="mode must be 'loop' or 'zero', got 'wrap'"):
        PadTo(2, mode='wrap')
