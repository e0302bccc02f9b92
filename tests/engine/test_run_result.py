"""Result of a training run, read from its work_dir."""

import json
import os
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from pyskl.engine.run_result import best_checkpoint, last_checkpoint, result_of
from pyskl.engine.work_dir import Plan


@pytest.fixture
def run(tmp_path):
    """The folder of a run of three epochs whose second is the best."""
    for time, name in enumerate(('best_top1_acc_epoch_1.pth', 'best_top1_acc_epoch_2.pth', 'epoch_3.pth')):
        (tmp_path / name).write_bytes(b'')
        os.utime(tmp_path / name, (time, time))
    (tmp_path / 'latest.pth').symlink_to('epoch_3.pth')
    return tmp_path


def record(run, **content):
    (run / 'run.json').write_text(json.dumps({'pyskl_run': 1, 'files': [], **content}))


def test_the_best_checkpoint_is_that_of_the_record(run):
    record(run, best={'metric': 'top1_acc', 'value': 0.9, 'epoch': 1, 'file': 'best_top1_acc_epoch_1.pth'})
    assert best_checkpoint(Config({'work_dir': str(run)})) == str(run / 'best_top1_acc_epoch_1.pth')


def test_without_a_record_the_best_checkpoint_is_the_newest(run):
    assert best_checkpoint(Config({'work_dir': str(run)})) == str(run / 'best_top1_acc_epoch_2.pth')
    for path in run.glob('best_*'):
        path.unlink()
    assert best_checkpoint(Config({'work_dir': str(run)})) is None


def test_the_last_checkpoint_is_the_file_behind_the_link(run):
    assert last_checkpoint(Config({'work_dir': str(run)})) == str(run / 'epoch_3.pth')


def test_a_folder_without_checkpoints_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match='has no latest.pth or epoch_'):
        last_checkpoint(Config({'work_dir': str(tmp_path)}))


def test_the_metrics_are_those_of_the_last_validation(run):
    record(run, last={'epoch': 3, 'top1_acc': 0.8})
    result = result_of(Config({'work_dir': str(run)}), Plan(progress=SimpleNamespace(epoch=3)))
    assert (result.epoch, result.metrics, result.best) == (3, {'top1_acc': 0.8}, None)
    assert result.last_checkpoint == str(run / 'epoch_3.pth')
