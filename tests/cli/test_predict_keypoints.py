"""Frames of people from records and lines; tests/cli/test_predict.py labels them."""

import numpy as np
import pytest

from pyskl.cli.predict_keypoints import _of_record, _until
from pyskl.inference.keypoint_lines import LineFrame
from pyskl.skeletons import get_skeleton

COCO = get_skeleton('coco')


def test_persons_without_joints_in_a_frame_are_left_out_of_it():
    keypoint = np.full((2, 3, 17, 2), 5.0)
    keypoint[1, 1] = 0
    score = np.full((2, 3, 17), 0.5)
    score[0, 2] = 0
    score[1, 0, 0] = 7
    frames = list(_of_record({'keypoint': keypoint, 'keypoint_score': score}, COCO))
    assert [frame.ids for frame in frames] == [[0, 1], [0], [1]]
    assert [frame.keypoint.shape for frame in frames] == [(2, 17, 2), (1, 17, 2), (1, 17, 2)]
    assert frames[0].score.max() == 1.0  # scores are at most 1


def test_without_scores_a_joint_at_0_is_not_seen():
    keypoint = np.full((1, 1, 17, 2), 5.0)
    keypoint[0, 0, 3] = 0
    (frame,) = _of_record({'keypoint': keypoint}, COCO)
    assert frame.score[0].tolist() == [1.0] * 3 + [0.0] + [1.0] * 13


def test_joints_of_another_skeleton_are_refused():
    with pytest.raises(ValueError, match='clip1 has keypoint .* but the network needs 17 joints'):
        next(_of_record({'frame_dir': 'clip1', 'keypoint': np.zeros((1, 1, 18, 2))}, COCO))


@pytest.mark.parametrize(('times', 'seconds', 'count'), [([None] * 9, 0.2, 3), ([7.0, 7.1, 7.2, 9.0, 7.3], 0.3, 3)])
def test_lines_end_after_their_seconds(times, seconds, count):
    frames = [LineFrame(time, None, None, None, None) for time in times]
    assert len(list(_until(iter(frames), seconds, fps=10))) == count
