"""Log lines that describe a training run: network, data, batch size, learning rate."""

import torch

from pyskl.engine.config.settings import Settings
from pyskl.engine.distributed import world
from pyskl.engine.runner import Runner
from pyskl.models.layers.absent_persons import obstacle

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


def effective_batch(loader) -> int:
    """Clips per iteration, of all processes."""
    return world()[1] * loader.batch_size


def summary(settings: Settings, runner: Runner, train_set, loader, seed: int, amp: str | None) -> list[str]:
    """Return log lines that describe the run: effective epochs, batch size, learning rate, iterations."""
    _, world_size = world()
    parameters = sum(p.numel() for p in runner.model.parameters())
    cfg, times, total = settings.config, settings.repeat_times, settings.epochs
    repeated = f'{total} epochs x {times} (RepeatDataset.times) = {total * times} effective epochs'
    return [
        f'work_dir {cfg.work_dir}; seed {seed}; {runner.model.device}, {amp or "float32"}',
        f'{network_name(cfg.model.backbone)}: {parameters / 1e6:.3f} M parameters',
        f'{repeated if times > 1 else f"{total} epochs"} of {len(train_set) // times} clips; '
        f'{len(loader)} iterations per epoch',
        f'effective batch size {effective_batch(loader)} ({world_size} x {loader.batch_size}); lr {settings.lr}',
    ]


def log_batch(runner: Runner, lr: float | None, batch: int, base: int | None, scale: bool) -> None:
    """Log that the learning rate is scaled, or was chosen for another batch size."""
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


def log_absent(runner: Runner, recognizer: torch.nn.Module, compiled: bool) -> None:
    """Log whether absent persons are computed once per batch, and why not."""
    backbone = getattr(recognizer, 'backbone', None)
    if backbone is None or getattr(type(recognizer), 'input_key', 'keypoint') != 'keypoint':
        return
    reason = 'the network is compiled' if compiled else obstacle(backbone)
    once = 'absent persons are computed once per batch, weighted by their number'
    runner.logger.info(once if reason is None else f'absent persons are computed individually: {reason}')
