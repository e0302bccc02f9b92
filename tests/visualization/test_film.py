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


def test_panels_are_side_by_side():
    clip_film = film()
    image = clip_film.draw(1)
    first, second = clip_film.places
    assert (image[clip_film.top : clip_film.top + 120, first : first + 100] == 2).all()
    assert (image[clip_film.top : clip_film.top + 120, second : second + 200] == 5).all()
    assert second == first + 100 + clip_film.gap


def test_a_film_has_one_image_per_entry_of_one_even_size():
    shapes = [image.shape for image in film()]
    assert len(shapes) == len(film()) == 2
    assert shapes[0] == shapes[1] and shapes[0][0] % 2 == shapes[0][1] % 2 == 0


def test_the_progress_bar_is_full_at_the_end():
    clip_film = film()
    filled = [(clip_film.draw(number)[clip_film.foot] == ACCENT).all(-1).sum() for number in (0, 1)]
    assert filled[0] < 6 and filled[1] > clip_film.width - 2 * clip_film.gap - 6


@pytest.mark.parametrize('text', ['x' * 500, '', '名前', 'a\nb'])
def test_long_empty_and_non_ascii_titles_fit(text):
    image = film(title=text, subtitle=text, counters=[text, text], persons=range(20)).draw(0)
    assert image.shape == film().draw(0).shape


def test_equal_films_have_equal_images():
    assert all((a == b).all() for a, b in zip(film(persons=[0, 1]), film(persons=[0, 1]), strict=True))
