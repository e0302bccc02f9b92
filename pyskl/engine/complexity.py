"""Parameters and multiply-accumulates of a recognizer, counted by torch's own operator counter."""

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pyskl.engine.config import datasets_in
from pyskl.skeletons import get_skeleton


def parameters(model: nn.Module) -> int:
    """Number of parameters, trained or frozen."""
    return sum(p.numel() for p in model.parameters())


def macs(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-accumulates of ``module(*inputs)`` in evaluation mode: convolutions and matrix products."""
    training = module.training
    module.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    module.train(training)
    return counter.get_total_flops() // 2


def clip_shape(cfg: Config) -> tuple[int, int, int, int]:
    """(M, T, V, C) of one clip as ``data.test`` (or val, train) of the config feeds it; (2, 100, V, C) where unsaid."""
    persons, frames = 2, 100
    data = cfg.get('data') or {}
    sections = [found for phase in ('test', 'val', 'train') for found in datasets_in(data.get(phase) or {})]
    for transform in sections[0].get('pipeline') or () if sections else ():
        frames = transform.get('clip_len', transform.get('length', frames))
        persons = transform.get('num_person', persons)
    backbone = cfg.model.backbone
    layout = (backbone.get('graph_cfg') or {}).get('layout', 'coco')
    skeleton = get_skeleton(layout if isinstance(layout, str) else dict(layout))
    return persons, frames, skeleton.num_joints, backbone.get('in_channels', 3)
