"""Result of a training run, read from the records of its work_dir."""

import os
from dataclasses import dataclass, field

from mmengine.config import Config

from pyskl.engine.run_record import RunRecord
from pyskl.engine.work_dir import Plan, checkpoint_folder, newest_checkpoint


@dataclass
class TrainResult:
    """Result of a training run.

    Args:
        work_dir: Folder of the run.
        epoch: Epochs completed before it started; the total if the run was finished already.
        metrics: Metrics of the last validation.
        best: ``metric``, ``value``, ``epoch`` and ``file`` of the best validation, or None.
        last_checkpoint: Path of the newest checkpoint, or None.
        best_checkpoint: Path of the best checkpoint, or None.
    """

    work_dir: str
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    best: dict | None = None
    last_checkpoint: str | None = None
    best_checkpoint: str | None = None


def result_of(cfg: Config, plan: Plan) -> TrainResult:
    """Read the result of a finished run from the records of ``cfg.work_dir``."""
    folder = checkpoint_folder(cfg)
    content = RunRecord(cfg.work_dir).content
    best = content.get('best')
    newest = newest_checkpoint(folder)
    return TrainResult(
        work_dir=cfg.work_dir,
        epoch=plan.epoch,
        metrics={k: v for k, v in (content.get('last') or {}).items() if k != 'epoch'},
        best=best,
        last_checkpoint=os.path.realpath(newest) if newest else None,
        best_checkpoint=best_checkpoint(cfg),
    )


def best_checkpoint(cfg: Config) -> str | None:
    """Return the path of the best checkpoint of the run in ``cfg.work_dir``, or None."""
    folder = checkpoint_folder(cfg)
    best = RunRecord(cfg.work_dir).content.get('best')
    if best and (folder / best['file']).is_file():
        return str(folder / best['file'])
    found = sorted(folder.glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    return str(found[-1]) if found else None


def last_checkpoint(cfg: Config) -> str:
    """Return the path of the newest checkpoint of the run in ``cfg.work_dir``.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = newest_checkpoint(checkpoint_folder(cfg))
    if path is None:
        raise FileNotFoundError(f'{checkpoint_folder(cfg)} has no latest.pth or epoch_*.pth')
    return os.path.realpath(path)
