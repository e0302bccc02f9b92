"""Hooks of the training loop: seeds, progress bar, log lines, and the check of the loss."""

import datetime
import math
import os
import sys

import numpy as np
import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import Hook, RuntimeInfoHook
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend
from tqdm import tqdm

from pyskl.engine.optimizer import ClipNorm
from pyskl.registry import HOOKS


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seed torch before each iteration, so that randomness in a network (dropout, noise) depends only on the seed and
    the iteration, not on loader workers or interruptions.

    Args:
        diff_rank_seed: Use different dropout masks on each process.
    """

    priority = 'VERY_HIGH'

    def __init__(self, diff_rank_seed: bool = False) -> None:
        self.diff_rank_seed = diff_rank_seed

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed torch from (seed, iteration, rank)."""
        rank = get_rank() if self.diff_rank_seed else 0
        torch.manual_seed(step_seed(runner.seed, runner.iter, rank))


def step_seed(seed: int, iteration: int, rank: int) -> int:
    """Derive the seed of one iteration in one process."""
    return int(np.random.SeedSequence([seed, iteration, rank]).generate_state(1, np.uint64)[0])


@HOOKS.register_module()
class ValidatedHook(Hook):
    """Store the last validated epoch in the checkpoint."""

    priority = 'VERY_HIGH'  # before the checkpoint hook writes a new best

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Store the epoch."""
        runner.message_hub.update_info('epoch_validated', runner.epoch)


@HOOKS.register_module()
class LossHook(RuntimeInfoHook):
    """Log the mean loss of an interval; raise if the loss is not finite.

    mmengine's own hook reads every logged value at every iteration, which synchronises the GPU. This hook accumulates
    on the device and reads once per interval (at each iteration on CPU, where reading is free).

    Args:
        interval: Iterations between two readings.

    Raises:
        ValueError: If a loss is not finite during training; names the iteration and the clips.
    """

    def __init__(self, interval: int = 20) -> None:
        self.interval = interval
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0
        self._pending: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def before_train_epoch(self, runner) -> None:
        """Start an interval."""
        super().before_train_epoch(runner)
        self._sums, self._count, self._pending = {}, 0, []

    def after_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None):
        """Add up ``outputs``; check and log them at the end of an interval."""
        for key, value in outputs.items():
            if key == 'top5_acc' and self._few_classes(runner):
                continue  # always 1
            self._sums[key] = self._sums[key] + value if key in self._sums else value.clone()
        self._count += 1
        self._pending.append((runner.iter, outputs['loss'], data_batch['sample_index']))
        ends = batch_idx + 1 == len(runner.train_dataloader) or (batch_idx + 1) % self.interval == 0
        if ends or outputs['loss'].device.type == 'cpu':
            self._check(runner)
        if ends:
            for key, value in self._sums.items():
                runner.message_hub.log_scalars.pop(f'train/{key}', None)  # the log line covers this interval only
                runner.message_hub.update_scalar(f'train/{key}', value.item() / self._count)
            self._sums, self._count = {}, 0
            wrapper = getattr(runner, 'optim_wrapper', None)
            if isinstance(getattr(wrapper, 'clip_func', None), ClipNorm):
                for norm in wrapper.clip_func.read():
                    runner.message_hub.update_scalar(f'train/{wrapper.grad_name}', norm)

    @staticmethod
    def _few_classes(runner) -> bool:
        head = getattr(runner.model.recognizer, 'cls_head', None)
        return (getattr(head, 'num_classes', None) or 6) <= 5

    def _check(self, runner) -> None:
        losses = torch.stack([loss for _, loss, _ in self._pending]).tolist()
        for (iteration, _, indices), loss in zip(self._pending, losses, strict=True):
            if not math.isfinite(loss):
                names = runner.train_dataloader.dataset.dataset.names
                clips = ', '.join(str(names[index]) for index in indices.tolist())
                raise ValueError(
                    f'the loss is {loss} at iteration {iteration + 1} (epoch {runner.epoch + 1}); clips: {clips}; '
                    'a smaller optimizer.lr or optimizer_config.grad_clip may help'
                )
        self._pending = []


def shows_bar() -> bool:
    """Whether stderr is a terminal of known size.

    ``docker run -t`` may create a terminal of 0 rows, in which tqdm shows nothing.
    """
    if not sys.stderr.isatty():
        return False
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        return False
    return columns > 0 and rows > 1


@HOOKS.register_module()
class BarHook(Hook):
    """Progress bar per epoch, if :func:`shows_bar`, with loss, accuracy, learning rate, and time left of the run."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def before_train_epoch(self, runner) -> None:
        """Open the bar of the epoch."""
        if is_main_process():
            self._close()
            self._bar = tqdm(
                total=len(runner.train_dataloader),
                initial=runner.train_loop.first_batch,
                desc=f'epoch {runner.epoch + 1}/{runner.max_epochs}',
                unit='it',
                disable=not shows_bar(),
                dynamic_ncols=True,
                bar_format='{desc} {bar} {n_fmt}/{total_fmt} {rate_fmt}{postfix}',
            )

    def after_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None):
        """Advance by one step."""
        if self._bar is not None:
            if not self._bar.disable:
                self._bar.set_postfix_str(live_values(runner.message_hub), refresh=False)
            self._bar.update()

    def after_train_epoch(self, runner) -> None:
        """Close the bar; its line stays on the screen."""
        self._close()

    def after_train(self, runner) -> None:
        """Close the bar."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def before_test_epoch(self, runner) -> None:
        """Open a bar over the test batches."""
        if is_main_process():
            self._bar = tqdm(total=len(runner.test_dataloader), desc='testing', unit='batch', disable=not shows_bar())

    def after_test_iter(self, runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None):
        """Advance by one step."""
        if self._bar is not None:
            self._bar.update()

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Close the bar."""
        self._close()


def live_values(message_hub) -> str:
    """Format the values logged last: ``'loss 1.2345  top1 0.512  lr 1.0e-02  left 0:12:00'``."""
    formats = (('loss', 'loss {:.4f}'), ('top1_acc', 'top1 {:.3f}'), ('lr', 'lr {:.1e}'))
    scalars = message_hub.log_scalars
    parts = [text.format(scalars[f'train/{key}'].current()) for key, text in formats if f'train/{key}' in scalars]
    eta = message_hub.runtime_info.get('eta')
    if eta is not None:
        parts.append(f'left {datetime.timedelta(seconds=int(eta))}')
    return '  '.join(parts)


@VISBACKENDS.register_module()
class JsonLinesBackend(BaseVisBackend):
    """``work_dir/TIMESTAMP.log.json``: one JSON object per log line, as PYSKL's tools read it."""

    def _init_env(self) -> None:
        """Do nothing; there is no file to open."""

    @property
    def experiment(self) -> 'JsonLinesBackend':
        """Return self; there is no separate writer."""
        return self

    def add_scalar(self, name: str, value: float, step: int = 0, **kwargs) -> None:
        """Do nothing; the file contains complete lines only."""

    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs) -> None:
        """Do nothing; :class:`pyskl.engine.run_log.RunLogHook` writes the lines."""
