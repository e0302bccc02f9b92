"""Complete runs of a tiny network on synthetic clips."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import pyskl.engine.test
import pyskl.engine.train
from pyskl.engine.checkpoints.files import read_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.model_wrapper import ModelWrapper
from pyskl.engine.test import test as run_test
from pyskl.engine.train import _amp_for, train

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='Ske2Grid', graph_cfg=dict(layout='coco', mode='spatial'), grid_shape=[5, 5],
        progressive_joint_seq=[17], base_channels=8, num_stages=3, inflate_stages=[2], down_stages=[2], dropout=0.2),
    cls_head=dict(type='GridHead', num_classes=3, in_channels=16))
train_pipeline = [
    dict(type='PreNormalize2D'), dict(type='RandomRot'), dict(type='GenSkeFeat', dataset='coco'),
    dict(type='UniformSample', clip_len=8), dict(type='PoseDecode'), dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]), dict(type='ToTensor', keys=['keypoint'])]
val_pipeline = train_pipeline[:1] + train_pipeline[2:]
modality = 'j'
data = dict(
    videos_per_gpu=4, workers_per_gpu=0,
    train=dict(type='RepeatDataset', times=2, dataset=dict(type='PoseDataset', ann_file={ann!r}, split='train')),
    val=dict(type='PoseDataset', ann_file={ann!r}, split='val'),
    test=dict(type='PoseDataset', ann_file={ann!r}, split='val'))
optimizer = dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 3
checkpoint_config = dict(interval=1)
evaluation = dict(interval=1, metrics=['top_k_accuracy'])
log_config = dict(interval=2, hooks=[dict(type='TextLoggerHook')])
auto_scale_lr = dict(base_batch_size=8)
"""


def made_clips(path, splits=('train', 'val')):
    random = np.random.RandomState(0)
    annotations = [
        {
            'frame_dir': f'clip{i}', 'label': i % 3, 'total_frames': 12, 'img_shape': (1080, 1920),
            'keypoint': (random.rand(1 + i % 2, 12, 17, 2) * 1000).astype(np.float16),
            'keypoint_score': np.ones((1 + i % 2, 12, 17), np.float16),
        }
        for i in range(18)
    ]  # fmt: skip
    split = {splits[0]: [f'clip{i}' for i in range(12)], splits[1]: [f'clip{i}' for i in range(7, 18)]}
    path.write_bytes(pickle.dumps({'split': split, 'annotations': annotations}))


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    made_clips(tmp_path / 'clips.pkl')
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG.replace('{ann!r}', repr(str(tmp_path / 'clips.pkl'))))
    return path


def settings(config, name, **options):
    cfg = load_config(config, options)
    cfg.work_dir = str(config.parent / name)
    return cfg


def weights(folder, name='latest.pth'):
    return read_checkpoint(Path(folder) / name)['state_dict']


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def command(config, work_dir, *options):
    train_py = str(ROOT / 'tools/train.py')
    return [sys.executable, train_py, str(config), '--work-dir', str(work_dir), '--seed', '0', *options]


def test_a_run_writes_the_files_of_pyskl(config):
    cfg = settings(config, 'run')
    train(cfg, seed=0)
    names = sorted(os.listdir(cfg.work_dir))
    assert [n for n in names if n.startswith('epoch_')] == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert sum(n.startswith('best_top1_acc_epoch_') for n in names) == 1
    assert os.readlink(os.path.join(cfg.work_dir, 'latest.pth')) == 'epoch_3.pth'
    assert 'tiny.py' in names
    [log] = [n for n in names if n.endswith('.log')]
    text = (Path(cfg.work_dir) / log).read_text()
    assert '3 epochs x 2 (RepeatDataset.times) = 6 effective epochs of 12 clips; 6 iterations per epoch' in text
    assert 'lr 0.05 is for batch size 8, but the effective batch size is 4; --auto-scale-lr would set lr 0.025' in text
    assert 'absent persons are computed individually: st_gcn_networks.1.tcn2cn.4 is a dropout of 0.2' in text
    lines = [json.loads(line) for line in (Path(cfg.work_dir) / f'{log}.json').read_text().splitlines()]
    assert [line['mode'] for line in lines].count('val') == 3
    assert all(0 <= line['top1_acc'] <= 1 for line in lines)


def test_runs_are_equal_if_and_only_if_their_seeds_are(config):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        train(settings(config, name), seed=seed)
    assert same(weights(config.parent / 'a'), weights(config.parent / 'b'))
    assert not same(weights(config.parent / 'a'), weights(config.parent / 'c'))


def test_denormals_are_flushed_to_zero_during_training_only(config, monkeypatch):
    products = []
    step = ModelWrapper.train_step

    def watched(*arguments, **options):
        products.append((torch.tensor(1e-30) * 1e-10).item())
        return step(*arguments, **options)

    monkeypatch.setattr(ModelWrapper, 'train_step', watched)
    train(settings(config, 'run', total_epochs=1), seed=0)
    assert products and not any(products)
    assert torch.tensor(1e-30) * 1e-10 != 0  # afterwards as before


def test_freed_memory_is_kept_during_training_and_test_only(config, monkeypatch):
    active, found = [], []

    @contextmanager
    def keeping(device):
        active.append(device.type)
        yield
        active.pop()

    for module in (pyskl.engine.train, pyskl.engine.test):
        monkeypatch.setattr(module, 'keeping_freed_memory', keeping)
    for name in ('train_step', 'val_step', 'test_step'):
        step = getattr(ModelWrapper, name)

        def watched(*arguments, step=step, name=name, **options):
            found.append((name, *active))
            return step(*arguments, **options)

        monkeypatch.setattr(ModelWrapper, name, watched)
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0)
    run_test(cfg, f'{cfg.work_dir}/latest.pth')
    assert {*found} == {('train_step', 'cpu'), ('val_step', 'cpu'), ('test_step', 'cpu')}
    assert not active


def test_matrix_products_have_the_precision_of_the_config_during_training_and_test_only(config, monkeypatch):
    found = []
    for name in ('train_step', 'test_step'):
        step = getattr(ModelWrapper, name)

        def watched(*arguments, step=step, **options):
            found.append(torch.get_float32_matmul_precision())
            return step(*arguments, **options)

        monkeypatch.setattr(ModelWrapper, name, watched)
    cfg = settings(config, 'run', total_epochs=1, float32_matmul_precision='high')
    train(cfg, seed=0)
    trained = len(found)
    run_test(cfg, f'{cfg.work_dir}/latest.pth')
    assert len(found) > trained > 0 and set(found) == {'high'}
    assert torch.get_float32_matmul_precision() == 'highest'  # afterwards as before


def test_workers_do_not_change_the_run_and_end_with_it(config):
    train(settings(config, 'a', total_epochs=1), seed=0)
    train(settings(config, 'b', total_epochs=1, **{'data.workers_per_gpu': 2}), seed=0)
    assert multiprocessing.active_children() == []
    assert same(weights(config.parent / 'a'), weights(config.parent / 'b'))


def test_a_finished_run_is_reported_and_not_changed(config, capsys):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0)
    before = (Path(cfg.work_dir) / 'epoch_1.pth').stat().st_mtime_ns
    assert train(settings(config, 'run', total_epochs=1)).epoch == 1
    assert 'finished already: 1 of 1 epochs' in capsys.readouterr().out
    assert (Path(cfg.work_dir) / 'epoch_1.pth').stat().st_mtime_ns == before


def test_the_same_command_resumes_with_the_seed_of_the_run(config, capsys):
    whole, part = config.parent / 'whole', config.parent / 'part'
    train(settings(config, 'whole'), seed=5)
    train(settings(config, 'part'), seed=5)
    for name in ('epoch_2.pth', 'epoch_3.pth'):  # as if it had been killed in its second epoch
        (part / name).unlink()
    (part / 'latest.pth').unlink()
    train(settings(config, 'part'))
    assert 'resuming from' in capsys.readouterr().out
    assert same(weights(whole), weights(part))


def test_auto_scale_lr_halves_the_rate_for_half_the_batch_size(config):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0, auto_scale_lr=True)
    assert weights(cfg.work_dir)  # trained
    assert read_checkpoint(Path(cfg.work_dir) / 'epoch_1.pth')['optimizer']['param_groups'][0]['initial_lr'] == 0.025


def test_a_cpu_takes_bf16_for_automatic_and_for_half_precision(capsys):
    cpu = torch.device('cpu')
    assert [_amp_for(amp, cpu, rank=1) for amp in (None, 'auto', 'bf16', 'fp16')] == [None, 'bf16', 'bf16', 'bf16']
    assert capsys.readouterr().out == ''
    _amp_for('fp16', cpu, rank=0)
    assert 'fp16 needs a GPU' in capsys.readouterr().out


def test_a_loss_that_is_not_finite_stops_the_run(config):
    cfg = settings(config, 'run', **{'optimizer.lr': 1e30, 'data.workers_per_gpu': 1})
    with pytest.raises(ValueError, match=r'the loss is (nan|inf) at iteration \d+ \(epoch 1\); clips: clip\d+, clip'):
        train(cfg, seed=0)
    assert not list(Path(cfg.work_dir).glob('*.pth'))
    assert multiprocessing.active_children() == []


def test_growing_starts_from_the_best_checkpoint_of_the_smaller_grid(config):
    train(settings(config, 'd5', total_epochs=1), seed=0)
    grown = {
        'model.backbone.grid_shape': [6, 6],
        'model.backbone.progressive_joint_seq': [17, 25],
        'load_from': str(config.parent / 'd5/best_top1_acc_epoch_*.pth'),
        'total_epochs': 1,
    }
    train(settings(config, 'd6', **grown), seed=0)
    small, big = weights(config.parent / 'd5'), weights(config.parent / 'd6')
    for key in ('backbone.sampling_stages.0', 'backbone.SGT_stages.0.sgt_trans_mat'):  # frozen
        assert torch.equal(small[key], big[key])
    assert big['backbone.sampling_stages.1'].shape == (36, 25)


def test_amp_and_compile_do_not_change_the_checkpoint_keys(config):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0, amp='bf16')
    plain = settings(config, 'plain', total_epochs=1)
    train(plain, seed=0)
    assert weights(cfg.work_dir).keys() == weights(plain.work_dir).keys()
    assert not same(weights(cfg.work_dir), weights(plain.work_dir))


def test_ema_hook_of_mmengine_works(config):
    cfg = settings(config, 'run', total_epochs=1, custom_hooks=[{'type': 'EMAHook'}])
    train(cfg, seed=0)
    assert 'ema_state_dict' in torch.load(Path(cfg.work_dir) / 'epoch_1.pth', weights_only=False)


def test_scores_are_in_the_order_of_the_data_with_ids_and_labels(config):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0)
    out, dump = str(config.parent / 'out.pkl'), str(config.parent / 'dump.json')
    result = run_test(cfg, f'{cfg.work_dir}/best_*.pth', out=out, dump=dump, metrics=['top_k_accuracy'])
    with open(out, 'rb') as file:
        scores = pickle.load(file)
    rows = json.loads(Path(dump).read_text())
    assert [row['frame_dir'] for row in rows] == [f'clip{i}' for i in range(7, 18)]
    assert [row['label'] for row in rows] == [i % 3 for i in range(7, 18)]
    assert np.allclose(scores, [row['score'] for row in rows])
    assert result['top1_acc'] == pytest.approx(np.mean([np.argmax(row['score']) == row['label'] for row in rows]))


def test_fusing_batch_norms_does_not_change_the_scores(config):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0)
    files = [str(config.parent / name) for name in ('plain.pkl', 'fused.pkl')]
    for path, fuse in zip(files, (False, True), strict=True):
        run_test(cfg, f'{cfg.work_dir}/latest.pth', out=path, fuse=fuse)
    plain, fused = (np.stack(pickle.loads(Path(path).read_bytes())) for path in files)
    assert np.abs(plain - fused).max() < 1e-5


@pytest.mark.slow
def test_a_run_killed_repeatedly_ends_with_the_weights_of_an_uninterrupted_run(config):
    options = ('--deterministic', '--cfg-options', 'total_epochs=6')
    subprocess.run(command(config, config.parent / 'whole', *options), check=True, capture_output=True)
    killed = config.parent / 'killed'
    random = np.random.RandomState(1)
    for _ in range(6):
        process = subprocess.Popen(
            command(config, killed, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = len(list(killed.glob('epoch_*.pth')))
        deadline = time.monotonic() + 60
        while len(list(killed.glob('epoch_*.pth'))) <= before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(random.rand() * 0.05)  # in the middle of whatever follows
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in killed.glob('*.pth'):
            read_checkpoint(path)  # never half a file
    subprocess.run(command(config, killed, '--resume', *options), check=True, capture_output=True)
    assert same(weights(config.parent / 'whole'), weights(killed))
    assert [p.name for p in (config.parent / 'whole').glob('best_*')] == [p.name for p in killed.glob('best_*')]


@pytest.mark.slow
def test_three_processes_give_the_scores_of_one(config):
    cfg = settings(config, 'run', total_epochs=1)
    train(cfg, seed=0)
    scores = []
    for processes in (1, 3):
        out = config.parent / f'{processes}.pkl'
        tool = [str(ROOT / 'tools/test.py'), str(config), f'{cfg.work_dir}/latest.pth', '--launcher', 'pytorch']
        launch = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', str(processes)]
        subprocess.run([*launch, *tool, '--out', str(out), '--work-dir', cfg.work_dir], check=True, capture_output=True)
        scores.append(np.stack(pickle.loads(out.read_bytes())))
    assert scores[0].shape == scores[1].shape == (11, 3)
    assert np.abs(scores[0] - scores[1]).max() < 1e-6


def test_the_logged_loss_is_the_mean_of_its_interval(config):
    losses = {}
    for interval in (1, 6):
        cfg = settings(config, f'run{interval}', total_epochs=1, **{'log_config.interval': interval})
        train(cfg, seed=0, validate=False)
        rows = [json.loads(line) for line in (Path(cfg.work_dir) / 'metrics.jsonl').read_text().splitlines()]
        losses[interval] = [row['loss'] for row in rows]
    assert len(losses[1]) == 6 and losses[6] == [pytest.approx(np.mean(losses[1]), abs=1e-5)]


def test_load_from_ignore_skips_only_the_head(config):
    train(settings(config, 'first', total_epochs=1), seed=0)
    options = {'load_from': str(config.parent / 'first/latest.pth'), 'optimizer.lr': 0.0, 'total_epochs': 1}
    for ignore in ('', 'cls_head'):
        train(settings(config, f'second{ignore}', **options, load_from_ignore=ignore), seed=1, validate=False)
        first, second = weights(config.parent / 'first'), weights(config.parent / f'second{ignore}')
        changed = {
            key.split('.')[0] for key in first if 'running' not in key and not torch.equal(first[key], second[key])
        }
        assert changed - {'backbone'} == ({'cls_head'} if ignore else set())
        assert torch.equal(first['backbone.sampling_stages.0'], second['backbone.sampling_stages.0'])
