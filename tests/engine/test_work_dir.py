import os

import pytest
import torch
from mmengine.config import Config

from pyskl.engine.work_dir import check_writable, differences, drop_checkpoints, plan_run

TEXT = """
model = dict(type='RecognizerGCN', backbone=dict(type='STGCN'))
data = dict(videos_per_gpu=16, workers_per_gpu=2, train=dict(ann_file='a.pkl', pipeline=[dict(type='PoseDecode')]))
optimizer = dict(type='SGD', lr=0.1)
total_epochs = 4
"""


@pytest.fixture
def cfg(tmp_path):
    path = tmp_path / 'j.py'
    path.write_text(TEXT)
    cfg = Config.fromfile(path)
    cfg.work_dir = str(tmp_path / 'work')
    os.makedirs(cfg.work_dir)
    return cfg


def leave_run(cfg, epoch):
    cfg.dump(os.path.join(cfg.work_dir, 'j.py'))
    path = os.path.join(cfg.work_dir, f'epoch_{epoch}.pth')
    torch.save({'state_dict': {}, 'meta': {'epoch': epoch, 'seed': 7}}, path)
    os.symlink(f'epoch_{epoch}.pth', os.path.join(cfg.work_dir, 'latest.pth'))
    return path


def test_an_empty_work_dir_is_a_new_run(cfg):
    assert plan_run(cfg, 4, False, None).resume is None


def test_the_same_command_goes_on_and_says_so(cfg):
    path = leave_run(cfg, 3)
    plan = plan_run(cfg, 4, False, None)
    assert (plan.resume, plan.epoch, plan.seed) == (os.path.realpath(path), 3, 7)
    assert '3 of 4 epochs done; --overwrite starts anew' in plan.note


def test_a_finished_run_says_so(cfg):
    leave_run(cfg, 4)
    assert plan_run(cfg, 4, False, None).note.startswith('finished already: 4 of 4 epochs')


def test_without_the_link_the_newest_epoch_is_taken_by_number(cfg):
    path = leave_run(cfg, 10)
    torch.save({'state_dict': {}, 'meta': {'epoch': 9}}, os.path.join(cfg.work_dir, 'epoch_9.pth'))
    os.remove(os.path.join(cfg.work_dir, 'latest.pth'))
    assert plan_run(cfg, 16, False, None).resume == os.path.realpath(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'optimizer.lr': 0.2}, r'optimizer.lr \(0.1 there, 0.2 now\)'),
        ({'model.backbone.type': 'Ske2Grid'}, r'model.backbone.type \(STGCN there, Ske2Grid now\)'),
        ({'total_epochs': 5}, r'total_epochs \(4 there, 5 now\)'),
        ({'data.train.pipeline': []}, r'data.train.pipeline'),
    ],
)
def test_a_run_of_another_model_data_or_schedule_is_refused_with_the_keys(cfg, change, message):
    leave_run(cfg, 2)
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=f'holds a run that differs in .*{message}.*--overwrite starts anew'):
        plan_run(cfg, 4, False, None)


def test_the_number_of_workers_is_no_difference(cfg):
    other = Config(cfg.to_dict())
    other.data.workers_per_gpu = 8
    assert differences(cfg, other) == []


def test_overwrite_drops_checkpoints_and_keeps_logs(cfg):
    leave_run(cfg, 2)
    log = os.path.join(cfg.work_dir, '20260101_000000.log')
    open(log, 'w').close()
    assert plan_run(cfg, 4, True, None).resume is None
    drop_checkpoints(cfg.work_dir)
    assert sorted(os.listdir(cfg.work_dir)) == ['20260101_000000.log', 'j.py']


def test_overwrite_and_resume_contradict(cfg):
    with pytest.raises(ValueError, match='pass one of them'):
        plan_run(cfg, 4, True, True)


def test_resume_without_a_checkpoint_is_an_error(cfg):
    with pytest.raises(FileNotFoundError, match='holds no checkpoint to go on from'):
        plan_run(cfg, 4, False, True)


def test_a_work_dir_that_is_a_file_cannot_be_written(tmp_path):
    (tmp_path / 'work').touch()
    with pytest.raises(ValueError, match='cannot write to work_dir .*--work-dir'):
        check_writable(tmp_path / 'work')
