import csv

import pytest

pytest.importorskip('matplotlib')

from pyskl.cli import grid  # noqa: E402


def test_the_grid_as_table_and_image(trained, called, tmp_path):
    called(grid, trained.work_dir, '--out', tmp_path / 'g.csv')
    rows = list(csv.DictReader((tmp_path / 'g.csv').open()))
    assert len(rows) == 25 and rows[24]['row'] == rows[24]['column'] == '4' and 'left_wrist' in rows[0]
    called(grid, trained.work_dir, '--out', tmp_path / 'g.png')
    assert (tmp_path / 'g.png').stat().st_size > 10_000
