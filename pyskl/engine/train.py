"""Train a recognizer from a resolved config."""

import os
import random
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from pyskl.engine.build import build_dataset, build_recognizer, has_several_labels
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.checkpoints.hook import CheckpointHook
from pyskl.engine.checkpoints.pretrained import load_pretrained
from pyskl.engine.config.errors import error_context
from pyskl.engine.config.settings import Settings
from pyskl.engine.distributed import (
    init_distributed,
    on_rank_zero,
    processes_here,
    reporting_lost_peers,
    this_device,
    world,
)
from pyskl.engine.loaders import build_loader, ending_workers, usable_workers
from pyskl.engine.model_wrapper import ModelWrapper, synchronized
from pyskl.engine.optimizer import build_optimizer, check_schedulers
from pyskl.engine.resume import StateHook
from pyskl.engine.run_lock import locked
from pyskl.engine.run_log import RunLogHook
from pyskl.engine.run_record import RunRecord
from pyskl.engine.runner import Runner, TrainLoop
from pyskl.engine.work_dir import (
    Plan,
    check_names,
    check_sources,
    check_writable,
    checkpoint_folder,
    newest_checkpoint,
    plan_run,
    start_record,
)
from pyskl.evaluation.metrics import build_metrics, check_labels
from pyskl.models.layers.absent_persons import obstacle


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


def train(
    cfg: Config,
    *,
    validate: bool = True,
    overwrite: bool = False,
    resume: str | bool | None = None,
    seed: int | None = None,
    diff_rank_seed: bool = False,
    deterministic: bool = False,
    amp: str | None = None,
    compile: bool = False,
    auto_scale_lr: bool = False,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
) -> TrainResult:
    """Start or resume training in ``cfg.work_dir``. See ``tools/train.py --help`` for the arguments.

    Raises:
        ValueError: If config, data, checkpoint and work_dir do not fit each other.
        FileNotFoundError: If a file named in the config or the arguments does not exist.
        OSError: If another run uses the work_dir.
        TerminatedError: After SIGTERM, once a checkpoint has been written.
    """
    settings = Settings.read(cfg, validate, diff_rank_seed)
    process, total = settings.process, settings.epochs
    launcher = process.launcher if launcher == 'none' else launcher
    init_distributed(launcher, process.backend, process.port)
    rank, world_size = world()
    cfg.work_dir = os.path.expanduser(cfg.work_dir)
    folder = checkpoint_folder(cfg)
    with ExitStack() as stack:
        on_rank_zero(check_writable, cfg.work_dir)
        on_rank_zero(lambda: bool(stack.enter_context(locked(cfg.work_dir))))
        full_plan = on_rank_zero(plan_run, cfg, total, overwrite, resume, trust_checkpoint, local=True)
        plan = on_rank_zero(lambda: replace(full_plan, checkpoint=None))
        if plan.note and not plan.problem and rank == 0:
            print(plan.note, flush=True)
        if (plan.epoch >= total or plan.ended) and not plan.problem:
            return result_of(cfg, plan)
        if plan.resume:
            plan.checkpoint = full_plan.checkpoint if rank == 0 else read_checkpoint(plan.resume, trust_checkpoint)
        seed = _seed(settings, seed, plan)
        device = this_device()
        # CPUs are slow with denormal numbers (below 1e-38): InfoGCN's first steps, whose attention is sharp, took 3.1
        # times as long as with zeros instead.
        torch.set_flush_denormal(True)
        stack.callback(torch.set_flush_denormal, False)
        amp = _amp_for(amp or settings.amp, device, rank)
        # Check and build everything before files of an earlier run are removed or replaced, quick checks first.
        evaluation = settings.evaluation
        hooks = {
            'default_hooks': settings.default_hooks,
            'custom_hooks': [*settings.custom_hooks, {'type': StateHook}],
            'log_processor': settings.log_processor,
            'log_level': settings.log_level,
            'visualizer': settings.visualizer,
        }
        checkpoint_hook = hooks['default_hooks'].get('checkpoint')
        if checkpoint_hook and checkpoint_hook.get('type') == 'CheckpointHook':
            checkpoint_hook['type'] = CheckpointHook
        logger_hook = hooks['default_hooks'].get('logger')
        if logger_hook and logger_hook.get('type') == 'LoggerHook':
            logger_hook['type'] = RunLogHook
        with error_context('evaluation'):
            metrics = build_metrics(evaluation.metrics)
        recognizer = build_recognizer(cfg, device, seed + rank if process.diff_rank_seed else seed)
        notes = []
        sources = []
        if plan.problem:
            pass  # raised below, after errors in the config itself
        elif plan.resume:
            load_weights(recognizer, plan.checkpoint, plan.resume)
        else:
            notes, sources = _load_from(settings, recognizer, trust_checkpoint)
            if not sources and not settings.allow_random_frozen:
                _check_frozen(recognizer)
        train_set = build_dataset(cfg, 'train', recognizer)
        loader = _loader(settings, 'train', train_set, seed, device, notes)
        validation = {}
        if validate:
            val_set = build_dataset(cfg, 'val', recognizer)
            check_labels(evaluation.names, has_several_labels(val_set), 'evaluation.metrics')
            validation = {
                'val_dataloader': _loader(settings, 'val', val_set, seed, device, []),
                'val_cfg': {},
                'val_evaluator': Evaluator(metrics),
            }
        if process.sync_bn and world_size > 1:
            recognizer = synchronized(recognizer, device)
        compiled = compile or process.compile
        if compiled:
            recognizer.compile()
        wrapper = ModelWrapper(recognizer, amp, world_size > 1, process.find_unused_parameters)
        batch, base = effective_batch(loader), settings.base_batch_size
        scale = auto_scale_lr or settings.scale_lr
        if scale and not base:
            raise ValueError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config')
        optimizer = build_optimizer(
            settings.optimizer_for(loss_scaling=amp == 'fp16' and device.type == 'cuda'), wrapper
        )
        schedulers = settings.schedule(len(loader))
        check_schedulers(schedulers, len(loader), 'param_scheduler' if cfg.get('param_scheduler') else 'lr_config')
        if plan.problem:
            raise ValueError(plan.problem)
        if overwrite:
            check_sources(folder, sources)
        best = evaluation.save_best if validate else None
        check_names(folder, plan, total, [best] if best else [])
        runner = Runner(
            model=wrapper,
            work_dir=cfg.work_dir,
            train_dataloader=loader,
            train_cfg={
                'type': TrainLoop,
                'max_epochs': total,
                'val_interval': evaluation.interval,
                'val_begin': evaluation.begin,
                'val_offset': evaluation.offset,
            },
            optim_wrapper=optimizer,
            param_scheduler=schedulers,
            auto_scale_lr={'enable': True, 'base_batch_size': base} if scale else None,
            **validation,
            **hooks,
            launcher=launcher,
            env_cfg=process.environment,
            randomness={
                'seed': seed,
                'diff_rank_seed': process.diff_rank_seed,
                'deterministic': deterministic or process.deterministic,
            },
            experiment_name=process.experiment_name,
            cfg=cfg,
        )
        runner.checkpoint, runner.progress, runner.resumed_from = plan.checkpoint, plan.progress, plan.resume
        plan.checkpoint = None  # the runner frees it
        facts = {'seed': seed, 'processes': world_size, 'epochs': total}
        facts['network'] = network_name(settings.config.model.backbone)
        _keep_records(runner, folder, plan, overwrite, facts)
        for note in [*notes, *summary(settings, runner, train_set, loader, batch, seed, amp)]:
            runner.logger.info(note)
        for line in settings.notes:
            runner.logger.warning(line)
        _say_batch(runner, settings.lr, batch, base, scale)
        _say_absent(runner, recognizer, compiled)
        loaders = [loader, *([validation['val_dataloader']] if validate else [])]
        with reporting_lost_peers(), ending_workers(*loaders):
            runner.train()
        return result_of(cfg, plan)


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


def _keep_records(runner: Runner, folder: Path, plan: Plan, overwrite: bool, facts: dict) -> None:
    runner.record = RunRecord(runner.work_dir)
    runner.checkpoint_folder = folder
    same = folder.absolute() == Path(runner.work_dir).absolute()
    runner.checkpoint_record = runner.record if same else RunRecord(folder)

    def start(runner: Runner) -> str:
        return start_record(runner.cfg, runner.record, runner.checkpoint_record, plan, overwrite, **facts)

    runner.start_of_files = start


def _seed(settings: Settings, seed: int | None, plan: Plan) -> int:
    if seed is None:
        seed = settings.process.seed
    if seed is None and plan.progress is not None:
        seed = plan.progress.seed
    if seed is None:
        seed = on_rank_zero(random.SystemRandom().randrange, 2**31)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f'seed must be an integer from 0 to 2**32 - 1, got {seed!r}')
    return seed


def effective_batch(loader) -> int:
    """Clips per iteration, of all processes."""
    return world()[1] * loader.batch_size


def summary(settings: Settings, runner: Runner, train_set, loader, batch: int, seed: int, amp: str | None) -> list[str]:
    """Return log lines that describe the run: effective epochs, batch size, learning rate, iterations."""
    _, world_size = world()
    parameters = sum(p.numel() for p in runner.model.parameters())
    cfg, times, total = settings.config, settings.repeat_times, settings.epochs
    return [
        f'work_dir {cfg.work_dir}; seed {seed}; {runner.model.device}, {amp or "float32"}',
        f'{network_name(cfg.model.backbone)}: {parameters / 1e6:.3f} M parameters',
        f'{total} epochs x {times} (RepeatDataset.times) = {total * times} effective epochs of '
        f'{len(train_set) // times} clips; {len(loader)} iterations per epoch',
        f'effective batch size {batch} ({world_size} x {loader.batch_size}); lr {settings.lr}',
    ]


NAMES = {
    'STGCN': 'ST-GCN', 'CTRGCN': 'CTR-GCN', 'DGSTGCN': 'DG-STGCN', 'MSG3D': 'MS-G3D', 'ResNet3dSlowOnly': 'SlowOnly',
}  # fmt: skip


def network_name(backbone: dict) -> str:
    """Return the paper's name of a backbone."""
    if backbone['type'] == 'STGCN' and backbone.get('tcn_type') == 'mstcn' and backbone.get('gcn_adaptive') == 'init':
        return 'ST-GCN++'
    if backbone['type'] == 'AAGCN' and backbone.get('gcn_attention') is False:
        return '2s-AGCN'
    return NAMES.get(backbone['type'], backbone['type'])


def _say_batch(runner: Runner, lr: float | None, batch: int, base: int | None, scale: bool) -> None:
    if not base or base == batch or lr is None:
        return
    scaled = lr * batch / base
    if scale:
        runner.logger.info(f'--auto-scale-lr: lr {lr} for batch size {base} becomes {scaled:g} for batch size {batch}')
    else:
        runner.logger.warning(
            f'lr {lr} is for batch size {base}, but the effective batch size is {batch}; '
            f'--auto-scale-lr would set lr {scaled:g}'
        )


def _check_frozen(recognizer: torch.nn.Module) -> None:
    frozen = [name for name, p in recognizer.named_parameters() if not p.requires_grad and '_stages.' in name]
    if frozen:
        raise ValueError(
            f'the frozen stages ({", ".join(frozen)}) would keep random weights; load the checkpoint of the smaller '
            'grid with --cfg-options load_from=PATH, or set allow_random_frozen=True'
        )


def _say_absent(runner: Runner, recognizer: torch.nn.Module, compiled: bool) -> None:
    backbone = getattr(recognizer, 'backbone', None)
    if backbone is None or getattr(type(recognizer), 'input_key', 'keypoint') != 'keypoint':
        return
    reason = 'the network is compiled' if compiled else obstacle(backbone)
    once = 'absent persons are computed once per batch, weighted by their number'
    runner.logger.info(once if reason is None else f'absent persons are computed individually: {reason}')


def _loader(settings: Settings, phase: str, dataset, seed: int, device: torch.device, notes: list[str]):
    rank, world_size = world()
    options = asdict(settings.loaders[phase])
    options['workers'], note = usable_workers(options['workers'], processes_here())
    if note:
        notes.append(note)
    return build_loader(
        dataset,
        **options,
        seed=seed,
        rank=rank,
        world_size=world_size,
        pin_memory=device.type == 'cuda',
    )


def _load_from(settings: Settings, recognizer: torch.nn.Module, trust: bool) -> tuple[list[str], list[str]]:
    """Load ``load_from`` or ``pretrained``; return log lines and the paths of the files."""
    pretrained = getattr(recognizer.backbone, 'pretrained', None)
    source = settings.load_from or pretrained
    if not source:
        return [], []
    path, note = find_checkpoint(source)
    checkpoint = read_checkpoint(path, trust)
    if settings.load_from:
        ignore = settings.load_from_ignore or ''
        notes = load_weights(recognizer, checkpoint, path, growing=True, ignore=ignore)
    else:
        notes = load_pretrained(recognizer, checkpoint, path)
    return [*([note] if note else []), f'weights from {path}', *notes], [path]


def _amp_for(amp: str | None, device: torch.device, rank: int) -> str | None:
    if amp == 'auto':
        return 'bf16' if device.type == 'cpu' or torch.cuda.is_bf16_supported() else 'fp16'
    if amp == 'fp16' and device.type == 'cpu':
        if rank == 0:
            print('fp16 needs a GPU; using bf16 on the CPU', flush=True)
        return 'bf16'
    return amp
