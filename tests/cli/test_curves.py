import csv

import pytest

pytest.importorskip('matplotlib')

from pyskl.cli import curves  # noqa: E402


def test_curves_as_table_and_image(trained, called, tmp_path):
    called(curves, trained.work_dir, '--out', tmp_path / 'c.csv')
    tags = {row['tag'] for row in csv.DictReader((tmp_path / 'c.csv').open())}
    assert {'train/loss', 'train/lr', 'val/top1_acc'} <= tags
    called(curves, trained.work_dir, '--out', tmp_path / 'c.svg')
    assert '<svg' in (tmp_path / 'c.svg').read_text()
