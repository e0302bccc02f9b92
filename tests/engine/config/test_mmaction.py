"""Configs of MMAction2 1.x run unchanged."""

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import complete_config, load_config
from pyskl.engine.config.mmaction import to_pyskl_keys
from pyskl.engine.config.settings import Settings
from pyskl.engine.test import test as run_test
from pyskl.engine.train import train
from tests.engine.test_train import made_clips

# The keys of MMAction2's default_runtime.py.
RUNTIME = """
default_scope = 'mmaction'
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'), timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, save_best='auto'),
    sampler_seed=dict(type='DistSamplerSeedHook'), sync_buffers=dict(type='SyncBuffersHook'))
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
               dist_cfg=dict(backend='nccl'))
log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)
log_level = 'INFO'
load_from = None
resume = False
"""
# A graph network's config and PoseC3D's; @ marks their differences.
LOADERS = """
def loader(batch_size, split, pipeline, shuffle, times=0):
    dataset = dict(type='PoseDataset', ann_file='data/skeleton/ntu60_2d.pkl', split=split, pipeline=pipeline)
    if not shuffle:
        dataset.update(test_mode=True)
    if times:
        dataset = dict(type='RepeatDataset', times=times, dataset=dataset)
    return dict(batch_size=batch_size, num_workers=2, persistent_workers=True, dataset=dataset,
                sampler=dict(type='DefaultSampler', shuffle=shuffle))

train_dataloader = loader(16, 'xsub_train', train_pipeline, True, 5)
val_dataloader = loader(16, 'xsub_val', val_pipeline, False)
test_dataloader = loader(1, 'xsub_val', test_pipeline, False)
del loader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=16, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=0, T_max=16, by_epoch=True, convert_to_iter_based=True)]
auto_scale_lr = dict(enable=False, base_batch_size=128)
"""
GRAPH = """
model = dict(type='RecognizerGCN', backbone=@, cls_head=dict(type='GCNHead', num_classes=60, in_channels=256))
def steps(clips, **test):
    return [dict(type='PreNormalize2D'), dict(type='GenSkeFeat', dataset='coco', feats=['j']),
            dict(type='UniformSampleFrames', clip_len=100, **clips, **test), dict(type='PoseDecode'),
            dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs')]
train_pipeline = steps({})
val_pipeline = steps(dict(num_clips=1), test_mode=True)
test_pipeline = steps(dict(num_clips=10), test_mode=True)
del steps
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0005, nesterov=True))
"""
STGCNPP = GRAPH.replace('@', """dict(type='STGCN', gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn',
    graph_cfg=dict(layout='coco', mode='spatial'))""")  # fmt: skip
TWO_S_AGCN = GRAPH.replace('@', """dict(type='AAGCN', graph_cfg=dict(layout='coco', mode='spatial'),
    stage_cfgs=dict(gcn_attention=False))""")  # fmt: skip
# As published; the one above is in the form of older files.
AGCN = GRAPH.replace('@', "dict(type='AAGCN', graph_cfg=dict(layout='coco', mode='spatial'), gcn_attention=False)")
STGCN = GRAPH.replace('@', "dict(type='STGCN', graph_cfg=dict(layout='coco', mode='stgcn_spatial'))")
POSEC3D = """
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCTHW'),
    backbone=dict(
        type='ResNet3dSlowOnly', depth=50, pretrained=None, in_channels=17, base_channels=32, num_stages=3,
        out_indices=(2, ), stage_blocks=(4, 6, 3), conv1_stride_s=1, pool1_stride_s=1, inflate=(0, 1, 1),
        spatial_strides=(2, 2, 2), temporal_strides=(1, 1, 2), dilations=(1, 1, 1)),
    cls_head=dict(type='I3DHead', in_channels=512, num_classes=60, dropout_ratio=0.5, average_clips='prob'))
left_kp, right_kp = [1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]
def steps(clips, middle, **target):
    return [dict(type='UniformSampleFrames', clip_len=48, **clips), dict(type='PoseDecode'),
            dict(type='PoseCompact', hw_ratio=1., allow_imgpad=True), *middle,
            dict(type='GeneratePoseTarget', sigma=0.6, use_score=True, with_kp=True, with_limb=False, **target),
            dict(type='FormatShape', input_format='NCTHW_Heatmap'), dict(type='PackActionInputs')]
train_pipeline = steps({}, [
    dict(type='Resize', scale=(-1, 64)), dict(type='RandomResizedCrop', area_range=(0.56, 1.0)),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5, left_kp=left_kp, right_kp=right_kp)])
whole = [dict(type='Resize', scale=(64, 64), keep_ratio=False)]
val_pipeline = steps(dict(num_clips=1, test_mode=True), whole)
test_pipeline = steps(dict(num_clips=10, test_mode=True), whole, double=True, left_kp=left_kp, right_kp=right_kp)
del steps
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.4, momentum=0.9, weight_decay=0.0003), clip_grad=dict(max_norm=40, norm_type=2))
"""
SMALL = {
    'train_cfg.max_epochs': 1, 'train_dataloader.dataset.times': 1, 'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0, 'test_dataloader.num_workers': 0, 'train_dataloader.batch_size': 6,
}  # fmt: skip


def write(folder: Path, text: str) -> str:
    (folder / 'mm.py').write_text(RUNTIME + text + LOADERS)
    return str(folder / 'mm.py')


def test_loaders_evaluators_and_loops_are_read(tmp_path, capsys):
    cfg = load_config(write(tmp_path, STGCNPP))
    found = Settings.read(cfg)
    assert (found.epochs, found.validates, found.repeat_times, found.lr) == (16, True, 5, 0.1)
    assert (found.loaders['train'].batch_size, found.loaders['train'].shuffle) == (16, True)
    assert (found.loaders['test'].batch_size, found.loaders['test'].shuffle) == (1, False)
    assert (found.evaluation.save_best, found.evaluation.begin, found.evaluation.offset) == ('acc/top1', 1, 0)
    assert found.schedule(10)[0]['type'] == 'CosineAnnealingLR'
    assert found.visualizer == {'type': 'Visualizer', 'vis_backends': [{'type': 'JsonLinesBackend'}]}
    assert found.base_batch_size == 128 and not found.scale_lr
    assert cfg.data.val.pipeline[0] == {'type': 'PreNormalize2D', 'threshold': None, 'allow_3d': True}
    assert 'PreNormalize2D uses threshold=None and masks no joints, as in MMAction2' in capsys.readouterr().err
    before = cfg.pretty_text
    complete_config(cfg)
    assert cfg.pretty_text == before


@pytest.mark.parametrize(
    ('loader', 'shuffle'),
    [
        ({'shuffle': False}, False),
        ({'sampler': {'type': 'DefaultSampler', 'shuffle': False}, 'shuffle': True}, False),
        ({}, None),
    ],
)
def test_shuffle_of_the_sampler_takes_precedence_over_the_loader(loader, shuffle):
    cfg = Config({'train_dataloader': {'batch_size': 2, **loader}})
    to_pyskl_keys(cfg)
    assert cfg.data.train_dataloader.get('shuffle') is shuffle


@pytest.mark.parametrize(('text', 'kind'), [(TWO_S_AGCN, 'AAGCN'), (POSEC3D, 'ResNet3dSlowOnly'), (STGCNPP, 'STGCN')])
def test_networks_of_mmaction2_are_built(tmp_path, text, kind):
    cfg = load_config(write(tmp_path, text))
    assert type(build_recognizer(cfg, 'meta').backbone).__name__ == kind
    if kind == 'ResNet3dSlowOnly':
        assert cfg.model.backbone.conv1_stride == (1, 1)
        assert (cfg.model.cls_head.dropout, cfg.model.test_cfg.average_clips) == (0.5, 'prob')


@pytest.mark.parametrize('text', [STGCNPP, POSEC3D, AGCN, STGCN], ids=['stgcn++', 'posec3d', '2s-agcn', 'stgcn'])
def test_a_config_of_mmaction2_trains_validates_and_tests(tmp_path, monkeypatch, text):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    monkeypatch.chdir(tmp_path)
    os.makedirs('data/skeleton')
    made_clips(Path('data/skeleton/ntu60_2d.pkl'), splits=('xsub_train', 'xsub_val'))
    small = {
        'clip_len=100': 'clip_len=8', 'clip_len=48': 'clip_len=4', 'num_clips=10': 'num_clips=2',
        'scale=(64, 64)': 'scale=(16, 16)', 'scale=(56, 56)': 'scale=(16, 16)', 'base_channels=32': 'base_channels=4',
        'in_channels=512': 'in_channels=64', 'in_channels=256': 'in_channels=8',
    }  # fmt: skip
    for published, tiny in small.items():
        text = text.replace(published, tiny)
    text = re.sub(r"(type='(STGCN|AAGCN)')", r'\1, base_channels=8, num_stages=2, inflate_stages=[]', text)
    text = text.replace('stage_blocks=(4, 6, 3)', 'stage_blocks=(1, 1, 1)')
    cfg = load_config(write(tmp_path, text), SMALL)
    cfg.work_dir = 'run'
    train(cfg, seed=0)
    assert [name for name in os.listdir('run') if name.startswith('best_acc_top1_epoch_1')]
    found = run_test(load_config(write(tmp_path, text), SMALL), 'run/latest.pth', dump='scores.pkl')
    assert set(found) == {'acc/top1', 'acc/top5', 'acc/mean1'}
    rows = pickle.loads(Path('scores.pkl').read_bytes())
    assert rows and all(np.isfinite(row['pred_score' if 'pred_score' in row else 'score']).all() for row in rows)


LOADER = {'batch_size': 2, 'dataset': {'type': 'PoseDataset', 'ann_file': 'a', 'pipeline': []}}


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'train_dataloader': {**LOADER, 'sampler': {'type': 'InfiniteSampler'}}}, r'train_dataloader.sampler must be'),
        ({'train_dataloader': {**LOADER, 'collate_fn': {'type': 'mine'}}}, 'train_dataloader.collate_fn must have one'),
        ({'train_dataloader': {**LOADER, 'batchsize': 2}}, "has no key 'batchsize'; did you mean 'batch_size'"),
        ({'train_dataloader': {**LOADER, 'batch_sampler': {}}}, 'batch_sampler is not supported'),
        ({'val_dataloader': {**LOADER, 'sampler': {'type': 'DefaultSampler', 'shufle': 1}}}, "has no key 'shufle'"),
        ({'train_cfg': {'type': 'IterBasedTrainLoop'}}, "train_cfg.type must be 'EpochBasedTrainLoop'"),
        ({'train_cfg': {'dynamic_intervals': []}}, "train_cfg has no key 'dynamic_intervals'"),
        ({'val_cfg': {'fp16': True}}, "val_cfg has no key 'fp16'"),
        ({'test_cfg': {'average_clips': 'prob'}}, 'test_cfg.average_clips is not read; set model'),
        ({'model': {'data_preprocessor': {'mean': [1]}}}, 'model.data_preprocessor.mean applies to images'),
        ({'model': {'backbone': {'dilations': (1, 2)}}}, 'model.backbone.dilations must be 1'),
        ({'model': {'cls_head': {'init_cfg': {'type': 'Normal'}}}}, "must be of type 'Pretrained'"),
    ],
)
def test_options_without_a_counterpart_raise(keys, message):
    with pytest.raises(ValueError, match=message):
        complete_config(Config(keys))


def test_a_checkpoint_in_init_cfg_becomes_pretrained():
    cfg = Config({'model': {'backbone': {'init_cfg': {'type': 'Pretrained', 'checkpoint': 'a.pth'}}}})
    complete_config(cfg)
    assert cfg.model.backbone == {'pretrained': 'a.pth'}
