import numpy as np
import pytest

from pyskl.pose.precomputed import PrecomputedPose


def test_frames_are_returned_in_order_and_one_too_many_raises():
    frames = [(np.full((1, 2, 2), number), np.ones((1, 2))) for number in range(2)]
    pose = PrecomputedPose(iter(frames), 'coco')
    assert pose.layout == 'coco'
    image = np.zeros((4, 4, 3), np.uint8)
    assert [pose.people(image)[0][0, 0, 0] for _ in frames] == [0, 1]
    with pytest.raises(ValueError, match='more frames than the given keypoints'):
        pose.people(image)
