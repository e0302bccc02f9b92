"""Restore a run from a checkpoint: weights, optimizer state and a few checked numbers.

Learning rates are not read from the file: the schedules of the current config are stepped through the completed
epochs, so that more epochs or another schedule take effect as if the run had started with them.
"""

import math
import numbers
import re
import warnings
from dataclasses import dataclass, field

from mmengine.hooks import EarlyStoppingHook, Hook
from torch import Tensor, nn

from pyskl.engine.checkpoints.files import is_dense

_INFO = re.compile(r'(best_score|best_ckpt)(_.+)?|keep_ckpt_ids|epoch_validated')


@dataclass
class Progress:
    """Progress of the run that wrote a checkpoint.

    Args:
        epoch: Completed epochs.
        iteration: Completed iterations.
        seed: Seed of the run.
        info: Checked entries of the message hub: best scores and files, stored epochs, the last validated epoch.
    """

    epoch: int
    iteration: int
    seed: int | None = None
    info: dict = field(default_factory=dict)


def progress(checkpoint: dict, path: str) -> Progress:
    """Read the progress of a run from its checkpoint.

    Raises:
        ValueError: If a run cannot be resumed from the file; names the entry.
    """
    meta = checkpoint['meta']
    for key in ('optimizer', 'message_hub'):
        if not isinstance(checkpoint.get(key), dict):
            raise ValueError(
                f'{path} cannot be resumed: it has no {key} (a best checkpoint?); to use its weights, set load_from'
            )
    for key in ('epoch', 'iter'):
        if not _is_count(meta.get(key)):
            raise ValueError(f'{path} cannot be resumed: meta.{key} is {_short(meta.get(key))}, not a count')
    seed = meta.get('seed')
    if seed is not None and (not _is_count(seed) or seed >= 2**32):
        raise ValueError(f'{path} cannot be resumed: meta.seed is {_short(seed)}, not a 32-bit integer')
    info = checkpoint['message_hub'].get('runtime_info')
    info = {
        key: value
        for key, value in (info.items() if isinstance(info, dict) else ())
        if isinstance(key, str) and _INFO.fullmatch(key)
    }
    for key, value in info.items():
        if not _fits(key, value):
            raise ValueError(f'{path} cannot be resumed: its message_hub has an invalid {key}, {_short(value)}')
    return Progress(meta['epoch'], meta['iter'], seed, info)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _fits(key: str, value: object) -> bool:
    if key.startswith('best_score'):
        return isinstance(value, numbers.Real) and not math.isnan(value)
    if key.startswith('best_ckpt'):
        return isinstance(value, str)
    if key == 'keep_ckpt_ids':
        return isinstance(value, list | tuple) and all(map(_is_count, value))
    return _is_count(value)


def _short(value: object) -> str:
    return f'a {type(value).__name__}' if isinstance(value, Tensor | dict | list | tuple) else repr(value)[:60]


def restore_optimizer(wrapper, saved: dict, path: str) -> None:
    """Load the optimizer's state, such as momentum buffers; learning rate and other settings are those of the config.

    Args:
        wrapper: mmengine's ``OptimWrapper``.
        saved: Its saved ``state_dict``.
        path: File name, for error messages.

    Raises:
        ValueError: If the state does not fit the parameters.
    """
    optimizer = wrapper.optimizer
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    state = saved.get('state')
    if not isinstance(state, dict):
        raise ValueError(f'{path} cannot be resumed: its optimizer has no state')
    for index, values in state.items():
        problem = _state_problem(index, values, parameters)
        if problem:
            raise ValueError(
                f'{path} cannot be resumed: {problem}; is it of another optimizer or model? Use load_from to load only '
                'its weights'
            )
    needed = {key for values in optimizer.state.values() for key in values}
    given = {key for values in state.values() for key in values}
    if needed and given and needed != given:
        raise ValueError(
            f'{path} cannot be resumed: its optimizer state has {sorted(given)}, but the config needs {sorted(needed)}'
        )
    optimizer.load_state_dict({'state': state, 'param_groups': optimizer.state_dict()['param_groups']})
    scaler = getattr(wrapper, 'loss_scaler', None)
    if scaler is not None and isinstance(saved.get('loss_scaler'), dict):
        values = saved['loss_scaler']
        if not all(isinstance(value, numbers.Real) for value in values.values()):
            raise ValueError(f'{path} cannot be resumed: its loss_scaler has values that are not numbers')
        scaler.load_state_dict(values)


def _state_problem(index: object, values: object, parameters: list[Tensor]) -> str | None:
    if not _is_count(index) or index >= len(parameters):
        return f'its optimizer state has parameter {_short(index)}, but the model has {len(parameters)} parameters'
    if not isinstance(values, dict):
        return f'its optimizer state {index} is a {type(values).__name__}, not a dict'
    for key, value in values.items():
        if not isinstance(key, str) or not (value is None or isinstance(value, numbers.Real | Tensor)):
            return f'its optimizer state {index} has an invalid {_short(key)}, a {type(value).__name__}'
        if isinstance(value, Tensor) and not is_dense(value):
            return f'{key} of parameter {index} is a tensor of {value.layout}, {value.dtype}'
        if isinstance(value, Tensor) and value.numel() != 1 and value.shape != parameters[index].shape:
            shape = tuple(parameters[index].shape)
            return f'{key} of parameter {index} has shape {tuple(value.shape)}, but the parameter has {shape}'
    return None


def replay(schedulers: list, epochs: int, iterations: int, extra: int) -> None:
    """Step newly built schedules to the state that they have after some epochs.

    Args:
        schedulers: Schedulers of mmengine.
        epochs: Completed epochs.
        iterations: Iterations per epoch.
        extra: Completed iterations of the current epoch.
    """
    by_iteration = [s for s in schedulers if not s.by_epoch]
    by_epoch = [s for s in schedulers if s.by_epoch and not getattr(s, 'need_val_args', False)]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch warns, since the optimizer was not stepped before
        for epoch in range(epochs + 1):
            for _ in range((iterations if epoch < epochs else extra) if by_iteration else 0):
                for scheduler in by_iteration:
                    scheduler.step()
            for scheduler in by_epoch if epoch < epochs else ():
                scheduler.step()


class StateHook(Hook):
    """Save the rest of a run's state: accumulated gradients (``cumulative_iters``), the patience of
    ``EarlyStoppingHook``, and the state of schedules that follow a metric.
    """

    priority = 'VERY_HIGH'

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add ``resume`` to checkpoints with an optimizer."""
        if 'optimizer' not in checkpoint:
            return
        wrapper = runner.optim_wrapper
        rest = {}
        if not wrapper.should_update():
            named = runner.model.recognizer.named_parameters()
            rest['gradients'] = {name: p.grad.cpu() for name, p in named if p.grad is not None}
        rest['early_stopping'] = [
            {'wait_count': hook.wait_count, 'best_score': hook.best_score} for hook in _early_stopping(runner)
        ]
        rest['plateau'] = [_numbers(s.state_dict()) for s in _plateau(runner)]
        checkpoint['resume'] = rest


def restore_rest(runner, rest: object, path: str) -> None:
    """Load the state that :class:`StateHook` saved.

    Raises:
        ValueError: If it does not fit the run.
    """
    if not isinstance(rest, dict):
        return
    gradients = rest.get('gradients')
    parameters = dict(runner.model.recognizer.named_parameters())
    for name, value in gradients.items() if isinstance(gradients, dict) else ():
        parameter = parameters.get(name)
        if parameter is None or not isinstance(value, Tensor) or value.shape != parameter.shape or not is_dense(value):
            raise ValueError(f'{path} cannot be resumed: its gradient {_short(name)} does not match any parameter')
        parameter.grad = value.to(parameter)
    for objects, key in ((_early_stopping(runner), 'early_stopping'), (_plateau(runner), 'plateau')):
        saved = rest.get(key)
        for item, values in zip(objects, saved if isinstance(saved, list) else (), strict=False):
            if not isinstance(values, dict) or values != _numbers(values):
                raise ValueError(f'{path} cannot be resumed: its {key} has values that are not numbers')
            vars(item).update({k: v for k, v in values.items() if k in vars(item)})


def _early_stopping(runner) -> list:
    return [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]


def _plateau(runner) -> list:
    return [s for s in runner.param_schedulers or () if getattr(s, 'need_val_args', False)]


def _numbers(values: dict) -> dict:
    return {k: v for k, v in values.items() if isinstance(k, str) and isinstance(v, numbers.Real)}


def average_buffers(modules: list[nn.Module]) -> None:
    """Synchronise the buffers of all processes: average BatchNorm's running statistics, copy others from rank 0.

    Each process sees different batches, so the statistics differ. All processes see equally many batches, so the
    average is unweighted.
    """
    import torch.distributed as dist

    if not dist.is_initialized() or dist.get_world_size() == 1:
        return
    for module in modules:
        for name, buffer in module.named_buffers():
            if name.rpartition('.')[2] in ('running_mean', 'running_var'):
                dist.all_reduce(buffer)
                buffer /= dist.get_world_size()
            else:
                dist.broadcast(buffer, 0)
