"""What a work_dir already holds, and whether the same command goes on there."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from pyskl.engine.checkpoints.files import find_checkpoint, read_checkpoint

# What two configs must agree in for one to continue the other's run. Speed settings and paths of logs may differ.
COMPARED = (
    'model', 'data', 'train_dataloader', 'optimizer', 'optimizer_config', 'optim_wrapper', 'lr_config',
    'param_scheduler', 'total_epochs', 'train_cfg', 'load_from',
)  # fmt: skip
IGNORED = re.compile(
    r'workers_per_gpu|num_workers|persistent_workers|prefetch_factor|^data\.(val|test)(\.|_dataloader)'
)


@dataclass
class Plan:
    """How a training run starts.

    Args:
        resume: The checkpoint to go on from, or None.
        epoch: Epochs that it has seen.
        seed: The seed of the run it belongs to.
        note: The line that tells the user.
    """

    resume: str | None = None
    epoch: int = 0
    seed: int | None = None
    note: str | None = None


def check_writable(work_dir: str | Path) -> None:
    """Make ``work_dir`` and write a file there.

    Raises:
        ValueError: If that cannot be done.
    """
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=work_dir, prefix='.write_test'):
            pass
    except OSError as error:
        raise ValueError(
            f'cannot write to work_dir {work_dir}: {error.strerror or error}; pass another with --work-dir'
        ) from error


def plan_run(cfg: Config, total_epochs: int, overwrite: bool, resume: str | bool | None) -> Plan:
    """Go on, start, or refuse.

    Args:
        cfg: The resolved config of this run; its ``work_dir`` is looked into.
        total_epochs: Of this run.
        overwrite: Start anew and drop the checkpoints that lie there.
        resume: A checkpoint to go on from, True for the newest of ``work_dir``, None for the same if there is one.

    Raises:
        ValueError: If ``work_dir`` belongs to a run of another model, data or schedule; names the keys that differ.
        FileNotFoundError: If a resume was asked for and there is nothing to resume from.
    """
    work_dir = Path(cfg.work_dir)
    if overwrite and resume:
        raise ValueError('--overwrite starts anew and --resume goes on: pass one of them')
    if overwrite:
        return Plan(note=f'starting anew in {work_dir}' if _checkpoints(work_dir) else None)
    resume = resume or cfg.get('resume_from') or cfg.get('resume')
    latest = work_dir / 'latest.pth'
    if isinstance(resume, str):
        path, _ = find_checkpoint(resume)
    elif latest.exists():
        path = str(latest)
    elif _checkpoints(work_dir):  # killed between writing the first checkpoint and the link to it
        path = str(max(work_dir.glob('epoch_*.pth'), key=lambda p: int(p.stem.split('_')[1])))
    elif resume:
        raise FileNotFoundError(f'--resume: {work_dir} holds no checkpoint to go on from')
    else:
        return Plan()
    if not isinstance(resume, str) and not cfg.get('auto_resume', True) and not resume:
        raise ValueError(
            f'{work_dir} holds a run and auto_resume is False; --resume goes on, --overwrite starts anew, '
            '--work-dir names another folder'
        )
    saved = work_dir / Path(cfg.filename).name
    if saved.is_file() and not isinstance(resume, str):
        differing = differences(Config.fromfile(saved), cfg)
        if differing:
            raise ValueError(
                f'{work_dir} holds a run that differs in {"; ".join(differing[:5])}'
                f'{f" and {len(differing) - 5} more keys" if len(differing) > 5 else ""}; '
                '--overwrite starts anew there, --work-dir names another folder'
            )
    meta = read_checkpoint(path)['meta']
    epoch = meta.get('epoch', 0)
    name = os.path.realpath(path)
    if epoch >= total_epochs:
        note = f'finished already: {epoch} of {total_epochs} epochs in {work_dir}; --overwrite trains anew'
    else:
        note = f'going on from {os.path.relpath(name)}: {epoch} of {total_epochs} epochs done; --overwrite starts anew'
    return Plan(name, epoch, meta.get('seed'), note)


def drop_checkpoints(work_dir: str | Path) -> None:
    """Remove the checkpoints of an earlier run; its logs stay."""
    for path in [*_checkpoints(Path(work_dir)), Path(work_dir) / 'last_checkpoint']:
        path.unlink(missing_ok=True)


def _checkpoints(work_dir: Path) -> list[Path]:
    return [path for pattern in ('epoch_*.pth', 'best_*.pth', 'latest.pth') for path in work_dir.glob(pattern)]


def differences(saved: Config, current: Config) -> list[str]:
    """Keys in which two configs describe different runs, each with both values."""
    old, new = _flat(saved), _flat(current)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and not IGNORED.search(key):
            found.append(f'{key} ({old.get(key, "absent")} there, {new.get(key, "absent")} now)')
    return found


def _flat(cfg: Config) -> dict[str, object]:
    flat: dict[str, object] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(f'{prefix}.{key}', item)
        elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
            for i, item in enumerate(value):
                walk(f'{prefix}.{i}', item)
        else:
            flat[prefix] = list(value) if isinstance(value, tuple) else value

    for key in COMPARED:
        if cfg.get(key) is not None:
            walk(key, cfg[key])
    return flat
