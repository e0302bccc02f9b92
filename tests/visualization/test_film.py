import numpy as np
import pytest

from pyskl.visualization.colors import ACCENT
from pyskl.visualization.film import Film


class Flat:
    """A panel whose frame ``t`` is grey ``t``."""

    def __init__(self, width, frames=5):
        self.size, self.frames = (width, 120), frames

    def draw(self, frame):
        return np.full((120, self.size[0], 3), frame, np.uint8)


def film(**arguments):
    options = {'title': 'clip', 'subtitle': '3 wave', 'order': [(1, 4), (2, 5)], 'counters': ['a', 'b'], **arguments}
    return Film([Flat(100), Flat(200)], ['left', 'right'], **options)


def test_panels_stand_side_by_side():
    made = film()
    image = made.draw(1)
    first, second = made.places
    assert (image[made.top : made.top + 120, first : first + 100] == 2).all()
    assert (image[made.top : made.top + 120, second : second + 200] == 5).all()
    assert second == first + 100 + made.gap


def test_a_film_has_a_picture_for_every_entry_all_of_one_even_size():
    shapes = [image.shape for image in film()]
    assert len(shapes) == len(film()) == 2
    assert shapes[0] == shapes[1] and shapes[0][0] % 2 == shapes[0][1] % 2 == 0


def test_the_bar_is_full_at_the_end():
    made = film()
    filled = [(made.draw(number)[made.foot] == ACCENT).all(-1).sum() for number in (0, 1)]
    assert filled[0] < 6 and filled[1] > made.width - 2 * made.gap - 6


@pytest.mark.parametrize('text', ['x' * 500, '', '名前', 'a\nb'])
def test_any_name_fits(text):
    image = film(title=text, subtitle=text, counters=[text, text], persons=range(20)).draw(0)
    assert image.shape == film().draw(0).shape


def test_equal_films_have_equal_pictures():
    assert all((a == b).all() for a, b in zip(film(persons=[0, 1]), film(persons=[0, 1]), strict=True))
