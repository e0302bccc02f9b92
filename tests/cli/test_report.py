"""``pyskl report`` and its parts, on a run of a few clips."""

import csv
import re
import sys

import pytest

pytest.importorskip('matplotlib')
pytest.importorskip('jinja2')

from pyskl.apis import load_config, train  # noqa: E402
from pyskl.cli import confusion, curves, grid, report  # noqa: E402
from pyskl.cli import test as test_tool  # noqa: E402
from tests.conftest import TinyExperiment  # noqa: E402


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A tiny Ske2Grid, trained for an epoch, with names of classes."""
    experiment = TinyExperiment(tmp_path_factory.mktemp('report'))
    names = "total_epochs = 1\nclasses = ['wave', '<b>raise</b>', 'lower', 'clap']"
    experiment.write_config('total_epochs = 1', names)
    cfg = load_config(experiment.config)
    cfg.work_dir = str(experiment.work_dir)
    train(cfg, seed=0)
    return experiment


def call(monkeypatch, module, *words):
    monkeypatch.setattr(sys, 'argv', ['pyskl', *map(str, words)])
    module.main()


def test_the_page_holds_all_parts_and_refers_to_nothing_outside(trained, monkeypatch, tmp_path):
    out = tmp_path / 'page.html'
    call(monkeypatch, report, trained.work_dir, '--out', out)
    page = out.read_text()
    for heading in ('Curves', 'Confusion', 'Classes', 'Calibration', 'Highest loss', 'The grid', 'Config'):
        assert f'>{heading}<' in page, heading
    references = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(found.startswith(('data:', '#')) for found in references)
    assert not re.search(r'url\((?!#)|@import|<link[^>]+stylesheet', page)
    assert '&lt;b&gt;raise' in page and '<b>raise</b>' not in page
    assert 'name="viewport"' in page


def test_a_second_report_takes_the_scores_of_the_first(trained, monkeypatch, tmp_path):
    call(monkeypatch, report, trained.work_dir, '--out', tmp_path / 'a.html')
    monkeypatch.setattr('pyskl.cli.run_facts.test', None)
    call(monkeypatch, report, trained.work_dir, '--out', tmp_path / 'b.html')
    with pytest.raises(TypeError):
        call(monkeypatch, report, trained.work_dir, '--out', tmp_path / 'c.html', '--again')


def test_a_report_replaces_a_report_and_no_other_file(trained, monkeypatch, tmp_path):
    other = tmp_path / 'mine.html'
    other.write_text('<p>mine')
    with pytest.raises(FileExistsError, match='mine.html exists already'):
        call(monkeypatch, report, trained.work_dir, '--out', other, '--no-test')
    assert other.read_text() == '<p>mine'
    for _ in range(2):
        call(monkeypatch, report, trained.work_dir, '--out', tmp_path / 'page.html', '--no-test')


def test_two_runs_are_compared(trained, monkeypatch, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for path in trained.work_dir.iterdir():
        if path.is_file() and path.suffix in ('.py', '.pth', '.jsonl'):
            (other / path.name).write_bytes(path.read_bytes())
    call(monkeypatch, report, trained.work_dir, other, '--out', tmp_path / 'two.html')
    page = (tmp_path / 'two.html').read_text()
    assert 'run against other' in page and 'no significant difference on these 4 clips' in page


def test_a_test_writes_a_report_too(trained, monkeypatch, tmp_path, capsys):
    words = (trained.config, trained.work_dir / 'latest.pth', '--report', tmp_path / 'test.html')
    call(monkeypatch, test_tool, *words, '--work-dir', tmp_path / 'elsewhere')
    assert '>Confusion<' in (tmp_path / 'test.html').read_text()
    assert f'report written to {tmp_path / "test.html"}' in capsys.readouterr().out


def test_a_confusion_matrix_as_table_and_image(trained, monkeypatch, tmp_path):
    call(monkeypatch, confusion, trained.work_dir, '--out', tmp_path / 'c.csv')
    rows = list(csv.reader((tmp_path / 'c.csv').open()))
    assert rows[0][1:] == ['wave', '<b>raise</b>', 'lower', 'clap']
    assert sum(int(cell) for row in rows[1:] for cell in row[1:]) == 4
    call(monkeypatch, confusion, trained.work_dir, '--out', tmp_path / 'c.png')
    assert (tmp_path / 'c.png').read_bytes().startswith(b'\x89PNG')


def test_curves_as_table_and_image(trained, monkeypatch, tmp_path):
    call(monkeypatch, curves, trained.work_dir, '--out', tmp_path / 'c.csv')
    tags = {row['tag'] for row in csv.DictReader((tmp_path / 'c.csv').open())}
    assert {'train/loss', 'train/lr', 'val/top1_acc'} <= tags
    call(monkeypatch, curves, trained.work_dir, '--out', tmp_path / 'c.svg')
    assert '<svg' in (tmp_path / 'c.svg').read_text()


def test_the_grid_as_table_and_image(trained, monkeypatch, tmp_path):
    call(monkeypatch, grid, trained.work_dir, '--out', tmp_path / 'g.csv')
    rows = list(csv.DictReader((tmp_path / 'g.csv').open()))
    assert len(rows) == 25 and rows[24]['row'] == rows[24]['column'] == '4' and 'left_wrist' in rows[0]
    call(monkeypatch, grid, trained.work_dir, '--out', tmp_path / 'g.png')
    assert (tmp_path / 'g.png').stat().st_size > 10_000


@pytest.mark.parametrize(
    ('module', 'words', 'message'),
    [
        (report, ['nowhere'], 'there is no folder nowhere'),
        (report, ['.', '--out', 'x.pdf'], 'a report must end in .html'),
        (confusion, ['x.pkl', '--out', 'x.txt'], 'must end in .png'),
        (curves, ['nowhere', '--out', 'x.png'], 'has no training log'),
    ],
)
def test_what_is_refused(module, words, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, OSError), match=message):
        call(monkeypatch, module, *words)
