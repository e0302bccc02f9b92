import argparse

import numpy as np
import pytest

from pyskl.converters.job import LeftOut
from pyskl.converters.labels import Row
from pyskl.converters.tracked_clips import add_tracking_options, annotation, check_counts, tracked


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_tracking_options(parser)
    return parser.parse_args(arguments)


def standing(frames, joints=3):
    """A person who stands still: detections of consecutive frames."""
    keypoint = np.tile(np.float32([[10, 10], [20, 30], [30, 60]]), (frames, 1, 1))
    return np.arange(frames), keypoint, np.ones((frames, joints), np.float32)


def test_one_person_in_every_frame_is_one_track():
    keypoint, score = tracked(*standing(8), 8, options())
    assert keypoint.shape == (1, 8, 3, 2) and score.shape == (1, 8, 3)
    assert (keypoint == keypoint[:, :1]).all() and (score == 1).all()


def test_a_clip_without_a_long_enough_track_is_skipped():
    with pytest.raises(LeftOut, match='5 frames'):
        tracked(*standing(4), 8, options())
    assert len(tracked(*standing(4), 8, options('--min-length', '4'))[0]) == 1


@pytest.mark.parametrize(('option', 'value'), [('max-persons', 0), ('max-gap', -1), ('min-length', 10_001)])
def test_a_count_out_of_range_raises(option, value):
    with pytest.raises(ValueError, match=f'--{option} must be .* got {value}'):
        check_counts(options(f'--{option}', str(value)))


def test_coordinates_that_float16_cannot_resolve_stay_float32():
    row = Row(name='a', label=2)
    keypoint = np.full((1, 4, 3, 2), 2048, np.float32)
    score = np.ones((1, 4, 3), np.float32)
    record = annotation(row, keypoint, score, (1080, 1920))
    assert (record['frame_dir'], record['label'], record['total_frames']) == ('a', 2, 4)
    assert record['keypoint'].dtype == np.float16 and record['img_shape'] == (1080, 1920)
    assert annotation(row, keypoint + 1, score, (1080, 1920))['keypoint'].dtype == np.float32
