"""PYSKL's config keys -> mmengine's, one small function a key.

mmengine's own keys (``optim_wrapper``, ``param_scheduler``, ``train_cfg``, ...) win where a config names them.
"""

from mmengine.config import Config
from mmengine.hooks import EMAHook

from pyskl.engine.config.errors import named
from pyskl.engine.config.load import PHASES
from pyskl.engine.hooks import BarHook, LossHook, StepSeedHook, ValidatedHook
from pyskl.registry import HOOKS, MODELS, check_arguments, lookup, nearest

LOG_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR')
AMP_NAMES = {'bf16': 'bf16', 'bfloat16': 'bf16', 'fp16': 'fp16', 'float16': 'fp16'}


def loader_options(cfg: Config, phase: str) -> dict:
    """``data.videos_per_gpu``, ``data.workers_per_gpu``, ``data.{phase}_dataloader`` -> batch_size, workers, ...

    Raises:
        ValueError: If ``data.{phase}_dataloader`` holds an unknown key.
    """
    data = cfg.get('data') or {}
    own = cfg.get(f'{phase}_dataloader')
    if own:  # mmengine's
        return {
            'batch_size': own.get('batch_size', 1),
            'workers': own.get('num_workers', 0),
            'prefetch_factor': own.get('prefetch_factor'),
        }
    options = {'videos_per_gpu': 1, 'workers_per_gpu': 0, **{k: v for k, v in data.items() if k.endswith('_per_gpu')}}
    override = data.get(f'{phase}_dataloader') or {}
    known = ('videos_per_gpu', 'workers_per_gpu', 'persistent_workers', 'prefetch_factor', 'shuffle', 'drop_last')
    for key in override:
        if key not in known:
            raise ValueError(f'data.{phase}_dataloader has no key {key!r}{nearest(key, known)}')
    options.update(override)
    return {
        'batch_size': options['videos_per_gpu'],
        'workers': options['workers_per_gpu'],
        'prefetch_factor': options.get('prefetch_factor', data.get('prefetch_factor')),
    }


def dataset_config(cfg: Config, phase: str) -> dict | None:
    """The data set of ``phase``: ``data.{phase}``, or ``dataset`` of mmengine's ``{phase}_dataloader``."""
    own = cfg.get(f'{phase}_dataloader')
    section = own.get('dataset') if own else (cfg.get('data') or {}).get(phase)
    if isinstance(section, list | tuple):
        return {'type': 'ConcatDataset', 'datasets': list(section)}
    return section


def amp(cfg: Config) -> str | None:
    """``amp`` ('bf16', 'fp16', True) or mmcv's ``fp16 = dict(loss_scale=...)`` -> None, 'auto', 'bf16' or 'fp16'.

    Raises:
        ValueError: If ``amp`` is something else.
    """
    value = cfg.get('amp')
    if value is None or value is False:
        if not isinstance(cfg.get('fp16') or {}, dict):
            raise ValueError(f"fp16 must be a dict, e.g. dict(loss_scale='dynamic'), got {cfg.fp16!r}")
        return 'fp16' if cfg.get('fp16') is not None else None
    if value is True:
        return 'auto'
    if value not in AMP_NAMES:
        raise ValueError(f'amp must be one of {sorted(AMP_NAMES)} or True, got {value!r}')
    return AMP_NAMES[value]


def optim_wrapper(cfg: Config, loss_scaling: bool = False) -> dict:
    """``optimizer`` and ``optimizer_config.grad_clip`` -> mmengine's ``optim_wrapper``.

    Args:
        cfg: The config.
        loss_scaling: fp16 on a GPU: scale the loss.

    Raises:
        ValueError: If there is no optimizer.
    """
    if cfg.get('optim_wrapper'):
        return cfg.optim_wrapper.to_dict()
    if not cfg.get('optimizer'):
        raise ValueError("the config has no 'optimizer'; e.g. optimizer = dict(type='SGD', lr=0.1, momentum=0.9)")
    if not isinstance(cfg.optimizer, dict):
        raise ValueError(f"optimizer must be a dict, e.g. dict(type='SGD', lr=0.1), got {cfg.optimizer!r}")
    optimizer = cfg.optimizer.to_dict()
    wrapper = {'type': 'OptimWrapper', 'optimizer': optimizer}
    if 'paramwise_cfg' in optimizer:
        wrapper['paramwise_cfg'] = optimizer.pop('paramwise_cfg')
    config = cfg.get('optimizer_config') or {}
    if config.get('grad_clip'):
        if not isinstance(config['grad_clip'], dict):
            raise ValueError(
                f'optimizer_config.grad_clip must be a dict, e.g. dict(max_norm=40), got {config["grad_clip"]!r}'
            )
        wrapper['clip_grad'] = dict(config['grad_clip'])
    if config.get('cumulative_iters'):
        wrapper['accumulative_counts'] = config['cumulative_iters']
    if loss_scaling:
        scale = (cfg.get('fp16') or {}).get('loss_scale', 'dynamic')
        wrapper.update(type='AmpOptimWrapper', loss_scale=scale)
    return wrapper


def epochs(cfg: Config) -> int:
    """``total_epochs`` (or mmengine's ``train_cfg.max_epochs``).

    Raises:
        ValueError: If there is neither, or it is no positive integer.
    """
    value = cfg.get('total_epochs', (cfg.get('train_cfg') or {}).get('max_epochs'))
    if not isinstance(value, int) or value < 1:
        raise ValueError(f'total_epochs must be a positive integer, got {value!r}')
    return value


def param_scheduler(cfg: Config, iterations: int) -> list[dict]:
    """``lr_config`` -> mmengine's ``param_scheduler``.

    Args:
        cfg: The config.
        iterations: Iterations of an epoch.

    Raises:
        ValueError: If the policy, the warm-up or a key is unknown.
    """
    if cfg.get('param_scheduler') is not None:
        given = cfg.param_scheduler
        return [dict(item) for item in (given if isinstance(given, list | tuple) else [given])]
    config = dict(cfg.get('lr_config') or {'policy': 'fixed'})
    total = epochs(cfg)
    policy = str(config.pop('policy', None))
    by_epoch = config.pop('by_epoch', True)
    warmup = {key: config.pop(key) for key in list(config) if key.startswith('warmup')}
    builders = {'cosineannealing': _cosine, 'step': _step, 'poly': _poly, 'fixed': _fixed}
    if policy.lower() not in builders:
        raise ValueError(f'unknown lr_config.policy {policy!r}; choose from CosineAnnealing, step, poly, fixed')
    schedulers = builders[policy.lower()](config, total, by_epoch)
    if config:
        raise ValueError(f'lr_config: policy {policy!r} takes no {sorted(config)[0]!r}')
    return _warmup(warmup, iterations) + schedulers


def _cosine(config: dict, total: int, by_epoch: bool) -> list[dict]:
    ratio = config.pop('min_lr_ratio', None)
    low = config.pop('min_lr', None)
    end = {'eta_min_ratio': ratio} if ratio is not None else {'eta_min': low or 0}
    return [{'type': 'CosineAnnealingLR', 'T_max': total, 'end': total, 'convert_to_iter_based': not by_epoch, **end}]


def _step(config: dict, total: int, by_epoch: bool) -> list[dict]:
    step, gamma = config.pop('step', None), config.pop('gamma', 0.1)
    if isinstance(step, int):
        step = list(range(step, total if by_epoch else 10**9, step)) if by_epoch else step
    if not step:
        raise ValueError(f'lr_config.step must be epochs at which the rate falls, e.g. [9, 11], got {step!r}')
    if isinstance(step, int):
        return [{'type': 'StepLR', 'step_size': step, 'gamma': gamma, 'by_epoch': False}]
    return [{'type': 'MultiStepLR', 'milestones': list(step), 'gamma': gamma, 'by_epoch': by_epoch}]


def _poly(config: dict, total: int, by_epoch: bool) -> list[dict]:
    power, low = config.pop('power', 1.0), config.pop('min_lr', 0.0)
    return [
        {
            'type': 'PolyLR', 'power': power, 'eta_min': low, 'end': total, 'by_epoch': True,
            'convert_to_iter_based': not by_epoch,
        }
    ]  # fmt: skip


def _fixed(config: dict, total: int, by_epoch: bool) -> list[dict]:
    return []


def _warmup(warmup: dict, iterations: int) -> list[dict]:
    kind = warmup.get('warmup')
    if kind is None:
        return []
    length = warmup.get('warmup_iters', 0)
    known = ('warmup', 'warmup_iters', 'warmup_ratio', 'warmup_by_epoch')
    for key in warmup:
        if key not in known:
            raise ValueError(f'lr_config has no key {key!r}{nearest(key, known)}')
    if kind not in ('linear', 'constant', 'exp', 'stairs'):
        raise ValueError(f"lr_config.warmup must be 'linear', 'constant', 'exp' or 'stairs', got {kind!r}")
    if not isinstance(length, int) or length < 1:
        raise ValueError(f'lr_config.warmup_iters must be a positive integer, got {length!r}')
    if kind == 'stairs':  # CTR-GCN's and InfoGCN's: epoch e of n has (e + 1) / n of the rate, all through
        return _stairs(warmup, length)
    ratio = warmup.get('warmup_ratio', 0.1)
    if warmup.get('warmup_by_epoch'):
        length *= iterations
    if not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise ValueError(f'lr_config.warmup_ratio must be a number above 0, 1 at the most, got {ratio!r}')
    if kind == 'exp':
        return [{'type': 'ExponentialWarmUpLR', 'ratio': ratio, 'steps': length}]
    # mmengine reaches the full rate at end - 1, mmcv at warmup_iters
    shape = {'by_epoch': False, 'end': length + 1}
    if kind == 'constant':
        return [{'type': 'ConstantLR', 'factor': ratio, **shape}]
    return [{'type': 'LinearLR', 'start_factor': ratio, **shape}]


def _stairs(warmup: dict, length: int) -> list[dict]:
    if 'warmup_ratio' in warmup or not warmup.get('warmup_by_epoch', True):
        raise ValueError(
            "lr_config.warmup='stairs' counts epochs and begins at 1 / warmup_iters: it takes warmup_iters"
        )
    if length == 1:
        return []
    return [{'type': 'LinearLR', 'start_factor': 1 / length, 'by_epoch': True, 'end': length}]


def evaluation(cfg: Config) -> dict:
    """``evaluation`` -> ``interval``, ``begin``, ``save_best``, ``rule`` and the evaluator's config.

    Raises:
        ValueError: If ``evaluation.interval`` is no positive integer.
    """
    config = dict(cfg.get('evaluation') or {})
    interval = config.get('interval', (cfg.get('train_cfg') or {}).get('val_interval', 1))
    if not isinstance(interval, int) or interval < 1:
        raise ValueError(f'evaluation.interval must be a positive integer, got {interval!r}')
    metrics = config.get('metrics', config.get('metric', ['top_k_accuracy']))
    if not isinstance(metrics, str | list | tuple) or not metrics:
        raise ValueError(f"evaluation.metrics must be a list such as ['top_k_accuracy'], got {metrics!r}")
    topk = config.get('topk', (config.get('metric_options') or {}).get('top_k_accuracy', {}).get('topk', (1, 5)))
    evaluator = {
        'type': 'ClassificationMetric',
        'metrics': [metrics] if isinstance(metrics, str) else list(metrics),
        'topk': [topk] if isinstance(topk, int) else list(topk),
    }
    best = config.get('save_best', config.get('key_indicator', 'auto'))
    tops = [f'top{k}_acc' for k in evaluator['topk']]
    measured = [name for metric in evaluator['metrics'] for name in (tops if metric == 'top_k_accuracy' else [metric])]
    if best == 'auto':
        best = measured[0] if measured else None
    elif best and best not in measured:
        raise ValueError(f'evaluation.save_best is {best!r}, which is not measured{nearest(best, measured)}')
    return {
        'interval': interval,
        'begin': (config.get('start') or 0) + 1 if config.get('start') else 1,
        'save_best': best,
        'rule': config.get('rule') or 'greater',
        'evaluator': evaluator,
    }


def log_interval(cfg: Config) -> int:
    """``log_config.interval``.

    Raises:
        ValueError: If it is no positive integer.
    """
    interval = (cfg.get('log_config') or {}).get('interval', 20)
    if not isinstance(interval, int) or interval < 1:
        raise ValueError(f'log_config.interval must be a positive integer, got {interval!r}')
    return interval


def log_level(cfg: Config) -> str:
    """``log_level``.

    Raises:
        ValueError: If it is unknown.
    """
    level = cfg.get('log_level', 'INFO')
    if level not in LOG_LEVELS:
        raise ValueError(f'unknown log_level {level!r}; choose from {LOG_LEVELS}')
    return level


def default_hooks(cfg: Config, validate: bool) -> dict:
    """``checkpoint_config`` and ``evaluation.save_best`` -> mmengine's default hooks.

    Raises:
        ValueError: If ``checkpoint_config`` holds an unknown key.
    """
    config = dict(cfg.get('checkpoint_config') or {})
    config.pop('type', None)
    known = ('interval', 'by_epoch', 'max_keep_ckpts', 'save_last', 'save_optimizer', 'out_dir', 'create_symlink')
    for key in config:
        if key not in known:
            raise ValueError(f'checkpoint_config has no key {key!r}{nearest(key, known)}')
    config.pop('create_symlink', None)
    if config.pop('by_epoch', True) is not True:
        raise ValueError('checkpoint_config.by_epoch must be True: a run resumes at the start of an epoch')
    for key in ('interval', 'max_keep_ckpts'):
        value = config.get(key, 1)
        if not isinstance(value, int) or (value < 1 and value != -1):
            raise ValueError(f'checkpoint_config.{key} must be a positive integer, or -1 for none, got {value!r}')
    best = evaluation(cfg)
    checkpoint = {'type': 'CheckpointHook', 'interval': config.pop('interval', 1), **config}
    if validate:
        checkpoint.update(save_best=best['save_best'], rule=best['rule'])
    hooks = {
        'runtime_info': {'type': LossHook, 'interval': log_interval(cfg)},
        'logger': {'type': 'LoggerHook', 'interval': log_interval(cfg), 'ignore_last': False},
        'checkpoint': checkpoint,
    }
    for key, value in (cfg.get('default_hooks') or {}).items():
        if value is not None:
            _check_hook(value, f'default_hooks.{key}')
        hooks[key] = value
    return hooks


def custom_hooks(cfg: Config, diff_rank_seed: bool) -> list[dict]:
    """``custom_hooks`` of the config behind our own.

    Raises:
        ValueError: If a hook or an argument of it is unknown.
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
    return hooks + [{**hook, 'type': cls} for hook, cls in zip(given, types, strict=True)]


def _check_hook(hook: dict, key: str) -> type:
    """The class of a hook, whose arguments have been tried."""
    if not isinstance(hook, dict) or 'type' not in hook:
        raise ValueError(f"{key} must be a dict with the key 'type', got {hook!r}")
    arguments = {k: v for k, v in hook.items() if k not in ('type', 'priority')}
    with named(key):
        cls = lookup(hook['type'], HOOKS) if isinstance(hook['type'], str) else hook['type']
        check_arguments(cls, arguments)
        built = cls(**arguments)
        if isinstance(built, EMAHook):  # hands the rest on to the averaged model, which it builds later
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
    """``log_config.hooks`` -> where scalars go besides the text log: always a JSON line, TensorBoard or W&B if named.

    Raises:
        ValueError: If a logger hook is unknown or its package is not installed.
    """
    if cfg.get('visualizer'):
        return cfg.visualizer.to_dict()
    backends = [{'type': 'JsonLinesBackend'}]
    named = [*((cfg.get('log_config') or {}).get('hooks') or []), *(cfg.get('vis_backends') or [])]
    for hook in named:
        hook = {'type': hook} if isinstance(hook, str) else dict(hook)
        kind = hook.pop('type')
        if kind in ('TextLoggerHook', 'LocalVisBackend'):
            continue
        if kind not in _BACKENDS:
            raise ValueError(f'log_config.hooks: unknown {kind!r}{nearest(kind, ["TextLoggerHook", *_BACKENDS])}')
        backend, package = _BACKENDS[kind]
        try:
            __import__('torch.utils.tensorboard' if package == 'tensorboard' else package)
        except ImportError:
            raise ValueError(f'log_config.hooks: {kind} needs {package}; pip install {package}') from None
        hook.pop('interval', None), hook.pop('by_epoch', None)
        backends.append({'type': backend, **hook})
    return {'type': 'Visualizer', 'vis_backends': backends}


def without_effect(cfg: Config) -> list[str]:
    """A line for each key of PYSKL's that is set, and that does nothing here."""
    lines = []
    if [tuple(step) for step in cfg.get('workflow') or [('train', 1)]] != [('train', 1)]:
        lines.append(f'workflow {cfg.workflow} has no effect: an epoch is followed by its validation, as of evaluation')
    if cfg.get('momentum_config'):
        lines.append('momentum_config has no effect: the momentum stays that of the optimizer')
    return lines


def repeat_times(dataset: dict | None) -> int:
    """How often an epoch sees each clip: ``times`` of the ``RepeatDataset``, else 1."""
    return dataset.get('times', 1) if dataset and dataset.get('type') == 'RepeatDataset' else 1


def phases(cfg: Config) -> list[str]:
    """The phases that the config has a data set for."""
    return [phase for phase in PHASES if dataset_config(cfg, phase)]
