import numpy as np

from pyskl.visualization.sheet import Row, sheet_pages


def rows(count):
    cells = [np.full((64, 64, 3), 200 + number, np.uint8) for number in range(4)]
    return [Row(f'{n} a class with a name of many words', [f'clip {n}'], cells, list('1234')) for n in range(count)]


def test_many_rows_fill_several_pages_of_one_width():
    pages = list(sheet_pages(rows(25), 'title', rows_per_page=10))
    assert len(pages) == 3
    assert len({page.shape[1] for page in pages}) == 1
    assert pages[0].shape == pages[1].shape and pages[2].shape[0] < pages[0].shape[0]


def test_every_cell_is_on_the_page():
    (page,) = sheet_pages(rows(3), 'title')
    for grey in range(200, 204):
        assert (page == grey).all(-1).sum() > 3 * 64 * 50  # all but the number of the frame


def test_a_row_may_have_fewer_frames():
    short = rows(2)
    short[1].cells = short[1].cells[:1]
    assert len(list(sheet_pages(short, 'x' * 300))) == 1
