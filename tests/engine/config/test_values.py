"""Config values are checked before a run starts; errors name the key."""

import copy
import math

import pytest
from mmengine.config import Config

from pyskl.engine.config.keys import KNOWN_KEYS, SECTION_KEYS
from pyskl.engine.config.load import load_config, parse_options
from pyskl.engine.config.settings import Settings, process_settings
from pyskl.engine.config.values import ARGUMENTS, VALUES, check_values

WHOLE = {
    'model': {
        'type': 'RecognizerGCN',
        'backbone': {
            'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': 'spatial', 'max_hop': 3}, 'in_channels': 3,
            'base_channels': 64, 'num_stages': 10,
        },
        'cls_head': {'type': 'GCNHead', 'num_classes': 60, 'in_channels': 256, 'dropout': 0.5},
    },
    'data': {
        'videos_per_gpu': 16, 'workers_per_gpu': 2, 'persistent_workers': True, 'prefetch_factor': 2,
        'train_dataloader': {'drop_last': False, 'shuffle': True},
        'train': {
            'type': 'RepeatDataset', 'times': 5,
            'dataset': {
                'type': 'PoseDataset', 'ann_file': 'a.pkl', 'class_prob': [1, 1],
                'pipeline': [{'type': 'UniformSample', 'clip_len': 100, 'num_clips': 1}],
            },
        },
    },
    'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 5e-4, 'nesterov': True},
    'optimizer_config': {'grad_clip': {'max_norm': 40, 'norm_type': 2}, 'cumulative_iters': 1},
    'lr_config': {'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False},
    'total_epochs': 16, 'seed': 0, 'log_level': 'INFO', 'work_dir': 'w', 'load_from': None, 'load_from_ignore': None,
    'checkpoint_config': {'interval': 1, 'max_keep_ckpts': 2},
    'evaluation': {'interval': 1, 'start': 1, 'metrics': ['top_k_accuracy'], 'topk': (1, 5), 'rule': None},
    'log_config': {'interval': 100, 'hooks': [{'type': 'TextLoggerHook'}]},
    'auto_scale_lr': {'enable': False, 'base_batch_size': 128},
    'workflow': [('train', 1)], 'cudnn_benchmark': True, 'find_unused_parameters': False,
    'dist_params': {'backend': 'nccl', 'port': 29500}, 'float32_matmul_precision': 'high',
}  # fmt: skip


def changed(key, value):
    """Return WHOLE with one value changed; a number in ``key`` is the index of a list item."""
    cfg = copy.deepcopy(WHOLE)
    *path, last = key.split('.')
    inner = cfg
    for part in path:
        inner = inner[int(part)] if part.isdigit() else inner.setdefault(part, {})
    inner[last] = value
    return cfg


def test_a_usual_config_passes():
    check_values(WHOLE, 'x.py')
    check_values(Config(copy.deepcopy(WHOLE)), 'x.py')
    assert Settings.read(Config(copy.deepcopy(WHOLE))).epochs == 16


WRONG = [
    ('model', 5), ('data', []), ('total_epochs', 0), ('total_epochs', 2.5), ('total_epochs', True),
    ('total_epochs', '3'), ('seed', -1), ('seed', 2**32), ('seed', 'x'), ('compile', 'no'), ('deterministic', 1),
    ('cudnn_benchmark', 'yes'), ('find_unused_parameters', 0), ('auto_resume', 'maybe'), ('sync_bn', 'nccl'),
    ('float32_matmul_precision', 'tf32'), ('float32_matmul_precision', True),
    ('amp', 'half'), ('amp', 16), ('fp16', True), ('fp16.loss_scale', 0), ('log_level', 'LOUD'), ('load_from', 5),
    ('resume_from', True), ('load_from_ignore', 5), ('launcher', 'slrum'),
    ('default_scope', 'mmpretrain'), ('experiment_name', 3), ('custom_hooks', {'type': 'EMAHook'}),
    ('custom_hooks', ['EMAHook']), ('workflow', [('train',)]), ('workflow', 'train'), ('momentum_config', {'a': 1}),
    ('data.videos_per_gpu', 0), ('data.videos_per_gpu', 1.5), ('data.videos_per_gpu', '16'),
    ('data.workers_per_gpu', -1), ('data.prefetch_factor', 0), ('data.persistent_workers', 1),
    ('data.train_dataloader.drop_last', 'no'), ('data.val_dataloader.videos_per_gpu', -3),
    ('optimizer', 'SGD'), ('optimizer', {'lr': 0.1}), ('optimizer.lr', math.nan), ('optimizer.lr', math.inf),
    ('optimizer.lr', -0.1), ('optimizer.lr', '0.1'), ('optimizer.momentum', 2), ('optimizer.weight_decay', -1),
    ('optimizer.nesterov', 'no'), ('optimizer_config.grad_clip', 40), ('optimizer_config.grad_clip.max_norm', 0),
    ('optimizer_config.cumulative_iters', 0), ('lr_config', [{'policy': 'step'}]), ('lr_config.min_lr', 'abc'),
    ('lr_config.min_lr', -1), ('lr_config.by_epoch', 'no'), ('lr_config.step', ['1']), ('lr_config.step', 0),
    ('lr_config.step', []), ('lr_config.gamma', 0), ('lr_config.power', -1), ('lr_config.warmup', 'sudden'),
    ('lr_config.warmup_iters', 1.5), ('lr_config.warmup_ratio', 0), ('lr_config.warmup_ratio', 2),
    ('auto_scale_lr.base_batch_size', 0), ('auto_scale_lr.enable', 'no'), ('evaluation', 5),
    ('evaluation.interval', 0), ('evaluation.start', -1), ('evaluation.start', 'x'), ('evaluation.start', 1.5),
    ('evaluation.by_epoch', False), ('evaluation.metrics', []), ('evaluation.metrics', [3]), ('evaluation.topk', 0),
    ('evaluation.topk', [0]), ('evaluation.rule', 'most'), ('evaluation.rule', 5), ('evaluation.loss', 'yes'),
    ('evaluation.save_best', 5), ('checkpoint_config.interval', 0), ('checkpoint_config.max_keep_ckpts', 'all'),
    ('checkpoint_config.by_epoch', False), ('checkpoint_config.out_dir', 5), ('log_config.interval', 0),
    ('log_config.hooks', 'TextLoggerHook'), ('train_cfg.max_epochs', 0), ('randomness.seed', 'x'),
    ('env_cfg.cudnn_benchmark', 'x'), ('log_processor.window_size', 0), ('dist_params.backend', 'tcp'),
    ('dist_params.port', 0), ('param_scheduler', 5), ('vis_backends', 5),
    ('model.backbone.base_channels', 0), ('model.backbone.base_channels', 2**20), ('model.backbone.num_stages', 0),
    ('model.backbone.in_channels', 'x'), ('model.backbone.graph_cfg.max_hop', 10**6),
    ('model.cls_head.num_classes', 0), ('model.cls_head.dropout', 2), ('data.train.times', 0),
    ('data.train.dataset.class_prob', [0, 0]), ('data.train.dataset.class_prob', [math.nan, 1]),
    ('data.train.dataset.class_prob', 'balance'), ('data.train.dataset.pipeline.0.clip_len', 10**5),
    ('data.train.dataset.pipeline.0.clip_len', 10**9), ('data.train.dataset.pipeline.0.clip_len', 1e5),
    ('data.train.dataset.pipeline.0.num_clips', 0),
]  # fmt: skip


@pytest.mark.parametrize(('key', 'value'), WRONG)
def test_an_invalid_value_raises_one_line_with_the_key(key, value):
    shown = key.replace('.0.', '[0].')
    with pytest.raises(ValueError) as caught:
        check_values(changed(key, value), 'x.py')
    error = str(caught.value)
    assert error.startswith(f'x.py: {shown} must be ')
    assert repr(value) in error and '\n' not in error


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('data.train.dataset.class_prob', [0, 0.25]), ('data.train.dataset.class_prob', {0: 0.5, 3: 0}),
        ('lr_config.min_lr', 0), ('lr_config.warmup_ratio', 1), ('lr_config.warmup_iters', 0), ('lr_config.step', 1),
        ('optimizer.momentum', 1), ('optimizer.weight_decay', 0), ('seed', 0), ('seed', 2**32 - 1),
        ('data.workers_per_gpu', 0), ('evaluation.start', 0), ('evaluation.topk', 1), ('total_epochs', 1),
    ],
)  # fmt: skip
def test_the_limits_of_a_range_are_valid(key, value):
    check_values(changed(key, value), 'x.py')


def test_no_key_accepts_every_kind_of_value():
    junk = ('', 'x', -1.5, math.nan, [object()], {'a': object()}, object())
    open_keys = {
        key for key, rule in VALUES.items() if all(rule.holds(value) for value in junk)
    } | {name for name, rule in ARGUMENTS.items() if all(rule.holds(value) for value in junk)}  # fmt: skip
    assert not open_keys


def test_every_key_of_a_section_has_a_rule():
    names = {'lr_config.policy', 'checkpoint_config.type', 'checkpoint_config.create_symlink', 'evaluation.metric'}
    sections = {f'{section}.{key}' for section, keys in SECTION_KEYS.items() for key in keys if section != 'data'}
    assert sections - set(VALUES) <= names
    assert {key.split('.')[0] for key in VALUES} <= KNOWN_KEYS


def test_arguments_of_custom_classes_are_not_checked():
    class Mine:
        pass

    check_values(changed('model.backbone', {'type': Mine, 'num_stages': 'auto'}), 'x.py')


def test_a_variable_that_resembles_a_present_key_is_a_warning(tmp_path, capsys):
    path = tmp_path / 'x.py'
    path.write_text("ann_file = 'a'\nann_file1 = 'b'\nmodel = dict()\nmodels = 3")
    load_config(path)
    error = capsys.readouterr().err
    assert "the config has the key 'ann_file' and also 'ann_file1', which is ignored" in error
    assert "the key 'model' and also 'models', which is ignored" in error
    path.write_text("ann_file1 = 'b'")
    with pytest.raises(ValueError, match="unknown key 'ann_file1'; did you mean 'ann_file'"):
        load_config(path)


def test_an_option_is_checked_like_the_file(tmp_path):
    (tmp_path / 'x.py').write_text('total_epochs = 3')
    with pytest.raises(ValueError, match='total_epochs must be a positive integer, got 0'):
        load_config(tmp_path / 'x.py', parse_options(['total_epochs=0']))


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'model_wrapper_cfg': {'type': 'FSDP'}}, 'model_wrapper_cfg.type must be one of'),
        ({'model_wrapper_cfg': {'broadcast_buffers': True}}, "model_wrapper_cfg has no key 'broadcast_buffers'"),
        ({'env_cfg': {'cudnn_bench': True}}, "env_cfg has no key 'cudnn_bench'; did you mean 'cudnn_benchmark'"),
        ({'randomness': {'sed': 1}}, "randomness has no key 'sed'; did you mean 'seed'"),
    ],
)
def test_unsupported_process_settings_raise(keys, message):
    with pytest.raises(ValueError, match=message):
        process_settings(Config(keys))


def test_process_keys_of_mmengine_are_read():
    cfg = Config({
        'randomness': {'seed': 7, 'deterministic': True, 'diff_rank_seed': True},
        'env_cfg': {'cudnn_benchmark': True, 'mp_cfg': {'mp_start_method': 'spawn'}, 'dist_cfg': {'backend': 'gloo'}},
        'model_wrapper_cfg': {'type': 'MMDistributedDataParallel', 'find_unused_parameters': True},
        'launcher': 'pytorch', 'experiment_name': 'mine', 'sync_bn': True, 'compile': True,
    })  # fmt: skip
    found = process_settings(cfg)
    assert (found.seed, found.deterministic, found.diff_rank_seed) == (7, True, True)
    assert found.environment == {
        'cudnn_benchmark': True, 'mp_cfg': {'mp_start_method': 'spawn', 'opencv_num_threads': 0},
    }  # fmt: skip
    assert (found.backend, found.find_unused_parameters, found.launcher) == ('gloo', True, 'pytorch')
    assert (found.experiment_name, found.sync_bn, found.compile) == ('mine', True, True)
