"""Build the optimizer and check its schedules before any file is written."""

import numbers
from collections.abc import Callable

import torch
from mmengine.optim import OptimWrapper, _ParamScheduler, build_optim_wrapper
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS
from torch import Tensor, nn

from pyskl.engine.config.errors import error_context
from pyskl.registry import check_arguments, lookup, nearest

PARAMWISE_KEYS = (
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult', 'flat_decay_mult',
    'bypass_duplicate', 'dcn_offset_lr_mult',
)  # fmt: skip


@PARAM_SCHEDULERS.register_module()
class ExponentialWarmUpLR(LRSchedulerMixin, _ParamScheduler):
    """mmcv's ``warmup='exp'``: at step k of n the rate is multiplied by ``ratio ** (1 - k / n)``.

    Args:
        optimizer: The optimizer whose learning rate is scheduled.
        ratio: Factor at step 0.
        steps: n, the length of the warm-up.
        end: Last step of the run, which mmengine passes to every schedule.
        by_epoch: Whether steps are epochs or iterations.
        verbose: Whether to print each rate.
    """

    def __init__(
        self,
        optimizer: OptimWrapper,
        ratio: float,
        steps: int,
        end: int | None = None,
        by_epoch: bool = False,
        verbose: bool = False,
    ) -> None:
        self.ratio, self.steps = ratio, steps
        end = steps + 1 if end is None else min(end, steps + 1)
        super().__init__(optimizer, end=end, by_epoch=by_epoch, verbose=verbose)

    def _get_value(self) -> list[float]:
        """Multiply the previous step's rate, so that the following schedule can change it too."""
        factor = self.ratio if self.last_step == 0 else self.ratio ** (-1 / self.steps)
        return [group[self.param_name] * factor for group in self.optimizer.param_groups]


class ClipNorm:
    """``clip_grad_norm_`` for an ``OptimWrapper``; norms stay on the device until :meth:`read`.

    mmengine converts the norm of every step to a number, which synchronises the GPU.

    Args:
        clip: ``torch.nn.utils.clip_grad_norm_``.
    """

    def __init__(self, clip: Callable[..., Tensor]) -> None:
        self._clip = clip
        self._norms: list[Tensor] = []

    def __call__(self, parameters: list[Tensor], **options) -> None:
        """Clip the gradients; return nothing, so that the wrapper logs nothing."""
        self._norms.append(self._clip(parameters, **options).detach())

    def read(self) -> list[float]:
        """The norms before clipping, one per step since the last call."""
        norms, self._norms = self._norms, []
        return torch.stack(norms).tolist() if norms else []


def build_optimizer(wrapper: dict, model: nn.Module) -> OptimWrapper:
    """Build the optimizer of ``model``.

    Args:
        wrapper: Config returned by ``schedule.optim_wrapper``.
        model: The model to train.

    Raises:
        ValueError: If the type, an argument or a value is invalid; names the key and similar valid ones.
    """
    with error_context('optimizer'):
        optimizer = wrapper.get('optimizer')
        if not isinstance(optimizer, dict) or not isinstance(optimizer.get('type'), str):
            raise ValueError(f"must be a dict with a type, e.g. dict(type='SGD', lr=0.1), got {optimizer!r}")
        arguments = {key: value for key, value in optimizer.items() if key != 'type'}
        lr = arguments.get('lr', 0.1)
        if not isinstance(lr, numbers.Real) or lr < 0:
            raise ValueError(f'optimizer.lr must be a number of at least 0, got {lr!r}')
        kind = lookup(optimizer['type'], OPTIMIZERS)
        try:
            check_arguments(kind, {'params': None, **arguments}, optimizer['type'])
        except ValueError as error:
            if not {'momentum', 'nesterov', 'betas'} & set(arguments):
                raise
            raise ValueError(
                f'{error} (the other arguments are inherited from the base config; to drop them, write '
                f'optimizer = dict(_delete_=True, type={optimizer["type"]!r}, lr=...))'
            ) from None
        for key in wrapper.get('paramwise_cfg') or {}:
            if key not in PARAMWISE_KEYS and 'constructor' not in wrapper:
                raise ValueError(f'optimizer.paramwise_cfg has no key {key!r}{nearest(key, PARAMWISE_KEYS)}')
    clip = dict(wrapper.get('clip_grad') or {})
    if clip.pop('type', 'norm') == 'norm' and clip:
        with error_context('optimizer_config.grad_clip'):
            check_arguments(torch.nn.utils.clip_grad_norm_, {'parameters': None, **clip}, 'grad_clip')
            if not isinstance(clip['max_norm'], numbers.Real) or clip['max_norm'] <= 0:
                raise ValueError(f'max_norm must be a positive number, got {clip["max_norm"]!r}')
    with error_context('optim_wrapper'):
        lookup(wrapper.get('type', 'OptimWrapper'), OPTIM_WRAPPERS)
    with error_context('optimizer'):
        built = build_optim_wrapper(model, wrapper)
    if getattr(built, 'clip_func', None) is torch.nn.utils.clip_grad_norm_:
        built.clip_func = ClipNorm(built.clip_func)
    return built


def check_schedulers(schedulers: list[dict], iterations: int, key: str) -> None:
    """Check ``schedulers`` by building them for an optimizer with a single parameter.

    Args:
        schedulers: Configs of ``schedule.param_scheduler``.
        iterations: Iterations per epoch.
        key: The config key of the schedulers, for error messages.

    Raises:
        ValueError: If a type or an argument is wrong.
    """
    with error_context(key):
        trial = OptimWrapper(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9))
        for scheduler in schedulers:
            arguments = dict(scheduler)
            cls = lookup(arguments.pop('type'), PARAM_SCHEDULERS)
            if arguments.pop('convert_to_iter_based', False):
                cls.build_iter_from_epoch(trial, **arguments, epoch_length=iterations)
            else:
                cls(trial, **arguments)
