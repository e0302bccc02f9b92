"""Errors of the tools for invalid checkpoints and broken runs."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyskl.engine.checkpoints.files import save_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.models import build_model
from tests.cli.conftest import content

TRAIN = Path(__file__).resolve().parents[2] / 'tools/train.py'
SEED = ('--seed', '0')


class Evil:
    """Creates the file ``ran`` when it is unpickled."""

    def __reduce__(self):
        return (os.system, ('touch ran',))


def save_network(tiny, name, **options):
    """Save the tiny network with random weights, after changing its config by ``options``."""
    cfg = load_config(tiny.config, {key.replace('__', '.'): value for key, value in options.items()})
    path = tiny.folder / name
    save_checkpoint({'state_dict': build_model(cfg.model.to_dict()).state_dict(), 'meta': {}}, path)
    return path


@pytest.fixture
def weights(tiny):
    """A checkpoint that fits."""
    return save_network(tiny, 'fits.pth')


def broken(tiny, weights, kind):
    """Write a checkpoint file that is invalid or does not fit."""
    path = tiny.folder / f'{kind}.pth'
    if kind == 'truncated':
        path.write_bytes(weights.read_bytes()[:3000])
    elif kind == 'empty':
        path.write_bytes(b'')
    elif kind == 'text':
        path.write_text('epoch 16\n')
    elif kind == 'evil':
        torch.save({'state_dict': torch.load(weights)['state_dict'], 'meta': Evil()}, path)
    elif kind == 'evil-pickle':
        path.write_bytes(pickle.dumps(Evil(), protocol=2))  # torch's own
    elif kind == 'evil-pickle-4':
        path.write_bytes(pickle.dumps(Evil(), protocol=4))
    elif kind == 'no-state':
        torch.save({'epoch': 3}, path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'other-net':
        torch.save({'state_dict': torch.nn.Linear(2, 3).state_dict()}, path)
    elif kind == 'classes':
        save_network(tiny, path.name, model__cls_head__num_classes=7)
    elif kind == 'stages':
        stages = {'model__backbone__grid_shape': [6, 6], 'model__backbone__progressive_joint_seq': [17, 25]}
        save_network(tiny, path.name, **stages)
    elif kind == 'width':
        save_network(tiny, path.name, model__backbone__base_channels=8, model__cls_head__in_channels=16)
    return path


KINDS = {
    'missing': ['no checkpoint matches', 'contains fits.pth'],
    'folder': ['is a folder, not a checkpoint'],
    'truncated': ['truncated'],
    'empty': ['empty.pth'],
    'text': ['not a checkpoint'],
    'evil': ['posix.system', 'could run code', '--trust-checkpoint'],
    'evil-pickle': ['posix.system', 'could run code', '--trust-checkpoint'],
    'evil-pickle-4': ['posix.system', 'could run code', '--trust-checkpoint'],
    'no-state': ['has no weights', "['epoch']"],
    'other-net': ['does not fit the model', 'it lacks backbone.', 'it has weight (3, 2), bias (3,), which'],
    'classes': ['7 classes in the file, 4 in the model', "load_from_ignore='cls_head'"],
    'stages': ['2 stages in the file, 1 in the model'],
    'width': ['does not fit the model', 'in the file and', 'in the model'],
}


@pytest.mark.parametrize('kind', KINDS)
def test_load_from_a_file_that_does_not_fit(tiny, weights, refuse_training, kind):
    path = broken(tiny, weights, kind)
    refuse_training(['--cfg-options', f'load_from={path}'], str(path), *KINDS[kind])


def test_load_from_ignore_allows_finetuning_on_other_classes(tiny, weights, tool):
    path = broken(tiny, weights, 'classes')
    options = ['--cfg-options', f'load_from={path}', 'load_from_ignore=cls_head']
    assert tool('train', tiny.config, '--work-dir', tiny.work_dir, *SEED, '--no-validate', *options) == (0, '')
    log = next(tiny.work_dir.glob('*.log')).read_text()
    assert f'weights from {path}' in log and "randomly initialised (load_from_ignore='cls_head')" in log


@pytest.mark.parametrize('kind', KINDS)
def test_testing_a_file_that_does_not_fit(tiny, weights, refused, kind):
    path = broken(tiny, weights, kind)
    refused('test', [tiny.config, path, '--work-dir', tiny.work_dir, '--out', 'x.pkl'], str(path), *KINDS[kind])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['gone/best_*.pth'], ['gone/best_*.pth', 'the folder gone does not exist']),
        (['fits.pth', '--eval', 'top_k_acuracy'], ['--eval', "'top_k_acuracy'", 'top_k_accuracy']),
        (['fits.pth', '--out', 'scores.csv'], ['scores.csv', '.pkl', '.json', '.yaml']),
        (['fits.pth', '--dump', 'scores'], ['scores', '.pkl', '.json', '.yaml']),
        (['fits.pth', '--out', 'fits.pth/scores.pkl'], ['cannot write to', 'fits.pth']),
        (['fits.pth', '--out', 'folder.pkl'], ['folder.pkl is a folder']),
        (['fits.pth', '--cfg-options', 'data.test=None'], ['no data.test', 'data.train']),
        (['fits.pth', '--cfg-options', 'data.test.split=xset'], ['data.test', "'xset'", "['xsub_train', 'xsub_val']"]),
        (['fits.pth', '--cfg-options', 'data.videos_per_gpu=0'], ['data.videos_per_gpu', '0']),
        (['fits.pth', '--cfg-options', 'model.type=Recognizer'], ['model', "'Recognizer'", "'RecognizerGCN'"]),
    ],
)
def test_an_option_of_the_test_that_cannot_work(tiny, weights, refused, options, message):
    (tiny.folder / 'folder.pkl').mkdir()
    work_dir = [] if '--work-dir' in options else ['--work-dir', tiny.work_dir]
    refused('test', [tiny.config, *options, *work_dir], *message)


def test_of_several_matching_files_the_newest_is_used_and_reported(tiny, weights, tool, capfd):
    os.utime(save_network(tiny, 'older.pth'), (0, 0))
    status, stderr = tool('test', tiny.config, '*.pth', '--work-dir', tiny.work_dir)
    assert (status, stderr) == (0, '')


# --------------------------------------------------------------------------------------------------- an earlier run


@pytest.fixture
def earlier(tiny, tool):
    """A finished run of one epoch in ``tiny.work_dir``."""
    assert tool('train', tiny.config, '--work-dir', tiny.work_dir, *SEED)[0] == 0


def test_errors_do_not_change_an_earlier_run(tiny, earlier, weights, refused):
    command = [tiny.config, '--work-dir', tiny.work_dir]
    assert all('frozen' not in log.read_text() for log in tiny.work_dir.glob('*.log'))  # no warning without a reason
    refused(
        'train', [*command, '--cfg-options', 'model.backbone.base_channels=8', 'model.cls_head.in_channels=16'],
        str(tiny.work_dir), 'model.backbone.base_channels=4 (now 8)', '--overwrite', '--work-dir',
    )  # fmt: skip
    for option in ('optimizer.type=SDG', 'data.val.split=x', 'log_level=LOUD', 'evaluation.save_best=x'):
        refused('train', [*command, '--overwrite', '--cfg-options', option], option.partition('=')[2])
    more = ['--cfg-options', 'total_epochs=2']
    refused('train', [*command, '--resume', weights, *more], str(weights), 'has no optimizer', 'load_from')
    other = tiny.folder / 'other.pth'
    checkpoint = torch.load(tiny.work_dir / 'epoch_1.pth', weights_only=False)
    torch.save({**checkpoint, 'state_dict': torch.nn.Linear(2, 3).state_dict()}, other)
    refused('train', [*command, '--resume', other, *more], str(other), 'does not fit the model')
    (tiny.work_dir / 'epoch_1.pth').write_bytes((tiny.work_dir / 'epoch_1.pth').read_bytes()[:3000])
    refused('train', command, 'latest.pth', 'truncated')


# ------------------------------------------------------------------------------------- workers, and real processes


def concat_of_unequal_clips(tiny):
    """Each data set is valid, but a batch of both is not, which only the collate function can detect."""
    second = "dict(type='PoseDataset', ann_file='@', split='xsub_val', pipeline=longer)"
    tiny.write_config(
        "train=dict(type='RepeatDataset', times=1, dataset=dict(type='PoseDataset', ann_file='@', split='xsub_train'))",
        f"train=[dict(type='PoseDataset', ann_file='@', split='xsub_train'), {second}]",
    )
    longer = "longer = train_pipeline[:3] + [dict(type='UniformSample', clip_len=9)] + train_pipeline[4:]\n"
    tiny.config.write_text(tiny.config.read_text().replace('data = dict(', f'{longer}data = dict('))


@pytest.mark.parametrize('workers', [0, 1])
def test_an_error_in_a_loader_worker_prints_one_line(tiny, tool, workers):
    concat_of_unequal_clips(tiny)
    options = ['--cfg-options', f'data.workers_per_gpu={workers}']
    status, stderr = tool('train', tiny.config, '--work-dir', tiny.work_dir, *SEED, *options)
    assert status == 1
    assert stderr.startswith('error: the samples of a batch have different keys or shapes') and stderr.count('\n') == 1
    assert '(1, 2, 8, 17, 3)' in stderr and '(1, 2, 9, 17, 3)' in stderr
    assert not list(tiny.work_dir.glob('*.pth'))


def test_a_real_process_prints_only_the_error(tiny):
    before = content(tiny.folder)
    command = [sys.executable, TRAIN, tiny.config, '--work-dir', tiny.work_dir, '--cfg-options', 'optimizer.type=SDG']
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=tiny.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: optimizer: 'SDG' is not a known optimizer; did you mean 'SGD'?\n"
    assert content(tiny.folder) == before


def test_debug_keeps_the_traceback_of_a_checkpoint_error(tiny, tool, monkeypatch):
    monkeypatch.setenv('PYSKL_DEBUG', '1')
    with pytest.raises(ValueError, match='model: backbone.grid_shape') as error:
        tool('train', tiny.config, '--work-dir', tiny.work_dir, '--cfg-options', 'model.backbone.grid_shape=[4,4]')
    assert '_check_stages' in [entry.name for entry in error.traceback] + [
        entry.name for entry in pytest.ExceptionInfo.from_exception(error.value.__cause__).traceback
    ]


# ----------------------------------------------------------------------------------------------------- growing


def test_a_grown_network_without_its_checkpoint_raises_unless_allowed(tiny, tool, refuse_training):
    grown = ['--cfg-options', 'model.backbone.grid_shape=[6,6]', 'model.backbone.progressive_joint_seq=[17,25]']
    refuse_training(grown, 'backbone.sampling_stages.0', 'load_from=PATH', 'allow_random_frozen=True')
    admitted = [*grown, 'allow_random_frozen=True']
    assert tool('train', tiny.config, '--work-dir', tiny.work_dir, *SEED, *admitted)[0] == 0
