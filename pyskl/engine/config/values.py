"""Check type and range of every config value before a run starts.

:data:`VALUES` lists the keys of a config and of its sections, :data:`ARGUMENTS` the numeric arguments of components,
which are checked anywhere below ``model``, ``data`` and the pipelines.
"""

import math
import numbers
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyskl.registry import DATASETS, MODELS, TRANSFORMS


@dataclass(frozen=True)
class Rule:
    """A constraint on a value.

    Args:
        says: Completes the sentence "KEY must be ...".
        holds: Predicate of valid values.
    """

    says: str
    holds: Callable[[object], bool]

    def __or__(self, other: 'Rule') -> 'Rule':
        return Rule(f'{self.says} or {other.says}', lambda value: self.holds(value) or other.holds(value))


def is_integer(value: object) -> bool:
    """Whether ``value`` is an integer; True and False are not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number; True and False are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def integer(low: int, high: int | None = None) -> Rule:
    """Allow integers from ``low`` to ``high``."""
    if high is None:
        says = 'a positive integer' if low == 1 else f'an integer of at least {low}'
    else:
        says = f'an integer from {low} to {high}'
    return Rule(says, lambda value: is_integer(value) and low <= value and (high is None or value <= high))


def number(low: float, high: float | None = None, above: bool = False) -> Rule:
    """Allow finite numbers from ``low`` (exclusive with ``above``) to ``high``."""
    says = f'a number {"above" if above else "of at least"} {low}' if high is None else f'a number from {low} to {high}'
    if above and high is not None:
        says = f'a number above {low}, at most {high}'

    def holds(value: object) -> bool:
        return is_number(value) and (low < value if above else low <= value) and (high is None or value <= high)

    return Rule(says, holds)


def one_of(*choices: object) -> Rule:
    """Allow one of several values; 1 does not equal True."""
    return Rule(
        f'one of {", ".join(map(repr, choices))}',
        lambda value: any(type(value) is type(choice) and value == choice for choice in choices),
    )


def list_of(rule: Rule, empty: bool = False) -> Rule:
    """Allow lists or tuples of values that ``rule`` allows."""
    return Rule(
        f'a list, each item {rule.says}',
        lambda value: isinstance(value, list | tuple) and (empty or len(value) > 0) and all(map(rule.holds, value)),
    )


def _is_prob(value: object) -> bool:
    values = list(value.values()) if isinstance(value, dict) else value
    return isinstance(values, list | tuple) and all(is_number(v) and v >= 0 for v in values) and sum(values) > 0


def _is_type(value: object) -> bool:
    return isinstance(value, str | type) or callable(value)


FLAG = Rule('True or False', lambda value: isinstance(value, bool))
NONE = Rule('None', lambda value: value is None)
TEXT = Rule('a string', lambda value: isinstance(value, str))
TYPED = Rule(
    "a dict with a type, e.g. dict(type='...')", lambda value: isinstance(value, dict) and _is_type(value.get('type'))
)
DICT = Rule('a dict', lambda value: isinstance(value, dict))
COUNT = integer(1)
ANY_NUMBER = Rule('a finite number', is_number)
SHARE = number(0, 1)
PHASES = ('train', 'val', 'test')

VALUES: dict[str, Rule] = {
    'model': DICT,
    'data': DICT,
    'total_epochs': COUNT,
    'seed': integer(0, 2**32 - 1) | NONE,
    'deterministic': FLAG,
    'compile': FLAG,
    'cudnn_benchmark': FLAG,
    'float32_matmul_precision': one_of('highest', 'high', 'medium') | NONE,
    'find_unused_parameters': FLAG,
    'auto_resume': FLAG,
    'allow_random_frozen': FLAG,
    'sync_bn': FLAG | one_of('torch', 'mmcv') | NONE,
    'amp': FLAG | one_of('bf16', 'bfloat16', 'fp16', 'float16') | NONE,
    'fp16': Rule("a dict, e.g. dict(loss_scale='dynamic')", lambda value: isinstance(value, dict)) | NONE,
    'fp16.loss_scale': number(0, above=True) | one_of('dynamic') | DICT,
    'log_level': one_of('DEBUG', 'INFO', 'WARNING', 'ERROR'),
    'load_from': TEXT | NONE,
    'resume_from': TEXT | NONE,
    'resume': FLAG | TEXT | NONE,
    'load_from_ignore': Rule("a prefix of keys, e.g. 'cls_head'", lambda value: isinstance(value, str)) | NONE,
    'launcher': one_of('none', 'pytorch', 'slurm', 'mpi'),
    'default_scope': one_of('pyskl', 'mmaction', 'mmengine') | NONE,
    'experiment_name': TEXT | NONE,
    'custom_hooks': list_of(TYPED, empty=True) | NONE,
    'workflow': Rule(
        "a list such as [('train', 1)] or [('train', 1), ('val', 1)]",
        lambda value: isinstance(value, list | tuple)
        and all(isinstance(s, list | tuple) and len(s) == 2 and s[0] in ('train', 'val') for s in value),
    )
    | NONE,
    'momentum_config': Rule("None; set the optimizer's momentum instead", lambda value: value is None),
    # data
    'data.videos_per_gpu': COUNT,
    'data.workers_per_gpu': integer(0),
    'data.prefetch_factor': COUNT | NONE,
    'data.persistent_workers': FLAG,
    **{
        f'data.{phase}_dataloader.{key}': rule
        for phase in PHASES
        for key, rule in {
            'videos_per_gpu': COUNT, 'workers_per_gpu': integer(0), 'prefetch_factor': COUNT | NONE,
            'persistent_workers': FLAG, 'shuffle': FLAG, 'drop_last': FLAG,
        }.items()
    },
    # optimizer and schedule
    'optimizer': Rule("a dict with a type, e.g. dict(type='SGD', lr=0.1)", TYPED.holds),
    'optimizer.lr': number(0),
    'optimizer.momentum': SHARE,
    'optimizer.weight_decay': number(0),
    'optimizer.eps': number(0),
    'optimizer.dampening': ANY_NUMBER,
    'optimizer.nesterov': FLAG,
    'optimizer.betas': list_of(SHARE),
    'optimizer.paramwise_cfg': DICT,
    'optimizer_config': DICT,
    'optimizer_config.grad_clip': Rule('a dict, e.g. dict(max_norm=40)', lambda value: isinstance(value, dict)) | NONE,
    'optimizer_config.grad_clip.max_norm': number(0, above=True),
    'optimizer_config.grad_clip.norm_type': number(0, above=True),
    'optimizer_config.cumulative_iters': COUNT,
    'lr_config': Rule(
        "a dict such as dict(policy='CosineAnnealing', min_lr=0, by_epoch=False); for a list of schedules use "
        'param_scheduler',
        lambda value: isinstance(value, dict),
    )
    | NONE,
    'lr_config.by_epoch': FLAG,
    'lr_config.min_lr': number(0),
    'lr_config.min_lr_ratio': SHARE,
    'lr_config.step': Rule(
        'a positive integer or a list of epochs at which the rate drops, e.g. [9, 11]',
        lambda value: integer(1).holds(value) or list_of(integer(1)).holds(value),
    ),
    'lr_config.gamma': number(0, above=True),
    'lr_config.power': number(0),
    'lr_config.warmup': one_of('linear', 'constant', 'exp', 'stairs') | NONE,
    'lr_config.warmup_iters': integer(0),
    'lr_config.warmup_ratio': number(0, 1, above=True),
    'lr_config.warmup_by_epoch': FLAG,
    'optim_wrapper': DICT,
    'optim_wrapper.optimizer.lr': number(0),
    'optim_wrapper.accumulative_counts': COUNT,
    'optim_wrapper.clip_grad': DICT | NONE,
    'param_scheduler': TYPED | list_of(TYPED, empty=True) | NONE,
    'auto_scale_lr': DICT | NONE,
    'auto_scale_lr.enable': FLAG,
    'auto_scale_lr.base_batch_size': COUNT,
    # evaluation
    'evaluation': DICT | NONE,
    'evaluation.interval': COUNT,
    'evaluation.start': integer(0) | NONE,
    'evaluation.by_epoch': Rule('True (validation follows epochs)', lambda value: value is True),
    'evaluation.metrics': Rule(
        "a list such as ['top_k_accuracy']",
        lambda value: isinstance(value, str) or list_of(TEXT | TYPED).holds(value),
    ),
    'evaluation.topk': COUNT | list_of(COUNT),
    'evaluation.metric_options': DICT,
    'evaluation.save_best': TEXT | list_of(TEXT) | NONE,
    'evaluation.key_indicator': TEXT | NONE,
    'evaluation.rule': one_of('greater', 'less') | NONE,
    'evaluation.loss': FLAG,
    # files and logs
    'checkpoint_config': DICT | NONE,
    'checkpoint_config.interval': integer(1) | one_of(-1),
    'checkpoint_config.by_epoch': Rule(
        'True (checkpoints are written at the end of an epoch)', lambda value: value is True
    ),
    'checkpoint_config.max_keep_ckpts': integer(1) | one_of(-1),
    'checkpoint_config.save_last': FLAG,
    'checkpoint_config.save_optimizer': FLAG,
    'checkpoint_config.out_dir': TEXT | NONE,
    'log_config': DICT | NONE,
    'log_config.interval': COUNT,
    'log_config.hooks': list_of(TYPED | TEXT, empty=True),
    # mmengine's
    'train_cfg.max_epochs': COUNT,
    'train_cfg.val_begin': integer(0),
    'train_cfg.val_interval': COUNT,
    'randomness': DICT,
    'randomness.seed': integer(0, 2**32 - 1) | NONE,
    'randomness.deterministic': FLAG,
    'randomness.diff_rank_seed': FLAG,
    'env_cfg': DICT,
    'env_cfg.cudnn_benchmark': FLAG,
    'env_cfg.mp_cfg': DICT,
    'env_cfg.dist_cfg': DICT,
    'log_processor': DICT,
    'log_processor.window_size': COUNT,
    'log_processor.by_epoch': Rule('True (runs count epochs)', lambda value: value is True),
    'dist_params': DICT | NONE,
    'dist_params.backend': one_of('nccl', 'gloo', 'mpi'),
    'dist_params.port': integer(1, 65535),
    'default_hooks': DICT,
    'visualizer': DICT | NONE,
    'vis_backends': list_of(TYPED | TEXT, empty=True) | NONE,
}  # fmt: skip

# Upper limits are far above any published setting, and below what exhausts a machine.
ARGUMENTS: dict[str, Rule] = {
    'base_channels': integer(1, 8192),
    'in_channels': integer(1, 65536),
    'num_stages': integer(1, 100),
    'num_classes': integer(1, 10**6),
    'num_person': integer(1, 1000),
    'num_clips': integer(1, 1000),
    'clip_len': integer(1, 10000),
    'max_hop': integer(1, 100),
    'times': integer(1, 10**6),
    'dropout': number(0, 1),
    'init_std': number(0),
    'label_smooth_eps': SHARE,
    'sigma': number(0, above=True),
    'flip_ratio': SHARE,
    'hw_ratio': number(0, above=True) | list_of(number(0, above=True)) | NONE,
    'class_prob': one_of('balanced') | Rule('weights of at least 0 that are not all 0', _is_prob) | NONE,
    'valid_ratio': SHARE | NONE,
}


def check_values(cfg: dict, where: str) -> None:
    """Check every value of a resolved config.

    Args:
        cfg: The config.
        where: The file, for error messages.

    Raises:
        ValueError: If a value is invalid; names the key, the value found and the values allowed.
    """
    cfg = dict(cfg.items())  # a Config is not a dict
    for key, rule in VALUES.items():
        found, value = _at(cfg, key)
        if found and not rule.holds(value):
            raise ValueError(f'{where}: {key} must be {rule.says}, got {value!r}')
    for top in ('model', 'data', *(f'{phase}_pipeline' for phase in PHASES)):
        for key, component, name, value in _arguments(cfg.get(top), top):
            if not ARGUMENTS[name].holds(value) and _is_ours(component):
                raise ValueError(f'{where}: {key} must be {ARGUMENTS[name].says}, got {value!r}')


def _at(cfg: dict, dotted: str) -> tuple[bool, object]:
    """Return whether ``dotted`` is in ``cfg``, and its value."""
    value: object = cfg
    for part in dotted.split('.'):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _arguments(value: object, path: str, component: object = None) -> Iterator[tuple[str, object, str, object]]:
    """Yield (path, component type, name, value) of each argument below ``value`` listed in :data:`ARGUMENTS`."""
    if isinstance(value, dict):
        component = value.get('type', component)
        for name, item in value.items():
            if name in ARGUMENTS:
                yield f'{path}.{name}', component, name, item
            else:
                yield from _arguments(item, f'{path}.{name}', component)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _arguments(item, f'{path}[{i}]', component)


def _is_ours(component: object) -> bool:
    """Whether ``component`` names a class of this package; arguments of user classes are not checked."""
    if isinstance(component, str):
        found = [registry.get(component) for registry in (MODELS, DATASETS, TRANSFORMS)]
        component = next((cls for cls in found if cls is not None), None)
    return component is None or component.__module__.split('.')[0] == 'pyskl'
