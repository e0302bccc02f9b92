"""Config keys of hooks and logs."""

import pytest
from mmengine.config import Config

from pyskl.engine.config.hooks import (
    custom_hooks,
    default_hooks,
    log_interval,
    log_processor,
    visualizer,
)
from pyskl.engine.hooks import LossHook


def test_checkpoint_config_reaches_the_hook():
    hooks = default_hooks(Config({'checkpoint_config': {'interval': 3, 'max_keep_ckpts': 2}}), validate=True)
    assert hooks['checkpoint']['interval'] == 3
    assert hooks['checkpoint']['max_keep_ckpts'] == 2
    assert hooks['checkpoint']['save_best'] == 'top1_acc'
    assert 'save_best' not in default_hooks(Config({}), validate=False)['checkpoint']
    with pytest.raises(ValueError, match="checkpoint_config has no key 'intervall'; did you mean 'interval'"):
        default_hooks(Config({'checkpoint_config': {'intervall': 3}}), validate=True)


def test_mmengines_default_hooks_are_merged_into_ours():
    given = {
        'runtime_info': {'type': 'RuntimeInfoHook'}, 'checkpoint': {'interval': 2, 'save_best': 'auto'},
        'logger': {'type': 'LoggerHook', 'interval': 7}, 'timer': {'type': 'IterTimerHook'},
    }  # fmt: skip
    cfg = Config({'default_hooks': given})
    hooks = default_hooks(cfg, validate=True)
    assert hooks['runtime_info'] == {'type': LossHook, 'interval': 7}
    assert hooks['logger'] == {'type': 'LoggerHook', 'interval': 7, 'ignore_last': False}
    assert hooks['checkpoint'] == {
        'type': 'CheckpointHook', 'interval': 2, 'max_keep_ckpts': 1, 'save_best': 'top1_acc', 'rule': 'greater',
    }  # fmt: skip
    assert hooks['timer'] == {'type': 'IterTimerHook'}
    assert log_interval(cfg) == 7
    with pytest.raises(ValueError, match="default_hooks.checkpoint.*has no argument 'intervall'"):
        default_hooks(Config({'default_hooks': {'checkpoint': {'intervall': 2}}}), validate=True)


def test_an_unknown_hook_or_argument_lists_similar_names():
    with pytest.raises(ValueError, match="'EMAHok' is not a known hook; did you mean 'EMAHook'"):
        custom_hooks(Config({'custom_hooks': [{'type': 'EMAHok'}]}), False)


def test_early_stopping_must_monitor_a_known_metric():
    def hook(monitor):
        return Config({'custom_hooks': [{'type': 'EarlyStoppingHook', 'monitor': monitor}]})

    assert custom_hooks(hook('top1_acc'), False)[-1]['monitor'] == 'top1_acc'
    with pytest.raises(ValueError, match=r"custom_hooks\[0\].monitor='acc/top1' is not one of the metrics"):
        custom_hooks(hook('acc/top1'), False)


def test_the_visualizer_of_mmaction2_is_converted():
    backends = [{'type': 'LocalVisBackend'}]
    given = {'type': 'ActionVisualizer', 'vis_backends': backends}
    assert visualizer(Config({'visualizer': given, 'vis_backends': backends})) == {
        'type': 'Visualizer', 'vis_backends': [{'type': 'JsonLinesBackend'}],
    }  # fmt: skip


def test_an_unknown_logger_hook_lists_similar_names():
    with pytest.raises(ValueError, match="unknown hook 'TensorBoardLoggerHook'; did you mean 'TensorboardLoggerHook'"):
        visualizer(Config({'log_config': {'hooks': [{'type': 'TensorBoardLoggerHook'}]}}))


def test_log_processor_may_set_its_window_size():
    assert log_processor(Config({'log_config': {'interval': 5}})) == {'window_size': 5, 'by_epoch': True}
    given = {'type': 'LogProcessor', 'window_size': 9, 'by_epoch': True}
    assert log_processor(Config({'log_processor': given})) == given
    with pytest.raises(ValueError, match="LogProcessor has no argument 'windowsize'; did you mean 'window_size'"):
        log_processor(Config({'log_processor': {'windowsize': 9}}))
