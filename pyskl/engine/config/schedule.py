"""Keys for optimizer and learning rate: ``optimizer``, ``optimizer_config``, ``fp16``, ``lr_config``.

mmengine's ``optim_wrapper`` and ``param_scheduler`` take precedence.
"""

from mmengine.config import Config

from pyskl.registry import nearest

AMP_NAMES = {'bf16': 'bf16', 'bfloat16': 'bf16', 'fp16': 'fp16', 'float16': 'fp16'}
AMP_WRAPPER = 'AmpOptimWrapper'


def amp(cfg: Config) -> str | None:
    """Read ``amp`` ('bf16', 'fp16', True), mmcv's ``fp16 = dict(loss_scale=...)`` or mmengine's ``AmpOptimWrapper``.

    Returns:
        None, 'auto', 'bf16' or 'fp16'.

    Raises:
        ValueError: If ``amp`` has any other value.
    """
    value = cfg.get('amp')
    if value is None or value is False:
        if not isinstance(cfg.get('fp16') or {}, dict):
            raise ValueError(f"fp16 must be a dict, e.g. dict(loss_scale='dynamic'), got {cfg.fp16!r}")
        wrapper = cfg.get('optim_wrapper') or {}
        if wrapper.get('type') == AMP_WRAPPER:
            return AMP_NAMES.get(wrapper.get('dtype'), 'fp16')
        return 'fp16' if cfg.get('fp16') is not None else None
    if value is True:
        return 'auto'
    if value not in AMP_NAMES:
        raise ValueError(f'amp must be one of {sorted(AMP_NAMES)} or True, got {value!r}')
    return AMP_NAMES[value]


def optim_wrapper(cfg: Config, loss_scaling: bool = False) -> dict:
    """Convert ``optimizer`` and ``optimizer_config.grad_clip`` to mmengine's ``optim_wrapper``.

    Args:
        cfg: The config.
        loss_scaling: Whether to scale the loss, for fp16 on a GPU.

    Raises:
        ValueError: If the config has no optimizer.
    """
    if cfg.get('optim_wrapper'):
        return _own_wrapper(cfg.optim_wrapper.to_dict(), loss_scaling)
    if not cfg.get('optimizer'):
        raise ValueError("the config needs 'optimizer', e.g. optimizer = dict(type='SGD', lr=0.1, momentum=0.9)")
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


def _own_wrapper(wrapper: dict, loss_scaling: bool) -> dict:
    """Read mmengine's ``optim_wrapper``; autocast is done by the model wrapper, so that it works on CPU too."""
    if wrapper.get('type') == AMP_WRAPPER:
        wrapper.pop('dtype', None)
        wrapper.pop('use_fsdp', None)
        scale = wrapper.pop('loss_scale', 'dynamic')
        wrapper['type'] = AMP_WRAPPER if loss_scaling else 'OptimWrapper'
        if loss_scaling:
            wrapper['loss_scale'] = scale
    return wrapper


def epochs(cfg: Config) -> int:
    """Read ``total_epochs`` (or mmengine's ``train_cfg.max_epochs``).

    Raises:
        ValueError: If neither is set, or the value is not a positive integer.
    """
    value = cfg.get('total_epochs', (cfg.get('train_cfg') or {}).get('max_epochs'))
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f'total_epochs must be a positive integer, got {value!r}')
    return value


def param_scheduler(cfg: Config, iterations: int) -> list[dict]:
    """Convert ``lr_config`` to mmengine's ``param_scheduler``.

    Args:
        cfg: The config.
        iterations: Iterations per epoch.

    Raises:
        ValueError: If the policy, the warm-up or a key is unknown.
    """
    if cfg.get('param_scheduler') is not None:
        given = cfg.param_scheduler
        return [dict(item) for item in (given if isinstance(given, list | tuple) else [given])]
    config = cfg.get('lr_config') or {'policy': 'fixed'}
    if not isinstance(config, dict):
        raise ValueError(f"lr_config must be a dict such as dict(policy='step', step=[9, 11]), got {config!r}")
    config = dict(config)
    total = epochs(cfg)
    policy = str(config.pop('policy', None))
    by_epoch = config.pop('by_epoch', True)
    warmup = {key: config.pop(key) for key in list(config) if key.startswith('warmup')}
    builders = {'cosineannealing': _cosine, 'step': _step, 'poly': _poly, 'fixed': _fixed}
    if policy.lower() not in builders:
        raise ValueError(f'unknown lr_config.policy {policy!r}; choose from CosineAnnealing, step, poly, fixed')
    schedulers = builders[policy.lower()](config, total, by_epoch)
    if config:
        raise ValueError(f'lr_config: policy {policy!r} has no argument {sorted(config)[0]!r}')
    return _warmup(warmup, iterations) + schedulers


def _cosine(config: dict, total: int, by_epoch: bool) -> list[dict]:
    ratio = config.pop('min_lr_ratio', None)
    low = config.pop('min_lr', None)
    end = {'eta_min_ratio': ratio} if ratio is not None else {'eta_min': low or 0}
    return [{'type': 'CosineAnnealingLR', 'T_max': total, 'end': total, 'convert_to_iter_based': not by_epoch, **end}]


def _step(config: dict, total: int, by_epoch: bool) -> list[dict]:
    step, gamma = config.pop('step', None), config.pop('gamma', 0.1)
    if isinstance(step, int) and not by_epoch:
        return [{'type': 'StepLR', 'step_size': step, 'gamma': gamma, 'by_epoch': False}]
    if isinstance(step, int):  # a period in epochs, which may exceed the run
        step = list(range(step, total, step))
        return [{'type': 'MultiStepLR', 'milestones': step, 'gamma': gamma}] if step else []
    if not isinstance(step, list | tuple) or not step or not all(isinstance(item, int) for item in step):
        raise ValueError(f'lr_config.step must be the epochs at which the rate drops, e.g. [9, 11], got {step!r}')
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
    if kind == 'stairs':  # of CTR-GCN and InfoGCN: in epoch e of n the rate is (e + 1) / n of the full rate
        return _stairs(warmup, length)
    ratio = warmup.get('warmup_ratio', 0.1)
    if warmup.get('warmup_by_epoch'):
        length *= iterations
    if not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise ValueError(f'lr_config.warmup_ratio must be a number above 0, at most 1, got {ratio!r}')
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
            "lr_config.warmup='stairs' counts epochs and starts at 1 / warmup_iters; set warmup_iters only"
        )
    if length == 1:
        return []
    return [{'type': 'LinearLR', 'start_factor': 1 / length, 'by_epoch': True, 'end': length}]
