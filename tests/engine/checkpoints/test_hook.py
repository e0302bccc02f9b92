"""Checkpoints that exist after each epoch."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from pyskl.engine.checkpoints.hook import CheckpointHook
from pyskl.engine.run_record import RunRecord


class Run:
    """A run whose checkpoints are empty files."""

    def __init__(self, folder, **options):
        folder.mkdir(exist_ok=True)
        self.folder = self.checkpoint_folder = folder
        self.work_dir = str(folder)
        self.record = self.checkpoint_record = RunRecord(folder)
        self.message_hub = MessageHub.get_instance(f'hook {folder}')
        self.logger = SimpleNamespace(info=self.lines_of, warning=self.lines_of)
        self.lines, self.epoch, self.iter, self.resumed_from = [], 0, 0, None
        self.hook = CheckpointHook(interval=1, **options)

    def lines_of(self, text):
        self.lines.append(text)

    def save_checkpoint(self, folder, name, **_):
        self.record.add(name)
        (self.folder / name).write_text('')

    def begin_files(self):
        pass

    def wait_for_all(self):
        pass

    def begin(self):
        self.hook.before_train(self)
        return self

    def train(self, *scores):
        """Run one epoch per score."""
        for score in scores:
            self.epoch += 1
            self.hook._save_checkpoint_with_step(self, self.epoch, {})
            self.hook._save_best_checkpoint(self, {'top1_acc': score})
        return self

    def files(self):
        return sorted(path.name for path in self.folder.glob('*.pth'))


@pytest.fixture
def run(tmp_path):
    return lambda **options: Run(tmp_path / 'run', save_best='top1_acc', rule='greater', **options)


def test_the_newest_are_left_and_the_best_is_replaced(run):
    one = run(max_keep_ckpts=2).begin().train(0.5, 0.4)
    assert one.files() == ['best_top1_acc_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']
    one.train(0.7)
    assert one.files() == ['best_top1_acc_epoch_3.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert RunRecord(one.folder).content['best'] == {
        'metric': 'top1_acc', 'value': 0.7, 'epoch': 3, 'file': 'best_top1_acc_epoch_3.pth',
    }  # fmt: skip
    assert (one.folder / 'last_checkpoint').read_text() == str(one.folder / 'epoch_3.pth')


def test_an_equal_score_is_not_better(run):
    assert 'best_top1_acc_epoch_1.pth' in run().begin().train(0.5, 0.5).files()


def test_without_a_limit_every_checkpoint_remains(run):
    assert run().begin().train(0.1, 0.1, 0.1).files()[1:] == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']


def test_the_checkpoint_of_an_interrupted_epoch_is_removed_with_the_next_one(run):
    one = run().begin()
    one.save_checkpoint('', 'interrupted.pth')
    assert 'interrupted.pth' not in one.train(0.5).files()


def test_a_file_that_the_run_did_not_write_remains(run):
    one = run(max_keep_ckpts=1).begin()
    (one.folder / 'epoch_1.pth').write_text('of the user')
    one.message_hub.update_info('keep_ckpt_ids', [1])
    one.hook.before_train(one)
    one.epoch = 1
    assert 'epoch_1.pth' in one.train(0.5).files()


def test_a_resumed_run_continues_with_its_best_checkpoint(run, tmp_path):
    first = run(max_keep_ckpts=1).begin().train(0.9)
    again = Run(tmp_path / 'run', save_best='top1_acc', rule='greater', max_keep_ckpts=1)
    again.message_hub = first.message_hub
    again.epoch = 1
    assert again.begin().train(0.6).files() == ['best_top1_acc_epoch_1.pth', 'epoch_2.pth']


def test_a_run_in_another_folder_gets_a_copy_of_the_best(run, tmp_path):
    first = run().begin().train(0.9)
    other = Run(tmp_path / 'other', save_best='top1_acc', rule='greater')
    other.message_hub, other.resumed_from = first.message_hub, str(first.folder / 'epoch_1.pth')
    assert other.begin().files() == ['best_top1_acc_epoch_1.pth']
    assert first.files() == ['best_top1_acc_epoch_1.pth', 'epoch_1.pth']


@pytest.mark.parametrize('name', ['../../etc/passwd', 'best_top1_acc_epoch_7.pth', 'epoch_1.pth'])
def test_a_best_that_is_not_there_or_is_none_is_forgotten(run, name):
    one = run()
    one.message_hub.update_info('best_score', 0.99)
    one.message_hub.update_info('best_ckpt', name)
    assert one.begin().train(0.2).files() == ['best_top1_acc_epoch_1.pth', 'epoch_1.pth']


def test_the_folder_of_the_checkpoints_is_created(run):
    one = run()
    one.folder.rmdir()
    assert one.begin().folder.is_dir()


def test_checkpoints_belong_to_epochs_only(run):
    assert run(by_epoch=False).begin().hook.by_epoch


def test_best_scores_have_the_names_of_mmengine(run, tmp_path):
    one = run().begin().train(0.5)
    assert one.message_hub.get_info('best_score') == 0.5
    two = Run(tmp_path / 'two', save_best=['top1_acc', 'top5_acc'], rule='greater').begin()
    two.epoch = 1
    two.hook._save_best_checkpoint(two, {'top1_acc': 0.5, 'top5_acc': 0.9})
    assert (two.message_hub.get_info('best_score_top1_acc'), two.message_hub.get_info('best_score_top5_acc')) == (
        0.5,
        0.9,
    )
    assert two.files() == ['best_top1_acc_epoch_1.pth', 'best_top5_acc_epoch_1.pth']
