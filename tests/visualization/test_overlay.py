import numpy as np

from pyskl.skeletons import get_skeleton
from pyskl.visualization.colors import FAINT
from pyskl.visualization.overlay import Interval, Strip, draw_people, person_color

COCO = get_skeleton('coco')


def test_the_label_stands_above_its_person_and_the_image_is_left_alone():
    image = np.full((240, 320, 3), 200, np.uint8)
    keypoint = np.stack([np.full(17, 160.0), np.linspace(100, 220, 17)], -1)[None]
    out = draw_people(image, [1], keypoint, np.ones((1, 17)), COCO, {1: 'clap'})
    assert (image == 200).all()
    changed = np.flatnonzero((out != 200).any((1, 2)))
    assert 60 < changed[0] < 100 and (out[changed[0] : 100, 120:200] != 200).any()
    alone = draw_people(image, [1], keypoint, np.ones((1, 17)), COCO, {})
    assert np.flatnonzero((alone != 200).any((1, 2)))[0] >= 95


def test_nobody_is_drawn_where_nobody_is_seen():
    image = np.zeros((64, 64, 3), np.uint8)
    out = draw_people(image, [1], np.zeros((1, 17, 2)), np.zeros((1, 17)), COCO, {1: 'clap'})
    assert (out == 0).all()


def test_a_strip_has_a_row_for_each_person_and_its_cursor_moves():
    strip = Strip(400, [Interval(1, 0, 5, 'walk'), Interval(2, 5, 10, 'unknown', False)], (0, 10))
    assert strip.persons == [1, 2]
    first, last = strip.draw(0.0), strip.draw(10.0)
    assert first.shape == last.shape and first.shape[0] % 2 == 0
    columns = np.flatnonzero((first != last).any((0, 2)))
    assert columns[0] < 50 and columns[-1] > 380
    assert (strip.still == np.array(FAINT, np.uint8)).all(-1).any()


def test_those_seen_longest_get_the_rows():
    strip = Strip(400, [Interval(person, 0, person, 'walk') for person in range(1, 15)], (0, 14))
    assert strip.persons == list(range(7, 15))


def test_colours_start_over():
    assert person_color(1) == person_color(7) != person_color(2)
