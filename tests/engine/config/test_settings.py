"""Settings read from a config."""

import dataclasses

import pytest
from mmengine.config import Config

from pyskl.engine.config.settings import Settings, process_settings, validates


def config(**keys):
    data = {
        'videos_per_gpu': 4,
        'train': {'type': 'RepeatDataset', 'times': 5, 'dataset': {'type': 'PoseDataset', 'ann_file': 'a.pkl'}},
        'val': {'type': 'PoseDataset', 'ann_file': 'a.pkl'},
    }
    return Config({'data': data, 'optimizer': {'type': 'SGD', 'lr': 0.1}, 'total_epochs': 16, **keys})


def test_the_keys_of_a_run():
    settings = Settings.read(
        config(load_from='x.pth', load_from_ignore='cls_head', auto_scale_lr={'base_batch_size': 128, 'enable': True})
    )
    assert (settings.epochs, settings.lr, settings.repeat_times) == (16, 0.1, 5)
    assert (settings.load_from, settings.load_from_ignore) == ('x.pth', 'cls_head')
    assert (settings.base_batch_size, settings.scale_lr) == (128, True)
    assert set(settings.datasets) == set(settings.loaders) == {'train', 'val'}
    assert not settings.validates and not settings.allow_random_frozen and settings.amp is None


def test_the_rate_is_scaled_only_on_request():
    assert not Settings.read(config(auto_scale_lr={'base_batch_size': 128})).scale_lr


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.read(config()).epochs = 3


def test_a_run_validates_with_validation_data_and_evaluation():
    assert validates(config(evaluation={'interval': 1}))
    assert validates(config(val_evaluator={'type': 'AccMetric'}))
    assert not validates(config())
    without = config(evaluation={'interval': 1})
    del without.data['val']
    assert not validates(without)


def test_options_take_precedence_over_the_config():
    assert not Settings.read(config(evaluation={'interval': 1}), validate=False).validates
    assert Settings.read(config(), validate=True).validates
    assert Settings.read(config(), diff_rank_seed=True).process.diff_rank_seed


def test_process_keys_of_pyskl_take_precedence_over_mmengine():
    process = process_settings(
        Config(
            {
                'seed': 1,
                'randomness': {'seed': 2, 'deterministic': True, 'diff_rank_seed': True},
                'env_cfg': {'cudnn_benchmark': True, 'dist_cfg': {'backend': 'nccl', 'port': 1}},
                'dist_params': {'backend': 'gloo'},
                'model_wrapper_cfg': {'find_unused_parameters': True},
            }
        )
    )
    assert process.seed == 1 and process.deterministic and process.diff_rank_seed
    assert (process.backend, process.port) == ('gloo', 1)
    assert process.find_unused_parameters and process.environment['cudnn_benchmark']
    assert process.environment['mp_cfg'] == {'mp_start_method': 'fork', 'opencv_num_threads': 0}


@pytest.mark.parametrize(
    ('keys', 'line'),
    [
        ({'randomness': {'sed': 1}}, "randomness has no key 'sed'; did you mean 'seed'"),
        ({'env_cfg': {'cudnn': True}}, "env_cfg has no key 'cudnn'"),
        ({'env_cfg': {'mp_cfg': {'start': 'spawn'}}}, "env_cfg.mp_cfg has no key 'start'"),
        ({'env_cfg': {'dist_cfg': {'backnd': 'gloo'}}}, "dist_cfg has no key 'backnd'; did you mean 'backend'"),
        ({'model_wrapper_cfg': {'type': 'FSDP'}}, "model_wrapper_cfg.type must be one of .*, got 'FSDP'"),
        ({'default_scope': 'mmpose'}, "default_scope must be one of .*, got 'mmpose'"),
    ],
)
def test_a_key_without_effect_raises(keys, line):
    with pytest.raises(ValueError, match=line):
        process_settings(Config(keys))


def test_a_workflow_that_differs_from_mmcv_is_noted():
    assert Settings.read(config(workflow=[('train', 1)])).notes == ()
    assert 'is ignored: total_epochs counts epochs' in Settings.read(config(workflow=[('train', 5)])).notes[0]
    assert 'val_loss' in Settings.read(config(workflow=[('train', 1), ('val', 1)])).notes[0]
