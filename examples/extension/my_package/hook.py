"""A hook that writes a line after each epoch."""

from pathlib import Path

from mmengine.hooks import Hook

from pyskl.registry import HOOKS


@HOOKS.register_module()
class EpochFile(Hook):
    """Append the number of each finished epoch to a file in the work_dir.

    Args:
        name: Name of the file.
    """

    def __init__(self, name: str = 'epochs.txt') -> None:
        self.name = name

    def after_train_epoch(self, runner) -> None:
        with (Path(runner.work_dir) / self.name).open('a') as file:
            file.write(f'{runner.epoch + 1}\n')
