"""Keys for logs and hooks: ``checkpoint_config``, ``log_config``, ``log_level``, ``custom_hooks``, and
mmengine's ``default_hooks``, ``log_processor``, ``visualizer`` and ``vis_backends``.
"""

import inspect

from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, EMAHook, RuntimeInfoHook
from mmengine.registry import VISBACKENDS
from mmengine.runner import LogProcessor

from pyskl.engine.config.errors import error_context
from pyskl.engine.config.evaluation import EvaluationSettings, evaluation, measured
from pyskl.engine.hooks import BarHook, LossHook, StepSeedHook, ValidatedHook
from pyskl.registry import HOOKS, MODELS, check_arguments, lookup, nearest

LOG_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR')
CHECKPOINT_KEYS = (
    'type', 'interval', 'by_epoch', 'max_keep_ckpts', 'save_last', 'save_optimizer', 'out_dir', 'create_symlink',
)  # fmt: skip


def log_interval(cfg: Config) -> int:
    """Read ``log_config.interval``, or mmengine's ``default_hooks.logger.interval``.

    Raises:
        ValueError: If the interval is not a positive integer.
    """
    logger = (cfg.get('default_hooks') or {}).get('logger') or {}
    interval = (cfg.get('log_config') or {}).get('interval', logger.get('interval', 20))
    if not isinstance(interval, int) or interval < 1:
        raise ValueError(f'log_config.interval must be a positive integer, got {interval!r}')
    return interval


def log_processor(cfg: Config) -> dict:
    """Read mmengine's ``log_processor``; its window defaults to the log interval.

    Raises:
        ValueError: If an argument is unknown.
    """
    given = dict(cfg.get('log_processor') or {})
    if given.get('type', 'LogProcessor') == 'LogProcessor':
        with error_context('log_processor'):
            check_arguments(LogProcessor, {key: value for key, value in given.items() if key != 'type'})
    return {'window_size': log_interval(cfg), **given, 'by_epoch': True}


def log_level(cfg: Config) -> str:
    """Read ``log_level``.

    Raises:
        ValueError: If the level is unknown.
    """
    level = cfg.get('log_level', 'INFO')
    if level not in LOG_LEVELS:
        raise ValueError(f'unknown log_level {level!r}; choose from {LOG_LEVELS}')
    return level


def default_hooks(cfg: Config, validate: bool) -> dict:
    """Convert ``checkpoint_config`` and ``evaluation.save_best`` to mmengine's default hooks.

    Raises:
        ValueError: If ``checkpoint_config`` has an unknown key.
    """
    # Default: store the last checkpoint and the best.
    config = dict(cfg.get('checkpoint_config') or {'max_keep_ckpts': 1})
    for key in config:
        if key not in CHECKPOINT_KEYS:
            raise ValueError(f'checkpoint_config has no key {key!r}{nearest(key, CHECKPOINT_KEYS)}')
    config.pop('type', None)
    config.pop('create_symlink', None)
    if config.pop('by_epoch', True) is not True:
        raise ValueError('checkpoint_config.by_epoch must be True; checkpoints are written at the end of an epoch')
    for key in ('interval', 'max_keep_ckpts'):
        value = config.get(key, 1)
        if not isinstance(value, int) or (value < 1 and value != -1):
            raise ValueError(f'checkpoint_config.{key} must be a positive integer or -1, got {value!r}')
    hooks = {
        'runtime_info': {'type': LossHook, 'interval': log_interval(cfg)},
        'logger': {'type': 'LoggerHook', 'interval': log_interval(cfg), 'ignore_last': False},
        'checkpoint': {'type': 'CheckpointHook', 'interval': 1, **config},
    }
    for key, value in (cfg.get('default_hooks') or {}).items():
        if value is None:
            hooks[key] = None
            continue
        if not isinstance(value, dict):
            raise ValueError(f'default_hooks.{key} must be a dict, got {value!r}')
        value = {**({'type': hooks[key]['type']} if key in hooks else {}), **value}
        kind = _check_hook(value, f'default_hooks.{key}')
        if kind is RuntimeInfoHook:
            continue  # replaced by LossHook
        same = key in hooks and value['type'] == hooks[key]['type']
        hooks[key] = {**(hooks[key] if same else {}), **value}
    checkpoint = hooks['checkpoint']
    if checkpoint is not None and checkpoint['type'] == 'CheckpointHook':
        for key in ('save_best', 'rule'):
            checkpoint.pop(key, None)
        if validate:
            best = evaluation(cfg)
            checkpoint.update(save_best=best.save_best, rule=best.rule)
    return hooks


def custom_hooks(cfg: Config, diff_rank_seed: bool) -> list[dict]:
    """Return the hooks of this package, followed by the config's ``custom_hooks``.

    Raises:
        ValueError: If a hook or one of its arguments is unknown, or a hook monitors a value that is not logged.
    """
    hooks = [
        {'type': StepSeedHook, 'diff_rank_seed': diff_rank_seed},
        {'type': ValidatedHook},
        {'type': BarHook},
    ]
    given = cfg.get('custom_hooks') or []
    if not isinstance(given, list | tuple):
        raise ValueError(f'custom_hooks must be a list of dicts, got {given!r}')
    types = [_check_hook(hook, f'custom_hooks[{i}]') for i, hook in enumerate(given)]
    for i, (hook, kind) in enumerate(zip(given, types, strict=True)):
        if issubclass(kind, EarlyStoppingHook):
            _check_monitor(hook.get('monitor'), evaluation(cfg), f'custom_hooks[{i}].monitor')
    return hooks + [{**hook, 'type': cls} for hook, cls in zip(given, types, strict=True)]


def _check_monitor(monitor: object, settings: EvaluationSettings, key: str) -> None:
    """Raise if no metric logs the monitored value; mmengine's hook would silently ignore it."""
    names = measured(settings.metrics, None)
    if names is not None and monitor not in names:
        raise ValueError(f'{key}={monitor!r} is not one of the metrics{nearest(str(monitor), names)}')


def _check_hook(hook: dict, key: str) -> type:
    """Return the class of a hook; its arguments are checked by building it."""
    if not isinstance(hook, dict) or 'type' not in hook:
        raise ValueError(f"{key} must be a dict with the key 'type', got {hook!r}")
    arguments = {k: v for k, v in hook.items() if k not in ('type', 'priority')}
    with error_context(key):
        cls = lookup(hook['type'], HOOKS) if isinstance(hook['type'], str) else hook['type']
        check_arguments(cls, arguments)
        if issubclass(cls, CheckpointHook):  # passes unknown arguments to torch.save
            known = [name for name in inspect.signature(CheckpointHook).parameters if name != 'kwargs']
            for name in arguments:
                if name not in known:
                    raise ValueError(f'CheckpointHook has no argument {name!r}{nearest(name, known)}')
        built = cls(**arguments)
        if isinstance(built, EMAHook):  # passes the rest to the averaged model, which is built later
            inner = dict(built.ema_cfg)
            check_arguments(lookup(inner.pop('type'), MODELS), {'model': None, **inner})
    return cls


# mmcv's logger hooks -> mmengine's backends
_BACKENDS = {
    'TensorboardLoggerHook': ('TensorboardVisBackend', 'tensorboard'),
    'TensorboardVisBackend': ('TensorboardVisBackend', 'tensorboard'),
    'WandbLoggerHook': ('WandbVisBackend', 'wandb'),
    'WandbVisBackend': ('WandbVisBackend', 'wandb'),
    'MlflowLoggerHook': ('MLflowVisBackend', 'mlflow'),
}


def visualizer(cfg: Config) -> dict:
    """Convert ``log_config.hooks`` to scalar backends: JSON lines always, TensorBoard, W&B and MLflow on request.

    Raises:
        ValueError: If a logger hook is unknown or its package is not installed.
    """
    own = dict(cfg.get('visualizer') or {})
    if own.pop('type', 'Visualizer') not in ('Visualizer', 'ActionVisualizer'):
        return cfg.visualizer.to_dict()
    backends = [{'type': 'JsonLinesBackend'}]
    backs = own.pop('vis_backends', None) or cfg.get('vis_backends') or []
    for hook in [*((cfg.get('log_config') or {}).get('hooks') or []), *backs]:
        hook = {'type': hook} if isinstance(hook, str) else dict(hook)
        kind = hook.pop('type')
        if kind in ('TextLoggerHook', 'LocalVisBackend'):
            continue
        if kind not in _BACKENDS and kind in VISBACKENDS:  # registered by the user's own code
            backends.append({'type': kind, **hook})
            continue
        if kind not in _BACKENDS:
            raise ValueError(f'log_config.hooks: unknown hook {kind!r}{nearest(kind, ["TextLoggerHook", *_BACKENDS])}')
        backend, package = _BACKENDS[kind]
        try:
            __import__('torch.utils.tensorboard' if package == 'tensorboard' else package)
        except ImportError:
            raise ValueError(f'log_config.hooks: {kind} needs {package}; run pip install {package}') from None
        hook.pop('interval', None), hook.pop('by_epoch', None)
        backends.append({'type': backend, **hook})
    return {**own, 'type': 'Visualizer', 'vis_backends': backends}
