"""Inspect a work_dir and decide whether a run starts, resumes, or raises."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from pyskl.engine.checkpoints.files import find_checkpoint, read_checkpoint
from pyskl.engine.checkpoints.hook import INTERRUPTED
from pyskl.engine.resume import Progress, progress
from pyskl.engine.run_record import RunRecord, plain, surroundings
from pyskl.files import replacing

# Keys that must be equal to resume a run with another config. Speed settings, paths of logs and the number of epochs
# may differ.
COMPARED = (
    'model', 'data', 'train_dataloader', 'optimizer', 'optimizer_config', 'optim_wrapper', 'lr_config',
    'param_scheduler', 'load_from',
)  # fmt: skip
IGNORED = re.compile(
    r'workers_per_gpu|num_workers|persistent_workers|prefetch_factor|^data\.(val|test)(\.|_dataloader)'
)
_EPOCH = re.compile(r'epoch_(\d+)\.pth')


@dataclass
class Plan:
    """How a training run starts.

    Args:
        resume: Checkpoint to resume from, or None.
        progress: Progress of that checkpoint's run.
        note: Line for the user.
        problem: Why the run cannot start, raised after the config itself is checked; None if it can.
        checkpoint: Content of ``resume``.
        ended: Whether a hook (``EarlyStoppingHook``) ended the run before its last epoch, and nothing new is asked.
    """

    resume: str | None = None
    progress: Progress | None = None
    note: str | None = None
    problem: str | None = None
    checkpoint: dict | None = None
    ended: bool = False

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return self.progress.epoch if self.progress else 0


@contextlib.contextmanager
def writable(work_dir: str | Path) -> Iterator[None]:
    """Create ``work_dir`` for the block, check that files can be written there, and remove it if none is left behind.

    Raises:
        ValueError: If no file can be written.
    """
    work_dir = Path(work_dir)
    created = [folder for folder in (work_dir, *work_dir.parents) if not os.path.lexists(folder)]
    try:
        try:
            os.makedirs(work_dir, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=work_dir, prefix='.write_test'):
                pass
        except OSError as error:
            raise ValueError(
                f'cannot write to work_dir {work_dir}: {error.strerror or error}; pass another with --work-dir'
            ) from error
        yield
    finally:
        with contextlib.suppress(OSError):  # not empty
            for folder in created:
                folder.rmdir()


def checkpoint_folder(cfg: Config) -> Path:
    """Return the folder of the checkpoints: ``work_dir``, or a subfolder of ``checkpoint_config.out_dir``."""
    work_dir = Path(cfg.work_dir)
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    out_dir = (cfg.get('checkpoint_config') or {}).get('out_dir') or hook.get('out_dir')
    if out_dir is None:
        return work_dir
    if not isinstance(out_dir, str | Path):
        raise ValueError(f'checkpoint_config.out_dir must be a path, got {out_dir!r}')
    inside = work_dir.parts[1:] if work_dir.parts[:1] == ('work_dirs',) else work_dir.parts[-1:]
    return Path(out_dir).expanduser().joinpath(*inside)


def plan_run(cfg: Config, total_epochs: int, overwrite: bool, resume: str | bool | None, trust: bool = False) -> Plan:
    """Decide whether a run starts or resumes.

    Args:
        cfg: The resolved config of this run, with its ``work_dir``.
        total_epochs: Number of epochs of this run.
        overwrite: Whether to start over; earlier checkpoints are removed once the new run trains.
        resume: A checkpoint to resume from, True for the newest of ``work_dir``, None for the newest if there is one.
        trust: Whether to read a checkpoint that could run code.

    Raises:
        ValueError: If the options contradict each other or the checkpoint cannot be resumed.
        FileNotFoundError: If ``resume`` is set but there is no checkpoint.
    """
    work_dir, folder = Path(cfg.work_dir), checkpoint_folder(cfg)
    if overwrite and resume:
        raise ValueError('--overwrite starts over and --resume continues a run; pass one of them')
    _check_owner(folder, work_dir)
    if overwrite:
        return Plan(note=f'starting over in {work_dir}' if RunRecord(folder).checkpoints() else None)
    resume = resume or cfg.get('resume_from') or cfg.get('resume')
    if isinstance(resume, str | Path):
        path, _ = find_checkpoint(os.path.expanduser(resume))
        return _going_on(path, total_epochs, work_dir, None, trust)
    path = newest_checkpoint(folder)
    if path is None:
        best = sorted(p.name for p in folder.glob('best_*.pth'))
        if best and (resume or RunRecord(folder).owns(best[-1])):
            raise ValueError(
                f'{folder} has only {best[-1]}, from which no run can be resumed; pass --overwrite to start over, or '
                'load_from and another --work-dir to start from its weights'
            )
        if resume:
            raise FileNotFoundError(f'--resume: {folder} has no checkpoint to resume from')
        return Plan()
    problem = None
    if not cfg.get('auto_resume', True) and not resume:
        problem = (
            f'{work_dir} has a run and auto_resume is False; pass --resume to continue it, --overwrite to start over, '
            'or another --work-dir'
        )
    plan = _going_on(path, total_epochs, work_dir, problem or _difference(cfg, work_dir, path), trust)
    record = RunRecord(work_dir).content
    ended, planned = record.get('ended_early'), record.get('epochs')
    if resume or not isinstance(ended, int) or not isinstance(planned, int):
        return plan
    plan.ended = plan.problem is None and plan.epoch <= ended < total_epochs <= planned
    if plan.ended:
        plan.note = (
            f'finished already: a hook (EarlyStoppingHook) ended the run after {ended} of {total_epochs} epochs in '
            f'{work_dir}; --resume or more total_epochs continue it, --overwrite trains again'
        )
    return plan


def _check_owner(folder: Path, work_dir: Path) -> None:
    owner = RunRecord(folder).content.get('work_dir') if folder != work_dir else None
    if owner and os.path.abspath(owner) != os.path.abspath(work_dir):
        raise ValueError(
            f'checkpoint_config.out_dir: {folder} has the checkpoints of {owner}; choose another folder for {work_dir}'
        )


def newest_checkpoint(folder: str | Path) -> str | None:
    """Return the checkpoint from which a run in ``folder`` resumes, or None."""
    folder = Path(folder)
    latest = folder / 'latest.pth'
    if latest.exists():
        return str(latest)
    # killed between writing the first checkpoint and the link to it
    epochs = [(int(found[1]), path) for path in folder.glob('epoch_*.pth') if (found := _EPOCH.fullmatch(path.name))]
    return str(max(epochs)[1]) if epochs else None


def _going_on(path: str, total: int, work_dir: Path, problem: str | None, trust: bool) -> Plan:
    name = os.path.realpath(path)
    try:
        checkpoint = read_checkpoint(path, trust)
    except ValueError as error:
        if isinstance(error, UnicodeError) or trust:
            raise
        others = sorted(p.name for p in Path(name).parent.glob('epoch_*.pth') if p.name != os.path.basename(name))
        hint = f'; to use an earlier one, pass --resume {Path(name).parent / others[-1]}' if others else ''
        raise ValueError(f'{error}{hint}') from error
    found = progress(checkpoint, path)
    if found.epoch >= total:
        note = f'finished already: {found.epoch} of {total} epochs in {work_dir}; --overwrite trains again'
    else:
        note = f'resuming from {os.path.relpath(name)}: {found.epoch} of {total} epochs done; --overwrite starts over'
    return Plan(name, found, note, problem, checkpoint)


def _difference(cfg: Config, work_dir: Path, path: str) -> str | None:
    """Return an error message if the run in ``work_dir`` had a config that differs from ``cfg``, else None."""
    saved = RunRecord(work_dir).content.get('config')
    if saved is None and cfg.filename is not None:  # a run of PYSKL, or of an earlier version
        file = work_dir / Path(cfg.filename).name
        if not file.is_file() or os.path.samefile(file, cfg.filename):
            return None
        try:
            saved = Config.fromfile(file)
        except Exception as error:  # a config is a program and may raise any exception
            return (
                f'{file}, the config of the run in this folder, cannot be read ({type(error).__name__}: {error}); '
                f'pass --resume {path} to continue without comparing, or --overwrite to start over'
            )
    differing = differences(saved, cfg) if isinstance(saved, dict | Config) else []
    if not differing:
        return None
    shown = max(1, sum(len(', '.join(differing[: i + 1])) <= 60 for i in range(len(differing))))
    more = f' and {len(differing) - shown} more keys' if len(differing) > shown else ''
    return (
        f'{path} was trained with {", ".join(differing[:shown])}{more}; pass it to --resume, or pass --overwrite or '
        'another --work-dir'
    )


def check_names(folder: Path, plan: Plan, total: int, best: list[str]) -> None:
    """Check that the run overwrites no files of the user.

    Args:
        folder: Folder of the checkpoints.
        plan: How the run starts.
        total: Number of epochs.
        best: Metrics whose best checkpoint is saved.

    Raises:
        ValueError: If it would overwrite a file; names the first.
    """
    record = RunRecord(folder)
    epochs = [f'epoch_{epoch}.pth' for epoch in range(plan.epoch + 1, total + 1)]
    names = [*epochs, *(f'best_{key}_{epoch}'.replace('/', '_') for key in best for epoch in epochs), INTERRUPTED]
    if not plan.resume:
        names.append('latest.pth')
    for name in names:
        if os.path.lexists(folder / name) and not record.owns(name):
            raise ValueError(
                f'{folder} has {name}, which is not recorded as written by a run and would be overwritten; move it, or '
                'pass another --work-dir'
            )


def check_sources(folder: Path, sources: list[str]) -> None:
    """Check that ``--overwrite`` does not remove a file from which the run starts.

    Raises:
        ValueError: If it does; names the file.
    """
    dropped = {os.path.realpath(folder / name): name for name in RunRecord(folder).checkpoints()}
    for source in sources:
        if os.path.realpath(source) in dropped:
            raise ValueError(f'--overwrite would remove {source}, from which this run starts; copy it elsewhere first')


def config_name(cfg: Config, record: RunRecord) -> str:
    """Choose a name in the work_dir for the resolved config: that of the config, unless the user has such a file."""
    base = Path(cfg.filename or 'config.py')
    number = 0
    while True:
        name = base.name if number == 0 else f'{base.stem}.resolved{number if number > 1 else ""}{base.suffix}'
        path = record.folder / name
        own = record.owns(name) and not (cfg.filename and base.exists() and os.path.samefile(path, base))
        if own or not os.path.lexists(path):
            return name
        number += 1


def start_record(cfg: Config, record: RunRecord, checkpoints: RunRecord, plan: Plan, overwrite: bool, **facts) -> str:
    """Create or update the records of a run, and remove obsolete checkpoints.

    Args:
        cfg: The resolved config.
        record: Record of the work_dir.
        checkpoints: Record of the folder of the checkpoints; the same object if that is the work_dir.
        plan: How the run starts.
        overwrite: Whether to remove the checkpoints of the earlier run.
        facts: Further entries, such as the seed.

    Returns:
        The name of the resolved config in the work_dir.
    """
    if overwrite:
        checkpoints.remove(checkpoints.checkpoints())
        record.update(best=None, last=None, seconds=0)
    else:
        source = os.path.basename(plan.resume or '')
        checkpoints.remove([name for name in checkpoints.content.get('remove', []) if name != source])
        _keep_latest(checkpoints, plan)
    name = config_name(cfg, record)
    record.add(name)
    checkpoints.update(work_dir=str(cfg.work_dir), remove=[])
    record.update(
        ended_early=None,
        config_file=name,
        config=plain(cfg.to_dict()),
        resumed_from=plan.resume,
        **facts,
        **surroundings(),
    )
    return name


def _keep_latest(checkpoints: RunRecord, plan: Plan) -> None:
    """Copy a ``latest.pth`` that is a file of the user to another name before a link replaces it."""
    latest = checkpoints.folder / 'latest.pth'
    if latest.is_file() and not latest.is_symlink() and not checkpoints.owns('latest.pth'):
        copy = checkpoints.folder / f'epoch_{plan.epoch}.pth'
        if not copy.exists():
            with latest.open('rb') as old, replacing(copy) as new:
                shutil.copyfileobj(old, new)


def differences(saved: dict | Config, current: Config) -> list[str]:
    """Return the keys in which two configs differ, each with both values."""
    old, new = _flat(saved), _flat(current)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and not IGNORED.search(key):
            found.append(f'{key}={_short(old.get(key, "absent"))} (now {_short(new.get(key, "absent"))})')
    return found


def _short(value: object, most: int = 24) -> str:
    text = str(value)
    return text if len(text) <= most else f'{text[: most - 3]}...'


def _without_idle_layout(item: dict) -> dict:
    """Drop a layout that has no effect because the transform gives the lists itself; it only checks the joints."""
    joints_only = not item.get('with_limb') or item.get('skeletons') is not None
    if item.get('type') in ('Flip', 'GeneratePoseTarget') and item.get('left_kp') is not None and joints_only:
        return {key: value for key, value in item.items() if key != 'layout'}
    return item


def _flat(cfg: dict | Config) -> dict[str, object]:
    flat: dict[str, object] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict) and value:
            for key, item in _without_idle_layout(value).items():
                walk(f'{prefix}.{key}', item)
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for i, item in enumerate(value):
                walk(f'{prefix}.{i}', item)
        else:
            flat[prefix] = value

    for key in COMPARED:
        if cfg.get(key) is not None:
            walk(key, plain(cfg[key]))
    return flat
