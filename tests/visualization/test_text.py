import numpy as np
import pytest

from pyskl.visualization.text import put_text, shortened, text_width, use_font


def test_text_is_drawn_at_its_place_in_its_colour():
    image = np.zeros((40, 200, 3), np.uint8)
    put_text(image, 'Hall', (20, 5), 16, (255, 0, 0))
    rows, columns = np.nonzero(image[..., 0])
    assert rows.min() >= 5 and rows.max() < 5 + 16 * 1.3
    assert columns.min() >= 20 and columns.max() < 20 + text_width('Hall', 16)
    assert not image[..., 1:].any() and image.max() > 200


def test_right_aligned_text_ends_at_its_place():
    image = np.zeros((40, 200, 3), np.uint8)
    put_text(image, 'Hall', (180, 5), 16, align='right')
    columns = np.nonzero(image[..., 0])[1]
    assert 180 - text_width('Hall', 16) <= columns.min() and 172 < columns.max() < 180


@pytest.mark.parametrize('place', [(-10, -5), (190, 35), (-500, 5), (5, -500), (500, 500)])
def test_text_outside_the_image_is_clipped(place):
    put_text(np.zeros((40, 200, 3), np.uint8), 'a line\nof text', place, 16)


def test_long_text_keeps_both_ends():
    text = 'a very long name of a clip_0042'
    short = shortened(text, 12, 120)
    assert text_width(short, 12) <= 120
    assert short.startswith('a very') and short.endswith('42') and '…' in short
    assert shortened('short', 12, 120) == 'short'


def test_an_invalid_font_file_raises(tmp_path):
    path = tmp_path / 'x.ttf'
    path.write_text('not a font')
    with pytest.raises(ValueError, match='is not a TrueType'):
        use_font(path)
