"""A training run, from a resolved config to its last checkpoint."""

import os
import random

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from pyskl.engine.build import build_dataset, build_recognizer
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.checkpoints.pretrained import load_pretrained
from pyskl.engine.config import settings as schema
from pyskl.engine.config.errors import named
from pyskl.engine.distributed import init_distributed, this_device, world
from pyskl.engine.loaders import build_loader, ending_workers
from pyskl.engine.model_wrapper import Stepper
from pyskl.engine.optimizer import build_optimizer, check_schedulers
from pyskl.engine.runner import Runner, TrainLoop
from pyskl.engine.work_dir import Plan, check_writable, drop_checkpoints, plan_run
from pyskl.registry import METRICS, build_component


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
) -> Plan:
    """Train, or go on, in ``cfg.work_dir``. See ``tools/train.py --help`` for the arguments.

    Returns:
        How the run started; ``plan.epoch`` tells a run that was finished already.

    Raises:
        ValueError: If config, data, checkpoint and work_dir do not fit one another.
        FileNotFoundError: If a file that they name is not there.
    """
    total = schema.epochs(cfg)
    init_distributed(launcher, (cfg.get('dist_params') or {}).get('backend'))
    rank, world_size = world()
    check_writable(cfg.work_dir)
    plan = _same_everywhere(plan_run(cfg, total, overwrite, resume) if rank == 0 else None)
    if plan.note and rank == 0:
        print(plan.note, flush=True)
    if plan.epoch >= total:
        return plan
    if seed is None:
        seed = cfg.get('seed', (cfg.get('randomness') or {}).get('seed'))
    if seed is None:
        seed = plan.seed if plan.seed is not None else _same_everywhere(random.SystemRandom().randrange(2**31))
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f'seed must be an integer from 0 to 2**32 - 1, got {seed!r}')

    device = this_device()
    # A CPU computes with numbers below 1e-38 so slowly that InfoGCN's first steps, whose attention begins sharp, took
    # 3.1 times as long as with zeros in their place.
    torch.set_flush_denormal(True)
    amp = _amp_for(amp or schema.amp(cfg), device, rank)
    # What can be wrong is built or tried before an earlier run's files are dropped or replaced, what is quick first.
    evaluation = schema.evaluation(cfg)
    hooks = {
        'default_hooks': schema.default_hooks(cfg, validate),
        'custom_hooks': schema.custom_hooks(cfg, diff_rank_seed),
        'log_processor': {'window_size': schema.log_interval(cfg), 'by_epoch': True},
        'log_level': schema.log_level(cfg),
        'visualizer': schema.visualizer(cfg),
    }
    evaluator = _evaluator(evaluation)
    recognizer = build_recognizer(cfg, device, seed + rank if diff_rank_seed else seed)
    notes = []
    if plan.resume:
        _check_resumable(plan.resume, recognizer, trust_checkpoint)
    else:
        notes = _load_from(cfg, recognizer, trust_checkpoint)
    train_set = build_dataset(cfg, 'train', recognizer)
    loader = _loader(cfg, 'train', train_set, seed, device)
    validation = {}
    if validate:
        validation = {
            'val_dataloader': _loader(cfg, 'val', build_dataset(cfg, 'val'), seed, device),
            'val_cfg': {},
            'val_evaluator': evaluator,
        }
    if compile or cfg.get('compile'):
        recognizer.compile()
    stepper = Stepper(recognizer, amp, world_size > 1, bool(cfg.get('find_unused_parameters', False)))
    batch, base = world_size * loader.batch_size, (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    scale = auto_scale_lr or bool((cfg.get('auto_scale_lr') or {}).get('enable'))
    if scale and not base:
        raise ValueError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config')
    optimizer = build_optimizer(
        schema.optim_wrapper(cfg, loss_scaling=amp == 'fp16' and device.type == 'cuda'), stepper
    )
    schedulers = schema.param_scheduler(cfg, len(loader))
    check_schedulers(schedulers, len(loader), 'param_scheduler' if cfg.get('param_scheduler') else 'lr_config')
    if overwrite and rank == 0:
        drop_checkpoints(cfg.work_dir)
    runner = Runner(
        model=stepper,
        work_dir=cfg.work_dir,
        train_dataloader=loader,
        train_cfg={
            'type': TrainLoop,
            'max_epochs': total,
            'val_interval': evaluation['interval'],
            'val_begin': evaluation['begin'],
        },
        optim_wrapper=optimizer,
        param_scheduler=schedulers,
        auto_scale_lr={'enable': True, 'base_batch_size': base} if scale else None,
        **validation,
        **hooks,
        load_from=plan.resume,
        resume=plan.resume is not None,
        launcher=launcher,
        env_cfg={
            'cudnn_benchmark': bool(cfg.get('cudnn_benchmark', False)),
            'mp_cfg': {'mp_start_method': 'fork', 'opencv_num_threads': 0},
        },
        randomness={
            'seed': seed,
            'diff_rank_seed': diff_rank_seed,
            'deterministic': deterministic or bool(cfg.get('deterministic', False)),
        },
        cfg=cfg,
    )
    runner.trust_checkpoint = trust_checkpoint
    for note in [*notes, *summary(cfg, runner, train_set, loader, batch, seed, amp)]:
        runner.logger.info(note)
    for line in schema.without_effect(cfg):
        runner.logger.warning(line)
    _say_batch(runner, cfg, batch, base, scale)
    if not plan.resume and not cfg.get('load_from'):
        _say_frozen(runner, recognizer)
    with ending_workers(loader, *([validation['val_dataloader']] if validate else [])):
        runner.train()
    return plan


def summary(cfg: Config, runner: Runner, train_set, loader, batch: int, seed: int, amp: str | None) -> list[str]:
    """What a user must know before hours of training: effective epochs, batch, rate, iterations."""
    _, world_size = world()
    parameters = sum(p.numel() for p in runner.model.parameters())
    times = schema.repeat_times(schema.dataset_config(cfg, 'train'))
    total = schema.epochs(cfg)
    lr = schema.optim_wrapper(cfg)['optimizer'].get('lr')
    return [
        f'work_dir {cfg.work_dir}; seed {seed}; {runner.model.device}, {amp or "float32"}',
        f'{cfg.model.backbone.type}: {parameters / 1e6:.3f} M parameters',
        f'{total} epochs x {times} (RepeatDataset.times) = {total * times} effective epochs of '
        f'{len(train_set) // times} clips; {len(loader)} iterations an epoch',
        f'effective batch {batch} ({world_size} x {loader.batch_size}); lr {lr}',
    ]


def _say_batch(runner: Runner, cfg: Config, batch: int, base: int | None, scale: bool) -> None:
    lr = schema.optim_wrapper(cfg)['optimizer'].get('lr')
    if not base or base == batch or lr is None:
        return
    scaled = lr * batch / base
    if scale:
        runner.logger.info(f'--auto-scale-lr: lr {lr} for batch {base} becomes {scaled:g} for batch {batch}')
    else:
        runner.logger.warning(
            f'the effective batch is {batch}, but lr {lr} belongs to batch {base}; --auto-scale-lr would use {scaled:g}'
        )


def _say_frozen(runner: Runner, recognizer: torch.nn.Module) -> None:
    frozen = [name for name, p in recognizer.named_parameters() if not p.requires_grad and '_stages.' in name]
    if frozen:
        runner.logger.warning(
            f'no load_from: the frozen stages ({", ".join(frozen)}) stay random and are never trained; grow from the '
            "smaller grid's checkpoint with --cfg-options load_from=PATH"
        )


def _evaluator(evaluation: dict) -> Evaluator:
    with named('evaluation'):
        return Evaluator(build_component(evaluation['evaluator'], METRICS))


def _loader(cfg: Config, phase: str, dataset, seed: int, device: torch.device):
    rank, world_size = world()
    return build_loader(
        dataset,
        **schema.loader_options(cfg, phase),
        seed=seed,
        shuffle=phase == 'train',
        rank=rank,
        world_size=world_size,
        pin_memory=device.type == 'cuda',
    )


def _check_resumable(path: str, recognizer: torch.nn.Module, trust: bool) -> None:
    checkpoint = read_checkpoint(path, trust)
    lacking = [key for key in ('optimizer', 'message_hub') if key not in checkpoint]
    if lacking:
        raise ValueError(f'{path} has no {lacking[0]}, so no run can go on from it; start from it with load_from')
    load_weights(recognizer, checkpoint, path)


def _load_from(cfg: Config, recognizer: torch.nn.Module, trust: bool) -> list[str]:
    pretrained = getattr(recognizer.backbone, 'pretrained', None)
    source = cfg.get('load_from') or pretrained
    if not source:
        return []
    path, note = find_checkpoint(source)
    checkpoint = read_checkpoint(path, trust)
    if cfg.get('load_from'):
        ignore = cfg.get('load_from_ignore') or ''
        notes = load_weights(recognizer, checkpoint, path, growing=True, ignore=ignore)
    else:
        notes = load_pretrained(recognizer, checkpoint, path)
    return [*([note] if note else []), f'weights from {path}', *notes]


def _amp_for(amp: str | None, device: torch.device, rank: int) -> str | None:
    if amp == 'auto':
        return 'bf16' if device.type == 'cpu' or torch.cuda.is_bf16_supported() else 'fp16'
    if amp == 'fp16' and device.type == 'cpu':
        if rank == 0:
            print('fp16 needs a GPU; using bf16 on the CPU', flush=True)
        return 'bf16'
    return amp


def _same_everywhere(value):
    if not dist.is_initialized():
        return value
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]


def last_checkpoint(work_dir: str) -> str:
    """The newest checkpoint of a finished run."""
    return os.path.realpath(os.path.join(work_dir, 'latest.pth'))
