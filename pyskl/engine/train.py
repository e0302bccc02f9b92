"""Train a recognizer from a resolved config."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from torch import nn

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
from pyskl.engine.freed_memory import keeping_freed_memory
from pyskl.engine.loaders import build_loader, ending_workers, usable_workers
from pyskl.engine.matmul_precision import matmul_precision
from pyskl.engine.model_wrapper import ModelWrapper, synchronized
from pyskl.engine.optimizer import build_optimizer, check_schedulers
from pyskl.engine.resume import StateHook
from pyskl.engine.run_lock import locked
from pyskl.engine.run_log import RunLogHook
from pyskl.engine.run_record import RunRecord
from pyskl.engine.run_result import TrainResult, result_of
from pyskl.engine.run_summary import effective_batch, log_absent, log_batch, network_name, summary
from pyskl.engine.runner import Runner, TrainLoop
from pyskl.engine.work_dir import (
    Plan,
    check_names,
    check_sources,
    checkpoint_folder,
    plan_run,
    start_record,
    writable,
)
from pyskl.evaluation.metrics import build_metrics, check_labels


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
    cfg.work_dir = os.path.expanduser(cfg.work_dir)
    with ExitStack() as stack:
        plan = _plan(stack, settings, overwrite, resume, trust_checkpoint)
        if (plan.epoch >= total or plan.ended) and not plan.problem:
            return result_of(cfg, plan)
        seed = _seed(settings, seed, plan)
        stack.enter_context(_flushing_denormals())
        stack.enter_context(matmul_precision(process.float32_matmul_precision))
        # Build and check everything before files of an earlier run are removed or replaced, quick checks first.
        device = this_device()
        amp = _amp_for(amp or settings.amp, device, world()[0])
        hooks = _hooks(settings)
        with error_context('evaluation'):
            metrics = build_metrics(settings.evaluation.metrics)
        recognizer, notes, sources = _network(settings, plan, device, seed, trust_checkpoint)
        train_set, loader = _train_data(settings, recognizer, seed, device, notes)
        validation = _validation(settings, recognizer, metrics, seed, device) if validate else {}
        model = _wrapped(settings, recognizer, device, amp, compile)
        optimizer, schedulers = _optimization(settings, model, loader, amp, device)
        base, scale = settings.base_batch_size, auto_scale_lr or settings.scale_lr
        if scale and not base:
            raise ValueError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config')
        _check_outputs(settings, plan, overwrite, sources, validate)
        runner = Runner(
            model=model,
            work_dir=cfg.work_dir,
            train_dataloader=loader,
            train_cfg={
                'type': TrainLoop,
                'max_epochs': total,
                'val_interval': settings.evaluation.interval,
                'val_begin': settings.evaluation.begin,
                'val_offset': settings.evaluation.offset,
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
        network = network_name(cfg.model.backbone)
        facts = {'seed': seed, 'processes': world()[1], 'epochs': total, 'network': network}
        _keep_records(runner, checkpoint_folder(cfg), plan, overwrite, facts)
        for note in [*notes, *summary(settings, runner, train_set, loader, seed, amp)]:
            runner.logger.info(note)
        for line in settings.notes:
            runner.logger.warning(line)
        log_batch(runner, settings.lr, effective_batch(loader), base, scale)
        log_absent(runner, recognizer, compile or process.compile)
        loaders = [loader, *([validation['val_dataloader']] if validate else [])]
        with keeping_freed_memory(device), reporting_lost_peers(), ending_workers(*loaders):
            runner.train()
        return result_of(cfg, plan)


def _plan(stack: ExitStack, settings: Settings, overwrite: bool, resume: str | bool | None, trust: bool) -> Plan:
    """Create and lock the work_dir until ``stack`` is closed and decide, on rank 0, whether to start or resume.

    The checkpoint to resume from is read by every process, instead of being sent by rank 0.
    """
    cfg = settings.config
    on_rank_zero(lambda: bool(stack.enter_context(writable(cfg.work_dir))))
    on_rank_zero(lambda: bool(stack.enter_context(locked(cfg.work_dir))))
    full_plan = on_rank_zero(plan_run, cfg, settings.epochs, overwrite, resume, trust, local=True)
    plan = on_rank_zero(lambda: replace(full_plan, checkpoint=None))
    rank = world()[0]
    if plan.note and not plan.problem and rank == 0:
        print(plan.note, flush=True)
    finished = (plan.epoch >= settings.epochs or plan.ended) and not plan.problem
    if plan.resume and not finished:
        plan.checkpoint = full_plan.checkpoint if rank == 0 else read_checkpoint(plan.resume, trust)
    return plan


@contextmanager
def _flushing_denormals() -> Iterator[None]:
    """Replace numbers below 1e-38 by zero in the block.

    CPUs are slow with them: InfoGCN's first steps, whose attention is sharp, took 3.1 times as long.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _hooks(settings: Settings) -> dict:
    """Arguments of the runner: hooks and logs, with our checkpoint and log hooks in place of mmengine's."""
    default_hooks = settings.default_hooks
    for key, name, hook in (('checkpoint', 'CheckpointHook', CheckpointHook), ('logger', 'LoggerHook', RunLogHook)):
        if default_hooks.get(key) and default_hooks[key].get('type') == name:
            default_hooks[key]['type'] = hook
    return {
        'default_hooks': default_hooks,
        'custom_hooks': [*settings.custom_hooks, {'type': StateHook}],
        'log_processor': settings.log_processor,
        'log_level': settings.log_level,
        'visualizer': settings.visualizer,
    }


def _network(
    settings: Settings, plan: Plan, device: torch.device, seed: int, trust: bool
) -> tuple[nn.Module, list[str], list[str]]:
    """Build the recognizer with its initial weights; return it, log lines, and the files it was loaded from."""
    recognizer = build_recognizer(
        settings.config, device, seed + world()[0] if settings.process.diff_rank_seed else seed
    )
    if plan.problem:  # raised later, after errors in the config itself
        return recognizer, [], []
    if plan.resume:
        load_weights(recognizer, plan.checkpoint, plan.resume)
        return recognizer, [], []
    notes, sources = _load_from(settings, recognizer, trust)
    if not sources and not settings.allow_random_frozen:
        _check_frozen(recognizer)
    return recognizer, notes, sources


def _train_data(settings: Settings, recognizer: nn.Module, seed: int, device: torch.device, notes: list[str]):
    """Build training data and loader; add log lines to ``notes``."""
    train_set = build_dataset(settings.config, 'train', recognizer)
    return train_set, _loader(settings, 'train', train_set, seed, device, notes)


def _validation(settings: Settings, recognizer: nn.Module, metrics: list, seed: int, device: torch.device) -> dict:
    """Arguments of the runner for validation."""
    val_set = build_dataset(settings.config, 'val', recognizer)
    check_labels(settings.evaluation.names, has_several_labels(val_set), 'evaluation.metrics')
    return {
        'val_dataloader': _loader(settings, 'val', val_set, seed, device, []),
        'val_cfg': {},
        'val_evaluator': Evaluator(metrics),
    }


def _wrapped(
    settings: Settings, recognizer: nn.Module, device: torch.device, amp: str | None, compiled: bool
) -> ModelWrapper:
    process, distributed = settings.process, world()[1] > 1
    if process.sync_bn and distributed:
        recognizer = synchronized(recognizer, device)
    if compiled or process.compile:
        recognizer.compile()
    return ModelWrapper(recognizer, amp, distributed, process.find_unused_parameters)


def _optimization(settings: Settings, model: ModelWrapper, loader, amp: str | None, device: torch.device):
    """Build the optimizer; return it and the checked configs of the schedules."""
    scaling = amp == 'fp16' and device.type == 'cuda'
    optimizer = build_optimizer(settings.optimizer_for(loss_scaling=scaling), model)
    schedulers = settings.schedule(len(loader))
    key = 'param_scheduler' if settings.config.get('param_scheduler') else 'lr_config'
    check_schedulers(schedulers, len(loader), key)
    return optimizer, schedulers


def _check_outputs(settings: Settings, plan: Plan, overwrite: bool, sources: list[str], validate: bool) -> None:
    """Raise what :func:`_plan` found, and if a checkpoint would replace a file that the run does not own."""
    if plan.problem:
        raise ValueError(plan.problem)
    folder, best = checkpoint_folder(settings.config), settings.evaluation.save_best
    if overwrite:
        check_sources(folder, sources)
    check_names(folder, plan, settings.epochs, [best] if best and validate else [])


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


def _check_frozen(recognizer: nn.Module) -> None:
    frozen = [name for name, p in recognizer.named_parameters() if not p.requires_grad and '_stages.' in name]
    if frozen:
        raise ValueError(
            f'the frozen stages ({", ".join(frozen)}) would keep random weights; load the checkpoint of the smaller '
            'grid with --cfg-options load_from=PATH, or set allow_random_frozen=True'
        )


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


def _load_from(settings: Settings, recognizer: nn.Module, trust: bool) -> tuple[list[str], list[str]]:
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
