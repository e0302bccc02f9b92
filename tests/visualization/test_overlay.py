import numpy as np

from pyskl.skeletons import get_skeleton
from pyskl.visualization.colors import FAINT, heat
from pyskl.visualization.overlay import Interval, Strip, draw_cells, draw_people, draw_scale, person_color

COCO = get_skeleton('coco')


def test_the_label_is_above_its_person_and_the_input_image_is_unchanged():
    image = np.full((240, 320, 3), 200, np.uint8)
    keypoint = np.stack([np.full(17, 160.0), np.linspace(100, 220, 17)], -1)[None]
    out = draw_people(image, [1], keypoint, np.ones((1, 17)), COCO, {1: 'clap'})
    assert (image == 200).all()
    changed = np.flatnonzero((out != 200).any((1, 2)))
    assert 60 < changed[0] < 100 and (out[changed[0] : 100, 120:200] != 200).any()
    alone = draw_people(image, [1], keypoint, np.ones((1, 17)), COCO, {})
    assert np.flatnonzero((alone != 200).any((1, 2)))[0] >= 95


def test_a_joint_of_high_strength_is_large_and_bright():
    image = np.zeros((240, 320, 3), np.uint8)
    keypoint = np.zeros((1, 17, 2))
    keypoint[0, 9], keypoint[0, 10] = (80, 120), (240, 120)
    score = np.zeros((1, 17))
    score[0, 9:11] = 1
    strength = np.zeros((1, 17))
    strength[0, 9] = 1
    out = draw_people(image, [1], keypoint, score, COCO, {}, strength)
    assert (
        out[120, 80].tolist() == heat(np.array(1.0)).tolist() and out[120, 240].tolist() == heat(np.array(0)).tolist()
    )
    assert (out[:, :160].max(-1) > 20).sum() > 3 * (out[:, 160:].max(-1) > 20).sum()


def test_grids_of_tracked_persons_are_in_the_lower_right_corner():
    image = np.zeros((240, 320, 3), np.uint8)
    cells = np.zeros((3, 2, 2))
    cells[2, 0, 0] = 1
    draw_cells(image, [1, 0, 2], cells)
    assert not image[:, :160].any() and not image[:160].any()
    for person in (1, 2):
        assert (image == np.array(person_color(person), np.uint8)).all(-1).any()
    rows, columns = np.nonzero((image == heat(np.array(1.0))).all(-1))
    assert len(rows) == 20 * 20 and columns.min() > 250  # one cell of person 2, on the right
    draw_cells(np.zeros((8, 8, 3), np.uint8), [1], cells[:1])  # an image without room


def test_the_scale_goes_from_dark_to_bright():
    image = np.full((240, 320, 3), 90, np.uint8)
    draw_scale(image, 'response of joints')
    changed = np.argwhere((image != 90).any(-1))
    assert changed[:, 0].min() > 200 and changed[:, 1].min() == 0
    assert (image == heat(np.array(0.0))).all(-1).any() and (image == heat(np.array(1.0))).all(-1).any()
    draw_scale(np.zeros((16, 16, 3), np.uint8), 'response of joints')


def test_an_absent_person_is_not_drawn():
    image = np.zeros((64, 64, 3), np.uint8)
    out = draw_people(image, [1], np.zeros((1, 17, 2)), np.zeros((1, 17)), COCO, {1: 'clap'})
    assert (out == 0).all()


def test_a_strip_has_one_row_per_person_and_a_moving_cursor():
    strip = Strip(400, [Interval(1, 0, 5, 'walk'), Interval(2, 5, 10, 'unknown', False)], (0, 10))
    assert strip.persons == [1, 2]
    first, last = strip.draw(0.0), strip.draw(10.0)
    assert first.shape == last.shape and first.shape[0] % 2 == 0
    columns = np.flatnonzero((first != last).any((0, 2)))
    assert columns[0] < 50 and columns[-1] > 380
    assert (strip.still == np.array(FAINT, np.uint8)).all(-1).any()


def test_persons_seen_longest_get_the_rows():
    strip = Strip(400, [Interval(person, 0, person, 'walk') for person in range(1, 15)], (0, 14))
    assert strip.persons == list(range(7, 15))


def test_colours_repeat_after_six_persons():
    assert person_color(1) == person_color(7) != person_color(2)
