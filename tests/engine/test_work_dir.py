import json
import os

import pytest
import torch
from mmengine.config import Config

from pyskl.engine.run_record import RunRecord, plain
from pyskl.engine.work_dir import (
    Plan,
    check_names,
    check_sources,
    checkpoint_folder,
    config_name,
    differences,
    plan_run,
    start_record,
    writable,
)  # fmt: skip

TEXT = """
model = dict(type='RecognizerGCN', backbone=dict(type='STGCN'))
data = dict(videos_per_gpu=16, workers_per_gpu=2, train=dict(ann_file='a.pkl', pipeline=[dict(type='PoseDecode')]))
optimizer = dict(type='SGD', lr=0.1)
total_epochs = 4
"""


@pytest.fixture
def cfg(tmp_path):
    (tmp_path / 'configs').mkdir()
    path = tmp_path / 'configs' / 'j.py'
    path.write_text(TEXT)
    cfg = Config.fromfile(path)
    cfg.work_dir = str(tmp_path / 'work')
    os.makedirs(cfg.work_dir)
    return cfg


def leave_run(cfg, epoch, recorded=True):
    """Write the files of a run that has trained to ``epoch``."""
    path = os.path.join(cfg.work_dir, f'epoch_{epoch}.pth')
    meta = {'epoch': epoch, 'iter': 3 * epoch, 'seed': 7}
    torch.save({'state_dict': {}, 'meta': meta, 'optimizer': {}, 'message_hub': {}}, path)
    if not os.path.lexists(os.path.join(cfg.work_dir, 'latest.pth')):
        os.symlink(f'epoch_{epoch}.pth', os.path.join(cfg.work_dir, 'latest.pth'))
    cfg.dump(os.path.join(cfg.work_dir, 'j.py'))
    if recorded:
        record = RunRecord(cfg.work_dir)
        files = {*record.files, f'epoch_{epoch}.pth', 'latest.pth', 'j.py'}
        record.update(files=sorted(files), config=plain(cfg.to_dict()), config_file='j.py')
    return path


def test_an_empty_work_dir_starts_a_new_run(cfg):
    assert plan_run(cfg, 4, False, None).resume is None


@pytest.mark.parametrize('recorded', [True, False])
def test_the_same_command_resumes_and_reports_it(cfg, recorded):
    path = leave_run(cfg, 3, recorded)
    plan = plan_run(cfg, 4, False, None)
    assert (plan.resume, plan.epoch, plan.progress.seed) == (os.path.realpath(path), 3, 7)
    assert plan.problem is None and '3 of 4 epochs done; --overwrite starts over' in plan.note


def test_a_finished_run_is_reported(cfg):
    leave_run(cfg, 4)
    assert plan_run(cfg, 4, False, None).note.startswith('finished already: 4 of 4 epochs')


def test_more_epochs_resume(cfg):
    leave_run(cfg, 4)
    cfg.total_epochs = 8
    plan = plan_run(cfg, 8, False, None)
    assert plan.problem is None and '4 of 8 epochs done' in plan.note


def test_without_the_link_the_highest_epoch_is_used(cfg):
    path = leave_run(cfg, 10)
    leave_run(cfg, 9)
    os.remove(os.path.join(cfg.work_dir, 'latest.pth'))
    open(os.path.join(cfg.work_dir, 'epoch_final.pth'), 'w').close()
    assert plan_run(cfg, 16, False, None).resume == os.path.realpath(path)


@pytest.mark.parametrize('recorded', [True, False])
@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'optimizer.lr': 0.2}, 'optimizer.lr=0.1 (now 0.2)'),
        ({'model.backbone.type': 'Ske2Grid'}, 'model.backbone.type=STGCN (now Ske2Grid)'),
        ({'data.train.pipeline': []}, 'data.train.pipeline'),
    ],
)
def test_a_run_of_another_model_data_or_schedule_names_the_keys(cfg, change, message, recorded):
    leave_run(cfg, 2, recorded)
    cfg.merge_from_dict(change)
    problem = plan_run(cfg, 4, False, None).problem
    assert problem.startswith(f'{cfg.work_dir}/latest.pth was trained with {message}')
    assert problem.endswith('; pass it to --resume, or pass --overwrite or another --work-dir')
    assert plan_run(cfg, 4, False, f'{cfg.work_dir}/latest.pth').problem is None


def test_many_and_long_differences_are_reported_in_150_characters(cfg):
    cfg.optimizer.betas = [0.123456789] * 100
    leave_run(cfg, 2)
    cfg.optimizer = {f'{letter}_of_this_run': 0.1 for letter in 'abcdefgh'}
    problem = plan_run(cfg, 4, False, None).problem
    start = f'{cfg.work_dir}/latest.pth was trained with optimizer.a_of_this_run=absent (now 0.1) and '
    assert problem.startswith(start) and ' more keys; pass it to --resume' in problem
    assert len(problem) - len(f'{cfg.work_dir}/latest.pth') < 150
    assert differences({'optimizer': {'betas': [0.5] * 100}}, {}) == [
        'optimizer.betas=[0.5, 0.5, 0.5, 0.5, ... (now absent)'
    ]


def test_a_damaged_saved_config_is_reported_with_a_fix(cfg):
    leave_run(cfg, 2, recorded=False)
    with open(os.path.join(cfg.work_dir, 'j.py'), 'w') as file:
        file.write('model = dict(')
    problem = plan_run(cfg, 4, False, None).problem
    assert 'j.py, the config of the run in this folder, cannot be read (SyntaxError' in problem
    assert 'latest.pth to continue without comparing' in problem


def test_a_folder_with_only_a_best_checkpoint_cannot_be_resumed(cfg):
    torch.save({'state_dict': {}, 'meta': {}}, os.path.join(cfg.work_dir, 'best_top1_acc_epoch_2.pth'))
    assert plan_run(cfg, 4, False, None).resume is None
    message = 'has only best_top1_acc_epoch_2.pth, from which no run can be resumed'
    with pytest.raises(ValueError, match=message):
        plan_run(cfg, 4, False, True)
    RunRecord(cfg.work_dir).add('best_top1_acc_epoch_2.pth')
    with pytest.raises(ValueError, match=message):
        plan_run(cfg, 4, False, None)


def test_a_truncated_checkpoint_names_the_previous_one(cfg):
    leave_run(cfg, 1)
    path = leave_run(cfg, 2)
    os.remove(os.path.join(cfg.work_dir, 'latest.pth'))
    os.truncate(path, 500)
    with pytest.raises(ValueError, match=r'epoch_2.pth is .*to use an earlier one, pass --resume .*epoch_1.pth'):
        plan_run(cfg, 4, False, None)


def test_the_number_of_workers_is_not_compared(cfg):
    other = Config(cfg.to_dict())
    other.data.workers_per_gpu = 8
    assert differences(cfg, other) == []


def test_overwrite_removes_only_checkpoints_of_the_run(cfg):
    leave_run(cfg, 2)
    for name in ('20260101_000000.log', 'best_mine.pth', 'epoch_9.pth'):
        open(os.path.join(cfg.work_dir, name), 'w').close()
    plan = plan_run(cfg, 4, True, None)
    assert plan.resume is None and os.path.exists(os.path.join(cfg.work_dir, 'epoch_2.pth'))
    record = RunRecord(cfg.work_dir)
    record.update(best={'value': 0.9}, last={'epoch': 2}, seconds=70.0)
    assert start_record(cfg, record, record, plan, True) == 'j.py'
    assert sorted(os.listdir(cfg.work_dir)) == [
        '20260101_000000.log', 'best_mine.pth', 'epoch_9.pth', 'j.py', 'run.json',
    ]  # fmt: skip
    assert [record.content[key] for key in ('best', 'last', 'seconds')] == [None, None, 0]


@pytest.mark.parametrize('name', ['epoch_3.pth', 'best_top1_acc_epoch_2.pth', 'latest.pth', 'interrupted.pth'])
def test_a_file_that_no_run_wrote_is_not_overwritten(cfg, name):
    open(os.path.join(cfg.work_dir, name), 'w').close()
    with pytest.raises(ValueError, match=f'has {name}, which is not recorded as written by a run'):
        check_names(checkpoint_folder(cfg), Plan(), 4, ['top1_acc'])
    RunRecord(cfg.work_dir).add(name)
    check_names(checkpoint_folder(cfg), Plan(), 4, ['top1_acc'])


def test_overwrite_does_not_remove_the_checkpoint_to_start_from(cfg):
    path = leave_run(cfg, 2)
    with pytest.raises(ValueError, match='--overwrite would remove .*epoch_2.pth, from which this run starts'):
        check_sources(checkpoint_folder(cfg), [path])


def test_the_resolved_config_overwrites_no_file_of_the_user(cfg):
    record = RunRecord(cfg.work_dir)
    assert config_name(cfg, record) == 'j.py'
    cfg.work_dir = os.path.dirname(cfg.filename)
    record = RunRecord(cfg.work_dir)
    assert config_name(cfg, record) == 'j.resolved.py'
    record.add('j.py')  # as in a record of another folder
    assert config_name(cfg, record) == 'j.resolved.py'


def test_an_interrupted_removal_is_finished_except_for_the_resumed_file(cfg):
    leave_run(cfg, 1)
    path = leave_run(cfg, 2)
    record = RunRecord(cfg.work_dir)
    record.update(remove=['epoch_1.pth', 'epoch_2.pth', '../configs/j.py'])
    start_record(cfg, record, record, plan_run(cfg, 4, False, path), False)
    assert sorted(p for p in os.listdir(cfg.work_dir) if p.startswith('epoch')) == ['epoch_2.pth']
    assert os.path.exists(cfg.filename)


def test_a_latest_pth_of_the_user_is_copied_to_another_name(cfg):
    path = leave_run(cfg, 3, recorded=False)
    os.replace(path, os.path.join(cfg.work_dir, 'latest.pth'))
    record = RunRecord(cfg.work_dir)
    start_record(cfg, record, record, plan_run(cfg, 4, False, None), False)
    assert os.path.getsize(path) == os.path.getsize(os.path.join(cfg.work_dir, 'latest.pth'))


def test_out_dir_has_a_separate_folder_per_work_dir(cfg, tmp_path):
    cfg.checkpoint_config = {'out_dir': str(tmp_path / 'out')}
    cfg.work_dir = 'work_dirs/stgcn/a/j'
    assert checkpoint_folder(cfg) == tmp_path / 'out/stgcn/a/j'
    cfg.work_dir = str(tmp_path / 'one/j')
    folder = checkpoint_folder(cfg)
    assert folder == tmp_path / 'out/j'
    folder.mkdir(parents=True)
    RunRecord(folder).update(work_dir=cfg.work_dir)
    plan_run(cfg, 4, False, None)
    cfg.work_dir = str(tmp_path / 'other/j')
    with pytest.raises(ValueError, match='out_dir: .*out/j has the checkpoints of .*one/j'):
        plan_run(cfg, 4, False, None)


def test_the_record_describes_the_run(cfg):
    record = RunRecord(cfg.work_dir)
    start_record(cfg, record, record, Plan(), False, seed=7, processes=2)
    content = json.loads((record.folder / 'run.json').read_text())
    assert content['seed'] == 7 and content['processes'] == 2 and content['config']['optimizer'] == {
        'type': 'SGD', 'lr': 0.1,
    }  # fmt: skip
    assert content['versions']['torch'] == torch.__version__


def test_overwrite_and_resume_exclude_each_other(cfg):
    with pytest.raises(ValueError, match='pass one of them'):
        plan_run(cfg, 4, True, True)


def test_resume_without_a_checkpoint_raises(cfg):
    with pytest.raises(FileNotFoundError, match='has no checkpoint to resume from'):
        plan_run(cfg, 4, False, True)


def test_a_work_dir_that_is_a_file_raises(tmp_path):
    (tmp_path / 'work').touch()
    with pytest.raises(ValueError, match='cannot write to work_dir .*--work-dir'), writable(tmp_path / 'work'):
        pass
    assert (tmp_path / 'work').is_file()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_run_that_fails_before_it_writes_leaves_no_folder(tmp_path, error):
    own = tmp_path / 'own'
    own.mkdir()
    for work_dir, left in ((tmp_path / 'work_dirs' / 'd5' / 'j', tmp_path / 'work_dirs'), (own / 'run', own / 'run')):
        with pytest.raises(error), writable(work_dir):
            assert work_dir.is_dir()
            raise error
        assert not left.exists()
    with pytest.raises(error), writable(own):
        raise error
    assert own.is_dir()  # it was there before


def test_a_run_that_fails_after_it_writes_keeps_its_files(tmp_path):
    with pytest.raises(ValueError), writable(tmp_path / 'a' / 'b'):
        (tmp_path / 'a' / 'b' / 'x.log').touch()
        raise ValueError
    assert (tmp_path / 'a' / 'b' / 'x.log').exists()


def test_a_layout_without_effect_is_not_a_difference():
    def config(**more):
        flip = {'type': 'Flip', **more}
        return {'data': {'train': {'type': 'PoseDataset', 'ann_file': 'x.pkl', 'pipeline': [flip]}}}

    sides = {'left_kp': [1], 'right_kp': [2]}
    assert differences(config(**sides), config(**sides, layout='coco')) == []
    assert len(differences(config(), config(layout='coco'))) == 1
