"""Training logs: text lines, ``metrics.jsonl``, ``TIMESTAMP.log.json`` and curves for TensorBoard.

``metrics.jsonl`` has the lines of all sessions of a run: ``mode`` ('train' or 'val'), ``epoch`` from 1, ``iter`` from
the start of the run, and the values. ``TIMESTAMP.log.json`` has the lines of one session in PYSKL's format, in which
``iter`` counts within the epoch.
"""

import datetime
import json
import math
import time
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook

from pyskl.registry import HOOKS

COLUMNS = 110  # maximal width of a line, including the date and time of the log file
_CLOCK = 20  # '2026-01-01 12:34:56 '
_TIMES = ('time', 'data_time', 'memory', 'epoch', 'iter', 'eta')
HEARTBEAT = 30.0  # seconds without output after which a line is logged within a long interval


@HOOKS.register_module()
class RunLogHook(LoggerHook):
    """Log training every ``interval`` iterations and at the end of each epoch, and every validation.

    Curves named ``train/...`` and ``val/...`` are by epoch; ``iteration/...`` are the means of the intervals by
    iteration.
    """

    def before_run(self, runner) -> None:
        """Reset the sums and the clock."""
        super().before_run(runner)
        self._sums: dict[str, float] = {}
        self._count = 0
        self._last_report = time.monotonic()
        self._started = time.monotonic()

    def before_train_epoch(self, runner) -> None:
        """Reset the sums of the epoch."""
        self._sums, self._count = {}, 0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        """Log at the end of an interval, and every 30 s within a long one."""
        last = batch_idx + 1 == len(runner.train_dataloader)
        if not self.every_n_inner_iters(batch_idx, self.interval) and not (last and not self.ignore_last):
            if time.monotonic() - self._last_report > HEARTBEAT:
                self._last_report = time.monotonic()
                runner.logger.info(f'{_head(runner, batch_idx)}  running')
            return
        if not is_main_process():
            return
        tag, _ = runner.log_processor.get_log_after_iter(runner, batch_idx, 'train')
        values = scalars(tag)
        length = batch_idx % self.interval + 1
        for key, value in values.items():
            self._sums[key] = self._sums.get(key, 0.0) + value * length
        self._count += length
        eta = runner.message_hub.runtime_info.get('eta')
        for line in train_lines(_head(runner, batch_idx), values, tag, eta):
            runner.logger.info(line, extra={'live': True})
        self._last_report = time.monotonic()
        epoch = runner.epoch + 1
        self._write(runner, 'train', epoch, batch_idx + 1, runner.iter + 1, {**values, **times(tag)})
        self._draw(runner, 'iteration', values, runner.iter + 1)
        if last:
            self._draw(runner, 'train', {k: v / self._count for k, v in self._sums.items()}, epoch)

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Do nothing; the progress bar shows it."""

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Log the metrics, and write them to the record of the run."""
        if not is_main_process():
            return
        tag, _ = runner.log_processor.get_log_after_epoch(runner, len(runner.val_dataloader), 'val')
        values = scalars(tag)
        text = '  '.join(f'{key} {value:.4f}' for key, value in values.items())
        # mmcv's and mmengine's heading, [epoch][batches]: scripts that read logs look for it.
        head = f'Epoch(val) [{runner.epoch}][{len(runner.val_dataloader)}]'
        for line in wrapped(head, [text] if text else []):
            runner.logger.info(line)
        self._write(runner, 'val', runner.epoch, len(runner.val_dataloader), runner.iter, {**values, **times(tag)})
        self._draw(runner, 'val', values, runner.epoch)
        runner.begin_files()
        seconds = runner.record.content.get('seconds', 0) + time.monotonic() - self._started
        self._started = time.monotonic()
        runner.record.update(last={'epoch': runner.epoch, **values}, seconds=round(seconds, 1))

    def after_train_epoch(self, runner) -> None:
        """Write the elapsed time and the completed epochs to the record."""
        if is_main_process():
            seconds = runner.record.content.get('seconds', 0) + time.monotonic() - self._started
            self._started = time.monotonic()
            runner.record.update(epoch=runner.epoch + 1, seconds=round(seconds, 1))

    def _write(self, runner, mode: str, epoch: int, inner: int, iteration: int, values: dict) -> None:
        runner.begin_files()
        values = {key: round(value, 6) for key, value in values.items()}
        for name, count in (('metrics.jsonl', iteration), (f'{runner.timestamp}.log.json', inner)):
            line = json.dumps({'mode': mode, 'epoch': epoch, 'iter': count, **values})
            runner.record.add(name)
            with (Path(runner.work_dir) / name).open('a', encoding='utf-8') as file:
                file.write(f'{line}\n')

    def _draw(self, runner, prefix: str, values: dict, step: int) -> None:
        for backend in runner.visualizer._vis_backends.values():
            backend.add_scalars({f'{prefix}/{key}': value for key, value in values.items()}, step=step)


def _head(runner, batch_idx: int) -> str:
    epochs, length = str(runner.max_epochs), str(len(runner.train_dataloader))
    return f'epoch {runner.epoch + 1:>{len(epochs)}}/{epochs}  {batch_idx + 1:>{len(length)}}/{length}'


def scalars(tag: dict) -> dict[str, float]:
    """Return the finite numbers of ``tag``, except times and counters."""
    numbers = {k: v for k, v in tag.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {key: float(value) for key, value in numbers.items() if key not in _TIMES and math.isfinite(value)}


def times(tag: dict) -> dict[str, float]:
    """Return seconds per iteration, seconds of waiting for data, and megabytes on the GPU."""
    return {key: float(tag[key]) for key in ('time', 'data_time', 'memory') if key in tag}


def train_lines(head: str, values: dict, tag: dict, eta: float | None) -> list[str]:
    """Format an interval as one or more lines of at most :data:`COLUMNS` columns."""
    values = dict(values)
    parts = [f'lr {values.pop("lr"):.2e}'] if 'lr' in values else []
    if values.get('loss') == values.get('loss_cls'):
        values.pop('loss_cls', None)  # equal to the total loss
    parts += [f'{key} {value:.4f}' for key, value in values.items()]
    if 'time' in tag:
        waiting = tag.get('data_time', 0.0)
        much = waiting > 0.2 * tag['time']  # more data.workers_per_gpu would help
        parts.append(f'{tag["time"]:.3f} s/it{f" (data {waiting:.3f})" if much else ""}')
    if 'memory' in tag:
        parts.append(f'{tag["memory"]} MB')
    if eta is not None:
        parts.append(f'left {datetime.timedelta(seconds=int(eta))}')
    return wrapped(head, parts)


def wrapped(head: str, parts: list[str]) -> list[str]:
    """Join ``head`` and ``parts`` with two spaces, and wrap them to indented lines of :data:`COLUMNS` columns."""
    lines = [head]
    for part in parts:
        if len(lines[-1]) + 2 + len(part) > COLUMNS - _CLOCK:
            lines.append(' ' * 6)
        lines[-1] += f'  {part}'
    return lines
