"""Numbers and films on a report page of four clips."""

import re

import numpy as np
import pytest

from pyskl.reports.page import Run, wanted_films, write_page

pytest.importorskip('jinja2')
# Clips a and b are class 0, c and d class 1; b is taken for 1, d for 0.
SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
CLASSES = ['walk & run', 'wave']


def a_run(name='one', scores=SCORES, **fields):
    return Run(name, scores=scores, labels=np.array([0, 0, 1, 1]), clips=['a', 'b', 'c', 'd'], **fields)


@pytest.fixture
def page(tmp_path):
    def write(*runs):
        write_page(tmp_path / 'page.html', runs, CLASSES, 'A title')
        return (tmp_path / 'page.html').read_text()

    return write


def test_a_page_has_no_external_links_and_escapes_names(page):
    text = page(a_run(facts={'network': '<b>'}))
    assert '<title>A title</title>' in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert 'walk &amp; run' in text and '&lt;b&gt;' in text


def test_accuracies_are_shown_in_percent(page):
    assert '<b>50.00 %</b><span>top-1, 4 clips</span>' in page(a_run())


def test_films_show_the_most_confident_clip_of_each_confused_pair(page):
    run = a_run()
    assert sorted(wanted_films(run)) == ['b', 'd']
    assert wanted_films(Run('untested')) == []
    run.films['b'] = b'GIF89a'
    assert 'R0lGODlh' in page(run)


def test_runs_are_compared_only_on_the_same_clips(page):
    right = np.eye(2)[[0, 0, 1, 1]]
    assert '2 clips are recognised by both, 0 by one alone, 2 by two alone' in page(a_run(), a_run('two', right))
    other = a_run('three', right)
    other.clips = ['a', 'b', 'c', 'x']
    assert 'are recognised by both' not in page(a_run(), other)


def test_an_untested_run_shows_its_facts_only(page):
    assert 'only facts' in page(Run('one', facts={'network': 'only facts'}))
