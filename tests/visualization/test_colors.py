import numpy as np

from pyskl.skeletons import SKELETONS
from pyskl.visualization.colors import BACKGROUND, LEFT, NEITHER, PERSONS, RIGHT, joint_sides, limb_sides, shades


def test_sides_are_those_of_the_skeleton():
    skeleton = SKELETONS['coco']
    sides = dict(zip(skeleton.joints, joint_sides(skeleton).tolist(), strict=True))
    assert (sides['left_wrist'], sides['nose'], sides['right_ear']) == (LEFT, NEITHER, RIGHT)


def test_a_limb_between_left_and_right_has_neither_side():
    sides = np.array([LEFT, NEITHER, RIGHT])
    assert limb_sides([(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (0, 2)], sides).tolist() == [
        LEFT, LEFT, NEITHER, RIGHT, RIGHT, NEITHER,
    ]  # fmt: skip
    assert limb_sides([], sides).tolist() == []


def test_colours_of_persons_differ_and_repeat():
    every = [tuple(color) for person in range(len(PERSONS)) for color in shades(np.arange(3), person).tolist()]
    assert len(set(every)) == 3 * len(PERSONS)
    assert shades(np.arange(3), len(PERSONS)).tolist() == shades(np.arange(3), 0).tolist()


def test_left_is_lighter_than_right_and_both_contrast_with_the_background():
    brightness = np.array(PERSONS, float) @ (0.299, 0.587, 0.114)
    assert (brightness[:, LEFT] - brightness[:, RIGHT] > 40).all()
    assert (brightness - np.array(BACKGROUND) @ (0.299, 0.587, 0.114) > 40).all()
