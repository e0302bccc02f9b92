import numpy as np
import pytest

from pyskl.skeletons import get_skeleton
from pyskl.synthetic.scene import LASTING, make_scene, random_plans


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


def test_an_unknown_action_raises():
    with pytest.raises(ValueError, match=r"got \['jump'\]"):
        make_scene(0, [[('jump', 1)]])


def test_random_plans_have_their_duration_and_changing_actions():
    plans = random_plans(3, people=2, seconds=40)
    assert plans == random_plans(3, people=2, seconds=40) != random_plans(4, people=2, seconds=40)
    for plan in plans:
        actions, durations = zip(*plan, strict=True)
        assert sum(durations) == pytest.approx(40) and min(durations) >= 4 and max(durations[:-1]) <= 6
        assert durations[-1] < 10
        assert all(one != two for one, two in zip(actions, actions[1:], strict=False))
        assert set(actions[: len(LASTING)]) == set(LASTING)


def test_a_short_plan_is_one_action():
    assert [[duration for _, duration in plan] for plan in random_plans(0, people=1, seconds=2)] == [[2]]
