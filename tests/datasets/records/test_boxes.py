"""Records of boxes: which are valid, and the message for those that are not."""

import re

import numpy as np
import pytest

from pyskl.datasets.records.annotations import record_problem
from pyskl.datasets.records.boxes import boxes_shape, counts_from_one, has_boxes

SOUND = {
    'frame_dir': 'a', 'label': 0, 'total_frames': 9, 'img_shape': (240, 320), 'frame_inds': np.array([1, 1, 4, 8]),
    'box_score': np.array([0.9, 0.5, 0.8, 0.7]), 'valid': {0.5: 3}, 'keypoint': np.ones((4, 17, 3), np.float16),
}  # fmt: skip


def test_a_record_of_boxes_has_as_many_persons_as_its_fullest_frame():
    assert record_problem(SOUND) is None and has_boxes(SOUND)
    assert boxes_shape(SOUND) == (2, 9, 17, 2)
    assert not has_boxes({**SOUND, 'keypoint': None})
    assert record_problem({**SOUND, 'keypoint': None, 'raw_file': 'x.pkl'}) is None


def test_frames_may_be_counted_from_1_as_in_the_published_file():
    assert record_problem({**SOUND, 'frame_inds': np.array([1, 1, 4, 9], np.int16)}) is None
    assert counts_from_one(np.array([1, 4, 9]), 9)
    assert not counts_from_one(np.array([1, 4, 8]), 9)


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'frame_inds': np.array([1, 4, 1, 8])}, r'frame_inds from 1 to 8; they must be non-decreasing .*, 8, or'),
        ({'frame_inds': np.array([1, 1, 4, 10])}, 'frame_inds from 1 to 10'),
        ({'frame_inds': np.array([0, 1, 4, 9])}, 'frame_inds from 0 to 9'),
        ({'frame_inds': np.array([-1, 1, 4, 8])}, 'frame_inds from -1 to 8'),
        ({'frame_inds': np.array([1.0, 1.5])}, 'not a list of frame numbers'),
        ({'frame_inds': [1, [2]]}, 'not a list of frame numbers'),
        ({'frame_inds': []}, 'has no boxes: no person was detected'),
        ({'frame_inds': np.array([1, 4, 8])}, r'3 frame_inds but box_score \(4,\)'),
        ({'frame_inds': np.array([1, 4, 8]), 'box_score': None}, r'3 frame_inds but keypoint \(4, 17, 3\), 4 boxes'),
        ({'keypoint': np.ones((4, 17, 2))}, r'must be \(boxes, V, 3\): x, y, score'),
        ({'keypoint': np.full((4, 17, 3), np.nan)}, 'has 204 NaN or infinite values in keypoint'),
        ({'total_frames': None}, 'total_frames=None; it must be the number of frames'),
        ({'total_frames': '9'}, "total_frames='9'"),
        ({'img_shape': (0, 320)}, r'img_shape \(0, 320\)'),
        ({'label': 'run'}, "label 'run'"),
    ],
)
def test_a_wrong_record_of_boxes_is_described(fields, words):
    problem = record_problem({**SOUND, **fields})
    assert problem is not None and re.search(words, problem), problem
