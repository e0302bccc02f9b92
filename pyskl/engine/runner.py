"""mmengine's ``Runner`` with files that are never half written, safe reading, and a resume that repeats nothing."""

import logging
import os.path as osp
import platform
import sys
from types import SimpleNamespace

import torch
from mmengine.dist import master_only
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop
from mmengine.runner import Runner as MMEngineRunner
from torch import nn
from tqdm import tqdm

from pyskl.engine.checkpoints.files import load_weights, match_keys, read_checkpoint, save_checkpoint
from pyskl.files import replace_link, replacing_path
from pyskl.zoo.classes import class_names


class TrainLoop(EpochBasedTrainLoop):
    """Epochs, each followed by its validation; a run cut off in between makes up for that validation first."""

    def run(self) -> nn.Module:
        """Train to the last epoch."""
        runner = self.runner
        validated = runner.message_hub.get_info('epoch_validated', 0)
        if self._epoch and self._validation_is_due() and validated < self._epoch:
            runner.call_hook('before_train')
            runner.val_loop.run()
        return super().run()

    def _validation_is_due(self) -> bool:
        if self.runner.val_loop is None or self._epoch < self.val_begin:
            return False
        return self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs


class Runner(MMEngineRunner):
    """See mmengine. Differences: logs and configs lie in ``work_dir`` itself, checkpoints are renamed into place and
    read safely, ``latest.pth`` points to the newest, and the console shows what a user needs to see.
    """

    trust_checkpoint = False

    @property
    def _log_dir(self) -> str:
        # mmengine makes a folder a run; PYSKL's users look for work_dir/TIMESTAMP.log.
        return self.work_dir

    @_log_dir.setter
    def _log_dir(self, value: str) -> None:
        pass

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs):
        """A log file that holds everything, a console that holds the lines of this run."""
        logger = super().build_logger(log_level=log_level, log_file=log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_for_the_console)
                handler.setStream(_AboveTheBar())
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """One line on the machine, and the config; mmengine starts a compiler and nvcc to find out more."""
        device = (
            torch.cuda.get_device_name() if torch.cuda.is_available() else f'CPU, {torch.get_num_threads()} threads'
        )
        self._config_text = self.cfg.pretty_text
        self.logger.info(
            f'Python {platform.python_version()}, torch {torch.__version__}, {platform.platform()}, {device}'
        )
        self.logger.info(f'Config:\n{self._config_text}')

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """The model comes wrapped already."""
        return model

    @master_only
    def dump_config(self) -> None:
        """Save the resolved config of a training run; a test leaves it as it is."""
        if self._train_dataloader is None or self.cfg.filename is None:
            return
        path = osp.join(self.work_dir, osp.basename(self.cfg.filename))
        with replacing_path(path) as temporary:
            self.cfg.dump(temporary)

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """Write under a temporary name, rename, and point ``latest.pth`` to an epoch's file.

        The file carries the names of the classes, if the config has any, as ``meta['classes']``.
        """
        cfg = self.cfg
        if cfg.get('classes') is not None:
            kwargs['meta'] = {**(kwargs.get('meta') or {}), 'classes': class_names(cfg.classes)}
        self.cfg = SimpleNamespace(pretty_text=self._config_text)  # formatting it anew takes a second each time
        try:
            with replacing_path(osp.join(out_dir, filename)) as temporary:
                super().save_checkpoint(str(temporary.parent), temporary.name, *args, **kwargs)
        finally:
            self.cfg = cfg
        if filename.startswith(('epoch_', 'iter_')):
            point_latest(out_dir, filename)

    def load_checkpoint(self, filename: str, map_location=None, strict: bool = True, revise_keys=None) -> dict:
        """Read safely and load every weight."""
        checkpoint = read_checkpoint(filename, trust=self.trust_checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        for note in load_weights(model.recognizer, checkpoint, filename):
            self.logger.info(f'{filename}: {note}')
        checkpoint['state_dict'], _ = match_keys(checkpoint['state_dict'], model.recognizer)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        return checkpoint


def point_latest(folder: str, filename: str) -> None:
    """``folder/latest.pth`` -> ``filename``, replaced in one step; a copy where the file system has no links."""
    latest = osp.join(folder, 'latest.pth')
    try:
        replace_link(latest, filename)
    except OSError:
        save_checkpoint(read_checkpoint(osp.join(folder, filename)), latest)


class _AboveTheBar:
    """A stream whose lines do not break the progress bar."""

    def write(self, text: str) -> None:
        tqdm.write(text, end='')

    def flush(self) -> None:
        sys.stdout.flush()


# For the log file only: what mmengine tells of itself.
_QUIET = (
    'Python 3',
    'Hooks will be executed',
    'Distributed training is not used',
    'Config:',
    'Exp name',
    'Checkpoints will be saved',
    'FileClient',
    'HardDiskBackend',
    'Saving checkpoint at',
)


def _for_the_console(record: logging.LogRecord) -> bool:
    text = record.getMessage()[:200]
    return not any(quiet in text for quiet in _QUIET)
