import numpy as np
import pytest

from pyskl.skeletons import get_skeleton
from pyskl.synthetic.scene import make_scene


def test_people_stand_side_by_side_and_intervals_follow_the_plans():
    scene = make_scene(0, [[('wave', 2), ('squat', 1)], [('walk', 3)]], fps=10)
    assert scene.keypoint.shape == (2, 30, 17, 2)
    assert scene.intervals == ((1, 0.0, 2.0, 'wave'), (1, 2.0, 3.0, 'squat'), (2, 0.0, 3.0, 'walk'))
    assert abs(np.median(scene.keypoint[0, ..., 0]) - np.median(scene.keypoint[1, ..., 0])) > 300
    y = scene.keypoint[..., 1]
    nose, ankle = (get_skeleton('coco').joints.index(name) for name in ('nose', 'left_ankle'))
    assert (y[..., nose] < y[..., ankle]).all()
    left, right = (get_skeleton('coco').joints.index(f'{side}_shoulder') for side in ('left', 'right'))
    assert (scene.keypoint[..., left, 0] > scene.keypoint[..., right, 0]).all()  # they face the camera


def test_an_unknown_action_is_named():
    with pytest.raises(ValueError, match=r"got \['jump'\]"):
        make_scene(0, [[('jump', 1)]])
