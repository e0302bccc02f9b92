import csv

import pytest

pytest.importorskip('matplotlib')

from pyskl.cli import confusion  # noqa: E402


def test_a_confusion_matrix_as_table_and_image(trained, called, tmp_path):
    called(confusion, trained.work_dir, '--out', tmp_path / 'c.csv')
    rows = list(csv.reader((tmp_path / 'c.csv').open()))
    assert rows[0][1:] == ['wave', '<b>raise</b>', 'lower', 'clap']
    assert sum(int(cell) for row in rows[1:] for cell in row[1:]) == 4
    called(confusion, trained.work_dir, '--out', tmp_path / 'c.png')
    assert (tmp_path / 'c.png').read_bytes().startswith(b'\x89PNG')
