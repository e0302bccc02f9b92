"""Keys of PYSKL and of mmengine with the same meaning: a config sets one of them, or both to the same value."""

from mmengine.config import Config

# (PYSKL's key, mmengine's key); the second is set in configs of mmengine and MMAction2.
SAME_MEANING = (
    ('total_epochs', 'train_cfg.max_epochs'),
    ('evaluation.interval', 'train_cfg.val_interval'),
    ('evaluation.start', 'train_cfg.val_begin'),
    ('evaluation.metrics', 'val_evaluator'),
    ('evaluation.metric', 'val_evaluator'),
    ('evaluation.save_best', 'default_hooks.checkpoint.save_best'),
    ('evaluation.rule', 'default_hooks.checkpoint.rule'),
    ('optimizer', 'optim_wrapper.optimizer'),
    ('optimizer_config.grad_clip', 'optim_wrapper'),
    ('optimizer_config.cumulative_iters', 'optim_wrapper'),
    ('lr_config', 'param_scheduler'),
    ('checkpoint_config.interval', 'default_hooks.checkpoint.interval'),
    ('checkpoint_config.max_keep_ckpts', 'default_hooks.checkpoint.max_keep_ckpts'),
    ('log_config.interval', 'default_hooks.logger.interval'),
    ('seed', 'randomness.seed'),
    ('deterministic', 'randomness.deterministic'),
    ('cudnn_benchmark', 'env_cfg.cudnn_benchmark'),
    ('find_unused_parameters', 'model_wrapper_cfg.find_unused_parameters'),
    ('dist_params.backend', 'env_cfg.dist_cfg.backend'),
    ('dist_params.port', 'env_cfg.dist_cfg.port'),
)


def check_conflicts(cfg: Config) -> None:
    """Raise if two keys with the same meaning are set: one of them would have no effect.

    Raises:
        ValueError: If both are set, to different values; names both.
    """
    for ours, other in SAME_MEANING:
        first, second = _value(cfg, ours), _value(cfg, other)
        if first in (None, {}, []) or second in (None, {}, []) or first == second:
            continue
        values = [f'{key}={value!r}' for key, value in ((ours, first), (other, second)) if _is_short(value)]
        keys = ' and '.join(values) if len(values) == 2 else f'{ours} and {other}'
        raise ValueError(f'{keys} have the same meaning; set only the one that the base config has')


def _value(cfg: Config, key: str) -> object:
    value: object = cfg
    for name in key.split('.'):
        value = value.get(name) if isinstance(value, dict | Config) else None
    return value


def _is_short(value: object) -> bool:
    return isinstance(value, bool | int | float | str)
