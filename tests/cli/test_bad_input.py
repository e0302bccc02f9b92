"""The tools answer invalid input with one line and status 1, and change no files."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


# ---------------------------------------------------------------------------------------------------- the pickle


class Evil:
    """Creates the file ``ran`` when it is unpickled."""

    def __reduce__(self):
        return (os.system, ('touch ran',))


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda path: path.unlink(), ['cannot be read: No such file']),
        (lambda path: (path.unlink(), path.mkdir()), ['is a folder; name the pickle']),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), ['valid pickle', 'truncated', 'write it again']),
        (lambda path: path.write_bytes(b''), ['not a valid pickle']),
        (lambda path: path.write_bytes(b'PK\3\4 not a pickle'), ['not a valid pickle', 'of another format']),
        (
            lambda path: path.write_bytes(pickle.dumps({'a': 1})),
            ["keys ['a']", "a dict with 'split' and 'annotations'"],
        ),
        (lambda path: path.write_bytes(pickle.dumps([1, 2])), ['it must be a dict with', 'or a list of dicts']),
        (lambda path: path.write_bytes(pickle.dumps([])), ['has no records']),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), ['posix.system', 'could run code', 'was not read']),
    ],
    ids=['missing', 'folder', 'truncated', 'empty', 'no-pickle', 'foreign-dict', 'foreign-list', 'no-records', 'evil'],
)
def test_a_file_that_is_not_an_annotation_pickle(tiny, refuse_training, damage, message):
    damage(tiny.clips)
    refuse_training([], 'data.train: ', str(tiny.clips), *message)


def zeros(*shape):
    return np.zeros(shape, np.float32)


def spoiled(value):
    """Return the keypoints of a record with one number replaced."""

    def spoil(record):
        keypoint = record['keypoint'].copy()
        keypoint[0, 3, 5, 1] = value
        return keypoint

    return spoil


def joints(number, frames=9, persons=1):
    return {
        'keypoint': zeros(persons, frames, number, 2),
        'keypoint_score': zeros(persons, frames, number),
        'total_frames': frames,
    }


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'keypoint': None}, ["has no 'keypoint'", "'total_frames'", '(M, T, V, C)']),
        ({'keypoint': [[1.0]]}, ['has keypoint list', 'array of numbers (M, T, V, C)']),
        ({'total_frames': 7}, ['total_frames=7', 'make them equal']),
        ({'keypoint_score': zeros(1, 5, 17)}, ['keypoint_score (1, 5, 17)', 'the score must be']),
        ({'keypoint': spoiled(np.nan)}, ['1 NaN or infinite values in keypoint', 'to 0']),
        ({'keypoint': spoiled(np.inf)}, ['1 NaN or infinite values in keypoint', 'to 0']),
        (joints(17, frames=0), ['has no frames: keypoint (1, 0, 17, 2)', 'remove the record']),
        (joints(17, persons=0), ['has no person: keypoint (0, 9, 17, 2)', 'remove the record']),
        (joints(18), ['keypoint (1, 9, 18, 2)', '17 joints', 'graph_cfg.layout']),
        ({'label': 4}, ['(label 4)', 'outside 0 to 3 (num_classes=4)', 'of the head']),
        ({'label': -1}, ['has no label', 'needs a class index']),
        ({'label': None}, ['has no label', 'needs a class index']),
        ({'label': 'wave'}, ["has label 'wave'", 'a class index']),
        ({'img_shape': (0, 1920)}, ['img_shape (0, 1920)', '(height, width)']),
    ],
    ids=[
        'no-keypoint', 'list', 'unequal-T', 'score-T', 'nan', 'inf', 'no-frames', 'no-person', 'joints', 'label-4',
        'label-minus-1', 'no-label', 'label-word', 'img_shape',
    ],
)  # fmt: skip
def test_an_invalid_record_is_named_before_training(tiny, refuse_training, fields, message):
    record = tiny.annotations[5]
    for key, value in fields.items():
        record[key] = value(record) if callable(value) else value
    tiny.annotations[5] = {key: value for key, value in record.items() if value is not None}
    tiny.write_clips()
    refuse_training([], 'data.train: ', str(tiny.clips), record['frame_dir'], *message)


@pytest.mark.parametrize('label', [None, -1, 4])
def test_a_validation_clip_needs_a_label(tiny, refuse_training, label):
    tiny.annotations[9]['label'] = label
    tiny.annotations[9] = {key: value for key, value in tiny.annotations[9].items() if value is not None}
    tiny.write_clips()
    refuse_training([], 'data.val: ', tiny.annotations[9]['frame_dir'], 'label')


def flat_clips_become(dims, number):
    def change(tiny):
        for annotation in tiny.annotations:
            annotation['keypoint'] = np.random.RandomState(0).randn(1, 20, number, dims).astype(np.float32)
            annotation['total_frames'] = 20
            annotation.pop('keypoint_score')
            if dims == 2:
                annotation['keypoint_score'] = zeros(1, 20, number)
        tiny.write_clips()

    return change


NTU = ("layout='coco', mode='spatial'), grid_shape=[5, 5], progressive_joint_seq=[17]",
       "layout='nturgb+d', mode='spatial'), grid_shape=[5, 5], progressive_joint_seq=[25]")  # fmt: skip


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (flat_clips_become(3, 17), ['third channel that is not a score', 'PreNormalize3D']),
        (flat_clips_become(3, 25), ['keypoint (1, 20, 25, 3)', '17 joints']),
        (lambda tiny: tiny.write_config('PreNormalize2D', 'PreNormalize3D'), ['and keypoint_score', 'PreNormalize2D']),
        (lambda tiny: tiny.write_config(*NTU), ['(1, 54, 17, 2)', '25 joints', 'graph_cfg.layout']),
        (
            lambda tiny: (flat_clips_become(2, 25)(tiny), tiny.write_config(*NTU)),
            ['has 2D joints, but', 'PreNormalize2D'],
        ),
    ],
    ids=['3D-clips', '25-joints', '3D-pipeline', '3D-network', '2D-clips-of-25-joints'],
)
def test_3d_data_with_a_2d_config_and_the_reverse(tiny, refuse_training, change, message):
    change(tiny)
    refuse_training([], 'data.train: ', *message)


# ---------------------------------------------------------------------------------------------------- the config


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('data.train.dataset.split=xsub_trian', ['data.train', "'xsub_trian'", "['xsub_train', 'xsub_val']"]),
        ('data.val.split=xview_val', ['data.val', "'xview_val'", "['xsub_train', 'xsub_val']"]),
        ('data.train.dataset.ann_file=None', ['data.train', 'ann_file', 'None', 'path of an annotation file']),
        ('data.train.dataset=None', ['data.train', 'dataset', 'None', "a dict with the key 'type'"]),
        ('data.train=None', ['no data.train', 'data.val']),
        ('data.train.times=0', ['data.train.times', 'from 1 to', '0']),
        ('data.videos_per_gpu=0', ['data.videos_per_gpu', 'positive integer', '0']),
        ('data.workers_per_gpu=-1', ['data.workers_per_gpu', '-1']),
        ('data.prefetch_factor=0', ['data.prefetch_factor', 'positive integer', '0']),
        # names in registries, and arguments
        ('model.type=RecognizerGNC', ['model', "'RecognizerGNC'", "'RecognizerGCN'"]),
        ('model.backbone.type=Ske2Gird', ['model', "'Ske2Gird'", "'Ske2Grid'"]),
        ('model.backbone.base_channel=8', ['model', "'base_channel'", "'base_channels'"]),
        ('model.backbone=None', ['model', "'type'", 'None']),
        ('model.cls_head.type=GridHaed', ['model', "'GridHaed'", "'GridHead'"]),
        ('model.cls_head.num_class=4', ['model', "'num_class'", "'num_classes'"]),
        ('model.cls_head.num_classes=four', ['model.cls_head.num_classes', 'an integer from 1 to', "'four'"]),
        ('model.cls_head.in_channels=16', ['model', 'in_channels is 16', '8 channels']),
        ('model.cls_head.loss_cls.type=CrossEntropy', ['model', "'CrossEntropy'", "'CrossEntropyLoss'"]),
        ('model.backbone.graph_cfg.layout=cocoo', ['model', "'cocoo'", "'coco'"]),
        ('model.backbone.graph_cfg.layuot=coco', ['model', "'layuot'", "'layout'"]),
        ('model.backbone.in_channels=2', ['in_channels is 2', '3 channels', 'set model.backbone.in_channels=3']),
        ('data.train.dataset.type=PosDataset', ['data.train', "'PosDataset'", "'PoseDataset'"]),
        ('data.val.spilt=xsub_val', ['data.val', "'spilt'", "'split'"]),
        ('train_pipeline.1.type=RandomRott', ['data.train', "'RandomRott'", "'RandomRot'"]),
        ('train_pipeline.1.thetta=1', ['data.train', "'thetta'", "'theta'"]),
        ('train_pipeline.3.num_clips=2', ['data.train', '2 clips', 'num_clips=1']),
        ('train_pipeline.6.keys=[keypoint,labels]', ['data.train', "'labels'", "'label'"]),
        ('optimizer.type=SDG', ['optimizer', "'SDG'", "'SGD'"]),
        ('optimizer.momentun=0.9', ['optimizer', "'momentun'", "'momentum'"]),
        ('optimizer.lr=fast', ['optimizer.lr', "'fast'", 'number']),
        ('optimizer.paramwise_cfg.bias_lr=2', ['optimizer.paramwise_cfg', "'bias_lr'", "'bias_lr_mult'"]),
        ('optimizer=SGD', ['optimizer', "'SGD'", 'must be a dict']),
        ('optimizer_config.grad_clip.max_nrom=40', ['optimizer_config.grad_clip', "'max_nrom'", "'max_norm'"]),
        ('optimizer_config.grad_clip=40', ['optimizer_config.grad_clip', '40', 'dict(max_norm=40)']),
        ('lr_config.policy=CosineAnealing', ['lr_config.policy', "'CosineAnealing'", 'CosineAnnealing']),
        ('lr_config.min_lrr=0', ["'lr_config.min_lrr'", "'lr_config.min_lr'"]),
        ('evaluation.metrics=[top_k_acuracy]', ['evaluation', "'top_k_acuracy'", "'top_k_accuracy'"]),
        ('evaluation.save_best=top2_acc', ['evaluation.save_best', "'top2_acc'", "'top1_acc'"]),
        ('evaluation.interval=0', ['evaluation.interval', 'positive integer', '0']),
        ('checkpoint_config.interval=often', ['checkpoint_config.interval', "'often'", 'positive integer']),
        ('log_config.interval=0', ['log_config.interval', 'positive integer', '0']),
        ('log_level=INFOO', ['log_level', "'INFOO'", "'INFO'"]),
        ('amp=fp8', ['amp', "'fp8'", "'bf16'"]),
        ('modality=x', ['modality', "'x'", "'jm'"]),
        ('total_epochs=0', ['total_epochs', 'positive integer', '0']),
        # typing errors in keys
        ('total_epoch=3', ["'total_epoch'", "'total_epochs'"]),
        ('load_form=a.pth', ["'load_form'", "'load_from'"]),
        ('data.video_per_gpu=4', ["'data.video_per_gpu'", "'data.videos_per_gpu'"]),
        ('data.trian.times=2', ["'data.trian'", "'data.train'"]),
        ('data.train_dataloader.video_per_gpu=4', ['data.train_dataloader', "'video_per_gpu'", "'videos_per_gpu'"]),
        ('evaluation.intervall=2', ["'evaluation.intervall'", "'evaluation.interval'"]),
        ('checkpoint_config.intervall=2', ["'checkpoint_config.intervall'", "'checkpoint_config.interval'"]),
        # invalid grids
        ('model.backbone.grid_shape=[4,4]', ['grid_shape (4, 4)', '16 cells', '17 cells or more']),
        ('model.backbone.grid_shape=[5]', ['grid_shape', '(5,)', '(H, W)']),
        ('model.backbone.grid_shape=5', ['model', 'int']),
        ('model.backbone.progressive_joint_seq=[25]', ['progressive_joint_seq', 'start with 17', '[25]']),
        ('model.backbone.progressive_joint_seq=[17,24,20]', ['progressive_joint_seq', '[17, 20, 24]']),
        # unknown options
        ('total_epochs', ['--cfg-options', 'KEY=VALUE', "'total_epochs'"]),
        ('evaluation.metrics=[a,', ['--cfg-options', "'evaluation.metrics=[a,'", 'KEY=[a,b]']),
        ('model.type.name=3', ['--cfg-options', 'type']),
        ('train_pipeline.99.p=1', ['--cfg-options', 'Index 99']),
        # checkpoints to start from
        ('load_from=nowhere/epoch_1.pth', ['nowhere/epoch_1.pth', 'folder nowhere does not exist']),
        ('load_from=run/best_*.pth', ['run/best_*.pth', 'contains no .pth file']),
        ('load_from=run', ['run is a folder', 'no .pth file']),
    ],
)
def test_an_invalid_config_value(tiny, refuse_training, options, message):
    if options.startswith('train_pipeline.'):
        number = int(options.split('.')[1])
        if number < 8:  # as in PYSKL: the list is in the data set
            options = options.replace('train_pipeline', 'data.train.dataset.pipeline')
            tiny.write_config("split='xsub_train'", "split='xsub_train', pipeline=train_pipeline")
    refuse_training(['--cfg-options', options], *message)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('total_epochs = 1', 'total_epochs = = 1', ['tiny.py, line 19', 'SyntaxError']),
        ('total_epochs = 1', 'total_epochs = several', ['tiny.py', "name 'several' is not defined"]),
        ('total_epochs = 1', 'total_epochs = 1 / 0', ['tiny.py', 'division by zero']),
        ('total_epochs = 1', '', ['total_epochs', 'None', 'positive integer']),
        ('total_epochs = 1', "total_epochs = 1; _base_ = ['gone.py']", ['tiny.py', 'gone.py', 'No such file']),
        ('model = dict', 'net = dict', ["needs 'model'", 'a dict with type, backbone and cls_head']),
        ('data = dict', 'clips = dict', ['no data.train']),
        ('optimizer = dict', 'descent = dict', ["needs 'optimizer'", "dict(type='SGD'"]),
        ("type='SGD', ", '', ['optimizer', "type='SGD'", "{'lr': 0.01"]),
        ('train_pipeline = ', 'pipeline = ', ["name 'train_pipeline' is not defined"]),
        ("dict(type='TextLoggerHook')", "dict(type='TextLogerHook')", ["'TextLogerHook'", "'TextLoggerHook'"]),
    ],
)
def test_an_invalid_config_file(tiny, refuse_training, old, new, message):
    tiny.write_config(old, new)
    refuse_training([], *message)


@pytest.mark.parametrize(
    ('hooks', 'message'),
    [
        ("[dict(type='EMAHok')]", ['custom_hooks[0]', "'EMAHok'", "'EMAHook'"]),
        ("[dict(type='EmptyCacheHook', after_epok=True)]", ['custom_hooks[0]', "'after_epok'", "'after_epoch'"]),
        ("[dict(type='EMAHook', momentun=0.1)]", ['custom_hooks[0]', "'momentun'", "'momentum'"]),
        ("['EMAHook']", ['custom_hooks must be a list', 'a dict with a type', "['EMAHook']"]),
        ("dict(type='EMAHook')", ['custom_hooks must be a list', "{'type': 'EMAHook'}"]),
    ],
)
def test_an_invalid_hook(tiny, refuse_training, hooks, message):
    tiny.write_config('total_epochs = 1', f'total_epochs = 1\ncustom_hooks = {hooks}')
    refuse_training([], *message)


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('param_scheduler', "[dict(type='StepRL', step_size=1)]\nlr_config = None", ["'StepRL'", "'StepLR'"]),
        ('param_scheduler', "[dict(type='StepLR', stepp_size=1)]\nlr_config = None", ['stepp_size']),
        ('param_scheduler', "[dict(type='StepLR', step_size=1)]", ['lr_config and param_scheduler have the same']),
        ('optim_wrapper', "dict(type='OptimWraper', optimizer=optimizer)", ["'OptimWraper'", "'OptimWrapper'"]),
        ('default_hooks', "dict(timer=dict(type='IterTimer'))", ["'IterTimer'", "'IterTimerHook'"]),
    ],
)
def test_invalid_values_of_mmengine_keys(tiny, refuse_training, key, value, message):
    tiny.write_config('total_epochs = 1', f'total_epochs = 1\n{key} = {value}')
    refuse_training([], key, *message)


def test_a_missing_config_lists_similar_configs(tiny, refused):
    refused('train', ['tyni.py'], 'the config file tyni.py does not exist', 'tiny.py')
    refused('train', ['.'], 'is a folder')
    (tiny.folder / 'tiny.txt').write_text('')
    refused('train', ['tiny.txt'], 'tiny.txt', '.py')


# ------------------------------------------------------------------------------------------- work_dir and options


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--no-validate', '--test-best'], ['--test-best', '--no-validate']),
        (['--resume'], ['--resume', 'has no checkpoint']),
        (['--resume', 'gone.pth'], ['gone.pth', 'no checkpoint matches']),
        (['--resume', '--overwrite'], ['--overwrite', '--resume', 'one of them']),
        (['--auto-scale-lr'], ['--auto-scale-lr', 'base_batch_size']),
        (['--seed', '-1'], ['seed', '-1', '2**32 - 1']),
        (['--launcher', 'pytorch'], ['--launcher pytorch', 'RANK', 'tools/dist_train.sh']),
    ],
)
def test_an_invalid_option(tiny, refuse_training, monkeypatch, options, message):
    monkeypatch.delenv('RANK', raising=False)
    refuse_training(options, *message)


def test_a_work_dir_that_cannot_be_written(tiny, refused):
    tiny.work_dir.write_text('a file')
    for folder in (tiny.work_dir, tiny.work_dir / 'below', '/proc/pyskl'):
        refused('train', [tiny.config, '--work-dir', folder], f'work_dir {folder}', '--work-dir')


def test_more_processes_than_gpus(tiny, refuse_training, refused, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    for name, value in (('RANK', 0), ('LOCAL_RANK', 0), ('WORLD_SIZE', 3), ('LOCAL_WORLD_SIZE', 3), ('MASTER_ADDR', 0)):
        monkeypatch.setenv(name, str(value))
    refuse_training(['--launcher', 'pytorch'], '3 processes', '2 GPU(s)', 'CUDA_VISIBLE_DEVICES=')
    tools = [tiny.config, '--launcher', 'pytorch']
    refused('launch', ['--processes', '3', TOOLS / 'train.py', *tools], '3 processes', '2 GPU(s)')
    refused('launch', ['--processes', '0', TOOLS / 'train.py', *tools], "'0'", 'positive integer')
