"""mmengine's ``Runner`` with atomic writing, safe reading of checkpoints, and exact resume."""

import logging
import os.path as osp
import platform
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.distributed as dist
from mmengine.dist import is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop
from mmengine.runner import Runner as MMEngineRunner
from torch import nn
from tqdm import tqdm

from pyskl.engine.checkpoints.files import load_weights, match_keys, read_checkpoint, save_checkpoint
from pyskl.engine.checkpoints.hook import INTERRUPTED
from pyskl.engine.hooks import shows_bar
from pyskl.engine.resume import Progress, average_buffers, replay, restore_optimizer, restore_rest
from pyskl.engine.run_record import RunRecord
from pyskl.engine.stop import Stopper
from pyskl.errors import TerminatedError
from pyskl.files import remove_leftovers, replace_link, replacing_path
from pyskl.zoo.classes import class_names


class TrainLoop(EpochBasedTrainLoop):
    """Train epochs with validation. A resumed run first repeats a missing validation of its last epoch.

    A run that was stopped within an epoch resumes at the next batch.

    Args:
        val_offset: Epoch ``e`` is validated if ``(e - val_offset) % val_interval == 0``; the last epoch always is.
        args, kwargs: Arguments of mmengine's loop.
    """

    first_batch = 0  # of the current epoch

    def __init__(self, *args, val_offset: int = 0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.val_offset, self._every = val_offset, self.val_interval

    def _decide_current_val_interval(self) -> None:
        """Set the interval to 1 if a validation is due, else beyond the last epoch; mmengine tests divisibility."""
        self.val_interval = 1 if self._validation_is_due() else self._max_epochs + 1

    def run(self) -> nn.Module:
        """Train to the last epoch."""
        runner = self.runner
        validated = runner.message_hub.get_info('epoch_validated', 0)
        if self._epoch and not self.first_batch and self._validation_is_due() and validated < self._epoch:
            runner.call_hook('before_train')
            runner.val_loop.run()
        with runner.stopper.listening():
            model = super().run()
        if self.stop_training and self._epoch < self._max_epochs and is_main_process():
            runner.record.update(ended_early=self._epoch)
            runner.logger.info(
                f'a hook (EarlyStoppingHook) ended the run after {self._epoch} of {self._max_epochs} epochs; --resume '
                'or more total_epochs continue it'
            )
        return model

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of it."""
        runner = self.runner
        runner.call_hook('before_train_epoch')
        runner.model.train()
        if self.first_batch:
            self.dataloader.sampler.first = self.first_batch * self.dataloader.batch_size
        for batch_idx, batch in enumerate(self.dataloader, self.first_batch):
            self.run_iter(batch_idx, batch)
            runner.begin_files()
            last = batch_idx + 1 == len(self.dataloader)
            if not last and runner.stopper.due(self._iter):
                self._stop()
        self.first_batch = self.dataloader.sampler.first = 0
        runner.synchronize()
        runner.call_hook('after_train_epoch')
        self._epoch += 1
        if self._epoch < self._max_epochs and runner.stopper.due(self._iter):
            self._stop()

    def _stop(self) -> None:
        runner = self.runner
        runner.synchronize()
        meta = {'epoch': self._epoch, 'iter': self._iter}
        runner.save_checkpoint(str(runner.checkpoint_folder), INTERRUPTED, meta=meta, by_epoch=False)
        runner.wait_for_all()
        raise TerminatedError(
            f'stopped by SIGTERM in epoch {self._epoch + 1} after {self._iter} iterations; '
            f'{runner.checkpoint_folder / INTERRUPTED} is written; the same command resumes the run'
        )

    def _validation_is_due(self) -> bool:
        if self.runner.val_loop is None or self._epoch < self.val_begin:
            return False
        return (self._epoch - self.val_offset) % self._every == 0 or self._epoch == self._max_epochs


class Runner(MMEngineRunner):
    """mmengine's runner with these differences: logs and configs are written to ``work_dir`` itself, checkpoints are
    written atomically and read safely, ``latest.pth`` points to the newest, and the console output is short.

    Attributes:
        checkpoint: Checkpoint to resume from, as returned by ``read_checkpoint``, or None.
        progress: Progress of that checkpoint's run.
        resumed_from: Path of that checkpoint, or None.
        record: Record of ``work_dir``; None in a test.
        checkpoint_folder: Folder of the checkpoints.
        checkpoint_record: Record of that folder.
        start_of_files: Called once, on rank 0, before the run writes its first file other than the log.
    """

    checkpoint: dict | None = None
    progress: Progress | None = None
    resumed_from: str | None = None
    record: RunRecord | None = None
    checkpoint_folder: Path
    checkpoint_record: RunRecord
    start_of_files = None

    def __init__(self, *args, **kwargs) -> None:
        self.stopper = Stopper()
        super().__init__(*args, **kwargs)

    @property
    def _log_dir(self) -> str:
        # mmengine creates a folder per run; PYSKL writes work_dir/TIMESTAMP.log.
        return self.work_dir

    @_log_dir.setter
    def _log_dir(self, value: str) -> None:
        pass

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs):
        """Write all lines to the log file, and only those of interest to the console."""
        logger = super().build_logger(log_level=log_level, log_file=log_file, **kwargs)
        for handler in logger.handlers:
            in_file = isinstance(handler, logging.FileHandler)
            handler.addFilter(lambda record: 'will be deprecated' not in record.getMessage())  # mmengine about itself
            handler.setFormatter(_Lines('%Y-%m-%d %H:%M:%S' if in_file else '%H:%M:%S'))
            if not in_file:
                handler.addFilter(_for_the_console)
                handler.setStream(_AboveTheBar())
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Log versions, machine and config; mmengine would run a compiler and nvcc for more."""
        device = (
            torch.cuda.get_device_name() if torch.cuda.is_available() else f'CPU, {torch.get_num_threads()} thread(s)'
        )
        self._config_text = self.cfg.pretty_text
        self.logger.info(f'Python {platform.python_version()}, torch {torch.__version__}, {device}')
        self.logger.info(f'Platform: {platform.platform()}')
        self.logger.info(f'Config:\n{self._config_text}')

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Return the model unchanged; it is wrapped already."""
        return model

    def dump_config(self) -> None:
        """Do nothing; :meth:`begin_files` writes the config."""

    def begin_files(self) -> None:
        """Call ``start_of_files`` and save the config, once, after the first successful iteration."""
        if self.start_of_files is None:
            return
        start, self.start_of_files = self.start_of_files, None
        if is_main_process():
            remove_leftovers(self.work_dir)
            if self.checkpoint_folder.is_dir():
                remove_leftovers(self.checkpoint_folder)
            name = start(self)
            with replacing_path(osp.join(self.work_dir, name)) as temporary:
                self.cfg.dump(temporary)

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """Write a checkpoint atomically, and point ``latest.pth`` to it if a run can be resumed from it.

        ``meta['classes']`` are the class names of the config, if it has any.
        """
        self.begin_files()
        self.checkpoint_record.add(filename)
        cfg = self.cfg
        if cfg.get('classes') is not None:
            kwargs['meta'] = {**(kwargs.get('meta') or {}), 'classes': class_names(cfg.classes)}
        self.cfg = SimpleNamespace(pretty_text=self._config_text)  # formatting the config again would take a second
        try:
            with replacing_path(osp.join(out_dir, filename)) as temporary:
                super().save_checkpoint(str(temporary.parent), temporary.name, *args, **kwargs)
        finally:
            self.cfg = cfg
        if filename.startswith(('epoch_', 'iter_', INTERRUPTED)):
            self.checkpoint_record.add('latest.pth')
            point_latest(out_dir, filename)

    def load_or_resume(self) -> None:
        """Resume from ``checkpoint``, if there is one."""
        if self._has_loaded or self.checkpoint is None:
            return
        checkpoint, path, progress = self.checkpoint, self.resumed_from, self.progress
        self._has_loaded, self._resume = True, True
        model = self.model.module if is_model_wrapper(self.model) else self.model
        checkpoint['state_dict'], _ = match_keys(checkpoint['state_dict'], model.recognizer)
        try:
            self.call_hook('after_load_checkpoint', checkpoint=checkpoint)  # EMAHook restores the trained weights
        except (RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{path} cannot be resumed: {str(error).splitlines()[0]}') from error
        for note in load_weights(model.recognizer, checkpoint, path):
            self.logger.info(f'{path}: {note}')
        loop, length = self.train_loop, len(self.train_dataloader)
        extra = progress.iteration - progress.epoch * length
        if not 0 <= extra < length or (extra and not hasattr(self.train_dataloader.sampler, 'first')):
            self.logger.warning(
                f'{path} has {progress.iteration} iterations in {progress.epoch} epochs, but an epoch now has '
                f'{length}: resuming at the start of epoch {progress.epoch + 1}'
            )
            extra = 0
        loop._epoch, loop._iter, loop.first_batch = progress.epoch, progress.epoch * length + extra, extra
        for key, value in progress.info.items():
            self.message_hub.update_info(key, value)
        restore_optimizer(self.optim_wrapper, checkpoint['optimizer'], path)
        replay(self.param_schedulers or [], progress.epoch, length, extra)
        saved = checkpoint.get('resume')
        if isinstance(saved, dict) and self.record is not None and self.record.content.get('ended_early') is not None:
            # --resume after early stopping: with the saved patience the run would end at once.
            saved = {key: value for key, value in saved.items() if key != 'early_stopping'}
        restore_rest(self, saved, path)
        self.logger.info(f'resuming after epoch {loop.epoch}, iteration {loop.iter}')
        self.checkpoint = None  # free the memory

    def synchronize(self) -> None:
        """Average buffers and accumulated gradients over the processes, before a validation or a checkpoint."""
        averaged = [hook.ema_model.module for hook in self.hooks if hasattr(hook, 'ema_model')]
        average_buffers([self.model.recognizer, *averaged])
        wrapper = self.optim_wrapper
        if dist.is_initialized() and dist.get_world_size() > 1 and not wrapper.should_update():
            for parameter in self.model.recognizer.parameters():  # gradients accumulated by cumulative_iters
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= dist.get_world_size()

    def wait_for_all(self) -> None:
        """Wait for all processes."""
        if dist.is_initialized():
            dist.barrier()


class TestRunner(Runner):
    """Runner for tests; writes no files."""

    __test__ = False  # not a test for pytest

    def __init__(self, **kwargs) -> None:
        with tempfile.TemporaryDirectory() as folder:  # mmengine needs a work_dir
            super().__init__(work_dir=folder, **kwargs)

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs):
        """Log to the console only."""
        logger = MMLogger.get_instance(self.experiment_name, logger_name='pyskl', log_level=log_level)
        for handler in logger.handlers:
            handler.setFormatter(_Lines('%H:%M:%S'))
        return logger


def point_latest(folder: str, filename: str) -> None:
    """Make ``folder/latest.pth`` a link to ``filename``, atomically; or a copy, if links are not supported."""
    latest = osp.join(folder, 'latest.pth')
    try:
        replace_link(latest, filename)
    except OSError:
        save_checkpoint(read_checkpoint(osp.join(folder, filename)), latest)


class _Lines(logging.Formatter):
    """``TIME TEXT``, or ``TIME WARNING TEXT``; without colours, so that it is readable on any background."""

    def __init__(self, clock: str) -> None:
        super().__init__('%(asctime)s %(level)s%(message)s', clock)

    def format(self, record: logging.LogRecord) -> str:
        record.level = '' if record.levelno == logging.INFO else f'{record.levelname} '
        return super().format(record)


class _AboveTheBar:
    """Stream that prints lines above the progress bar."""

    def write(self, text: str) -> None:
        tqdm.write(text, end='')

    def flush(self) -> None:
        sys.stdout.flush()


# Lines of mmengine about itself, written to the log file only.
_QUIET = (
    'Python 3',
    'Platform: ',
    'Hooks will be executed',
    'Distributed training is not used',
    'Config:',
    'Exp name',
    'Checkpoints will be saved',
    'FileClient',
    'HardDiskBackend',
    'Saving checkpoint at',
    'Resumed iteration number is not divisible',
)


def _for_the_console(record: logging.LogRecord) -> bool:
    if getattr(record, 'live', False) and shows_bar():
        return False  # shown by the progress bar
    text = record.getMessage()[:200]
    return not any(quiet in text for quiet in _QUIET)
