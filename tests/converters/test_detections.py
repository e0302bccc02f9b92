import numpy as np
import pytest

from pyskl.converters.detections import detections_of

PERSON = [[10.0, 20.0], [30.0, 40.0]]  # two joints, x y in pixels


def found(frame=0, keypoint=PERSON, score=(0.5, 0.9), track=-1):
    return frame, keypoint, list(score) if score is not None else None, track


def test_keypoints_with_scores_are_unchanged():
    result = detections_of('mmpose', [found(3, track=7)], listed=[3, 4])
    assert result.keypoint.tolist() == [PERSON]
    np.testing.assert_array_equal(result.score, np.float32([[0.5, 0.9]]))
    assert (result.frame.tolist(), result.track.tolist(), result.listed) == ([3], [7], (3, 4))


def test_triples_are_x_y_score():
    result = detections_of('openpose', [(0, [1, 2, 0.5, 3, 4, 0.25], None, -1)], None)
    assert result.keypoint.tolist() == [[[1, 2], [3, 4]]]
    assert result.score.tolist() == [[0.5, 0.25]]


@pytest.mark.parametrize(
    'unseen', [([[None, 5.0], [30.0, 40.0]], (0.5, 0.9)), (PERSON, (0, 0.9)), (PERSON, (None, 0.9))]
)
def test_an_undetected_joint_is_at_the_origin_with_score_0(unseen):
    result = detections_of('mmpose', [found(keypoint=unseen[0], score=unseen[1])], None)
    assert result.keypoint[0, 0].tolist() == [0, 0]
    assert result.score[0].tolist() == [0, np.float32(0.9)]


def test_visibilities_of_coco_become_scores_of_1():
    seen = [found(score=(2, 1)), found(1, score=(2, 0))]
    assert detections_of('coco', seen, None).score.tolist() == [[1, 1], [1, 0]]
    assert detections_of('mmpose', seen, None).score.tolist() == [[2, 1], [2, 0]]


def test_no_person_in_any_frame_gives_empty_arrays_with_the_span():
    result = detections_of('mmpose', [], listed=[5, 9], size=(480, 640))
    assert (len(result.frame), result.listed, result.size) == (0, (5, 9), (480, 640))


def test_names_for_another_number_of_joints_are_dropped():
    assert detections_of('mmpose', [found()], None, joints=('nose', 'tail')).joints == ('nose', 'tail')
    assert detections_of('mmpose', [found()], None, joints=('nose',)).joints is None


@pytest.mark.parametrize(
    ('rows', 'listed', 'message'),
    [
        ([found()], [4, 4], 'frame 4'),
        ([(2, [1, 2, 3, 4], None, -1)], None, 'x, y, score of each joint'),
        ([found(), found(1, keypoint=[[1.0, 2.0]], score=(1,))], None, 'frame 1: keypoints has 1 numbers'),
        ([found(6, keypoint='far')], None, 'frame 6: keypoints must be a list of numbers'),
        ([found(keypoint=[[float('inf'), 0], [1, 1]])], None, 'infinite'),
        ([found(keypoint=[[2e6, 0], [1, 1]])], None, 'a coordinate of 2e[+]06'),
        ([found(keypoint=[[0.2, 0.3], [0.4, 0.5]])], None, 'must be pixels'),
    ],
)
def test_invalid_keypoints_raise(rows, listed, message):
    with pytest.raises(ValueError, match=message):
        detections_of('mmpose', rows, listed)
