import json

import pytest

from pyskl.reports.scalars import read_scalars


def write(path, rows, end=''):
    path.write_text('\n'.join(map(json.dumps, rows)) + '\n' + end)


def points(curve):
    return list(zip(curve.epochs.tolist(), curve.values.tolist(), strict=True))


def test_cumulative_iterations_become_fractions_of_epochs(tmp_path):
    rows = [
        {'mode': 'train', 'epoch': 1, 'iter': 5, 'loss': 3.0, 'time': 0.1},
        {'mode': 'train', 'epoch': 1, 'iter': 10, 'loss': 2.0},
        {'mode': 'val', 'epoch': 1, 'iter': 10, 'top1_acc': 0.5},
        {'mode': 'train', 'epoch': 2, 'iter': 15, 'loss': 1.5},
        {'mode': 'train', 'epoch': 2, 'iter': 20, 'loss': 1.0},
    ]
    write(tmp_path / 'metrics.jsonl', rows)
    curves = read_scalars(tmp_path)
    assert set(curves) == {'train/loss', 'val/top1_acc'}
    assert points(curves['train/loss']) == [(0.5, 3.0), (1.0, 2.0), (1.5, 1.5), (2.0, 1.0)]
    assert points(curves['val/top1_acc']) == [(1.0, 0.5)]


def test_iterations_of_pyskl_logs_restart_in_each_epoch(tmp_path):
    rows = [{'mode': 'train', 'epoch': epoch, 'iter': i, 'loss': 1.0} for epoch in (1, 2) for i in (5, 10)]
    write(tmp_path / '20220101_000000.log.json', [{'env_info': '...', 'seed': 1}, *rows])
    assert read_scalars(tmp_path)['train/loss'].epochs.tolist() == [0.5, 1.0, 1.5, 2.0]


def test_a_resumed_run_replaces_repeated_epochs_and_truncated_lines_are_skipped(tmp_path):
    write(tmp_path / 'a.log.json', [{'mode': 'val', 'epoch': 1, 'top1_acc': 0.1}], end='{"mode": "va')
    write(tmp_path / 'b.log.json', [{'mode': 'val', 'epoch': 1, 'top1_acc': 0.2}])
    assert points(read_scalars(tmp_path)['val/top1_acc']) == [(1.0, 0.2)]


def test_a_folder_without_a_log_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match='has no training log'):
        read_scalars(tmp_path)
