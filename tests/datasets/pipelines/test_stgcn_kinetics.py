from itertools import product

import numpy as np
import pytest

from pyskl.datasets.pipelines.stgcn_kinetics import FillPersons, PictureShare, RandomMove, RandomWindow, move


def sample(frames=3, persons=1, **more):
    """Joint v of frame t is at (10 t, v)."""
    keypoint = np.zeros((persons, frames, 2, 2), np.float16)
    keypoint[..., 0] = 10 * np.arange(frames)[:, None]
    keypoint[..., 1] = np.arange(2)
    return {'keypoint': keypoint, 'keypoint_score': np.ones(keypoint.shape[:3], np.float16), **more}


def test_fractions_of_the_image_are_relative_to_its_centre():
    results = sample(img_shape=(4, 20))
    results['keypoint_score'][0, 2, 1] = 0
    out = PictureShare()(results)['keypoint']
    assert out.dtype == np.float32
    assert out[0, :, 0].tolist() == [[-0.5, -0.5], [0, -0.5], [0.5, -0.5]]
    assert out[0, :, 1].tolist() == [[-0.5, -0.25], [0, -0.25], [0, 0]]


def test_fractions_need_an_image_size_and_two_coordinates():
    with pytest.raises(ValueError, match="PictureShare: sample 'unnamed' has no img_shape"):
        PictureShare()(sample())
    with pytest.raises(ValueError, match='PictureShare expects 2D keypoint'):
        PictureShare()({'keypoint': np.full((1, 2, 3, 3), -1.0), 'img_shape': (4, 20)})


def test_persons_are_filled_up_with_zeros():
    results = FillPersons(3)(sample())
    assert results['keypoint'].shape == (3, 3, 2, 2) and results['keypoint_score'].shape == (3, 3, 2)
    assert not results['keypoint'][1:].any() and not results['keypoint_score'][1:].any()
    assert results['keypoint'].dtype == np.float16
    assert len(FillPersons(2)(sample(persons=3))['keypoint']) == 3


def test_a_window_of_a_long_clip_starts_anywhere():
    starts = set()
    for seed in range(30):
        np.random.seed(seed)
        results = RandomWindow(3)(sample(frames=5))
        frames = (results['keypoint'][0, :, 0, 0] / 10).astype(int).tolist()
        assert frames == list(range(frames[0], frames[0] + 3)) and results['total_frames'] == 3
        assert results['keypoint_score'].shape == (1, 3, 2)
        starts.add(frames[0])
    assert starts == {0, 1, 2}


def test_a_short_clip_is_placed_anywhere_in_the_window():
    starts = set()
    for seed in range(30):
        np.random.seed(seed)
        results = RandomWindow(5)(sample())
        seen = results['keypoint_score'][0, :, 0].astype(bool)
        assert results['keypoint'][0, seen, 0, 0].tolist() == [0, 10, 20] and not results['keypoint'][0, ~seen].any()
        starts.add(int(np.argmax(seen)))
    assert starts == {0, 1, 2}
    np.testing.assert_array_equal(RandomWindow(3)(sample())['keypoint'], sample()['keypoint'])


def test_a_quarter_turn_takes_x_onto_y_and_the_shift_comes_last():
    keypoint = np.array([[[[1, 0]], [[1, 0]], [[0, 1]]]], np.float32)
    out = move(
        keypoint,
        angles=np.array([np.pi / 2, 0, np.pi / 2]),
        scales=np.array([1, 2, 3]),
        shifts=np.array([[0, 0], [0.5, -1], [10, 0]]),
    )
    np.testing.assert_allclose(out[0, :, 0], [[0, 1], [2.5, -1], [7, 0]], atol=1e-6)


def test_the_move_is_interpolated_linearly():
    np.random.seed(0)
    ends = set()
    for _ in range(60):
        still = {'keypoint': np.zeros((2, 5, 1, 2), np.float32)}
        out = RandomMove(angles=[0], scales=[1], shifts=[0, 4])(still)['keypoint']
        np.testing.assert_array_equal(out[0], out[1])  # all persons, absent or not
        steps = np.diff(out[0, :, 0], axis=0)
        assert (steps == steps[0]).all() and set(np.abs(steps[0]).tolist()) <= {0, 1}
        ends.add(tuple(out[0, [0, -1], 0].ravel().tolist()))
    assert ends == set(product((0, 4), repeat=4))


def test_published_candidates():
    transform = RandomMove()
    assert transform.angles == (-10, -5, 0, 5, 10)
    assert transform.scales == (0.9, 1.0, 1.1)
    assert transform.shifts == (-0.2, -0.1, 0.0, 0.1, 0.2)


@pytest.mark.parametrize(
    ('make', 'why'),
    [
        (lambda: RandomMove(angles=()), r'RandomMove angles must be a list of numbers to choose from, got \(\)'),
        (lambda: RandomMove(scales='abc'), 'RandomMove scales must be a list of numbers'),
        (lambda: RandomWindow(0), 'RandomWindow length must be an integer of at least 1, got 0'),
        (lambda: FillPersons(0), 'FillPersons num_person must be an integer of at least 1, got 0'),
        (
            lambda: RandomMove()({'keypoint': np.zeros((1, 2, 3, 3))}),
            'RandomMove expects keypoint .* before GenSkeFeat',
        ),
    ],
)
def test_wrong_arguments_and_samples_raise(make, why):
    with pytest.raises(ValueError, match=why):
        make()
