"""``pyskl report``, on a run of a few clips."""

import re

import pytest

pytest.importorskip('matplotlib')
pytest.importorskip('jinja2')

from pyskl.cli import confusion, curves, report  # noqa: E402


def test_the_page_has_all_sections_and_is_self_contained(trained, called, tmp_path):
    out = tmp_path / 'page.html'
    called(report, trained.work_dir, '--out', out)
    page = out.read_text()
    for heading in ('Curves', 'Confusion', 'Classes', 'Calibration', 'Highest loss', 'The grid', 'Config'):
        assert f'>{heading}<' in page, heading
    references = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(found.startswith(('data:', '#')) for found in references)
    assert not re.search(r'url\((?!#)|@import|<link[^>]+stylesheet', page)
    assert '&lt;b&gt;raise' in page and '<b>raise</b>' not in page
    assert 'name="viewport"' in page


def test_a_second_report_reuses_the_scores_of_the_first(trained, called, monkeypatch, tmp_path):
    called(report, trained.work_dir, '--out', tmp_path / 'a.html')
    monkeypatch.setattr('pyskl.cli.run_facts.test', None)
    called(report, trained.work_dir, '--out', tmp_path / 'b.html')
    with pytest.raises(TypeError):
        called(report, trained.work_dir, '--out', tmp_path / 'c.html', '--again')


def test_a_report_replaces_only_a_report(trained, called, tmp_path):
    other = tmp_path / 'mine.html'
    other.write_text('<p>mine')
    with pytest.raises(FileExistsError, match='mine.html exists already'):
        called(report, trained.work_dir, '--out', other, '--no-test')
    assert other.read_text() == '<p>mine'
    for _ in range(2):
        called(report, trained.work_dir, '--out', tmp_path / 'page.html', '--no-test')


def test_two_runs_are_compared(trained, called, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for path in trained.work_dir.iterdir():
        if path.is_file() and path.suffix in ('.py', '.pth', '.jsonl'):
            (other / path.name).write_bytes(path.read_bytes())
    called(report, trained.work_dir, other, '--out', tmp_path / 'two.html')
    page = (tmp_path / 'two.html').read_text()
    assert 'run against other' in page and 'no significant difference on these 4 clips' in page


@pytest.mark.parametrize(
    ('module', 'words', 'message'),
    [
        (report, ['nowhere'], 'the folder nowhere does not exist'),
        (report, ['.', '--out', 'x.pdf'], '--out x.pdf must end in .html'),
        (confusion, ['x.pkl', '--out', 'x.txt'], 'must end in .png'),
        (curves, ['nowhere', '--out', 'x.png'], 'has no training log'),
    ],
)
def test_invalid_arguments_raise(module, words, message, called, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, OSError), match=message):
        called(module, *words)
