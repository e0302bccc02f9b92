"""Count parameters and multiply-accumulates (MACs) of a recognizer with torch's operator counter.

Nothing is computed: network and input are on device ``meta``, where tensors have shapes but no values. All persons
count as present, and device-specific optimisations are not considered.
"""

import copy
import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pyskl.engine.build import inference_dataset
from pyskl.engine.config.load import datasets_in
from pyskl.models.recognizers import input_key
from pyskl.registry import MODELS, lookup
from pyskl.skeletons import get_skeleton


def parameters(model: nn.Module) -> int:
    """Return the number of parameters, trained or frozen."""
    return sum(p.numel() for p in model.parameters())


class Macs(NamedTuple):
    """Multiply-accumulates of convolutions and matrix products, and of batch norms (two per element)."""

    products: int
    norms: int

    @property
    def total(self) -> int:
        """Sum of both, as counted by fvcore and in published tables."""
        return self.products + self.norms


def _norm_flops(x_shape: torch.Size, *args, out_shape: tuple | None = None, **kwargs) -> int:
    """Count batch norms like fvcore: two multiply-accumulates per element, where torch counts two operations as one."""
    return 4 * math.prod(x_shape)


_NORMS = {
    torch.ops.aten.native_batch_norm: _norm_flops,
    torch.ops.aten._native_batch_norm_legit_no_training: _norm_flops,
}


@contextmanager
def _no_autocast() -> Iterator[None]:
    """``torch.autocast`` rejects device ``meta``, even when disabled; replace it by a null context."""
    autocast = torch.autocast
    torch.autocast = lambda *args, **kwargs: nullcontext()
    try:
        yield
    finally:
        torch.autocast = autocast


def macs(module: nn.Module, *inputs: torch.Tensor) -> Macs:
    """Count the MACs of ``module(*inputs)`` in evaluation mode; only the shapes of the inputs are used."""
    module = copy.deepcopy(module).to('meta').eval()
    counter = FlopCounterMode(display=False, custom_mapping=_NORMS)
    with torch.no_grad(), _no_autocast(), counter:
        module(*(x.to('meta') for x in inputs))
    counts = counter.get_flop_counts()['Global']
    norms = sum(counts.get(operator, 0) for operator in _NORMS)
    return Macs((sum(counts.values()) - norms) // 2, norms // 2)


def clip_shape(cfg: Config) -> tuple[int, int, int, int]:
    """Return the input shape of the backbone for one clip of the config's test (or val, train) pipeline.

    Returns:
        (M, T, V, C), by default (2, 100, V, C); or for heatmap volumes (C, T, H, W), by default
        (C, 48, 64, 64).
    """
    volumes = input_key(cfg.model) == 'imgs'
    backbone = cfg.model.backbone
    persons, frames, size = 2, 48 if volumes else 100, (64, 64)
    if not backbone.get('graph_cfg') and not volumes:
        frames = _argument(backbone, 'T', frames)
    section = inference_dataset(cfg) or next(iter(datasets_in((cfg.get('data') or {}).get('train') or {})), {})
    for transform in section.get('pipeline') or ():
        frames = transform.get('clip_len', transform.get('length', frames))
        persons = transform.get('num_person', persons)
        size = transform.get('crop_size', transform.get('scale', size))
    channels = _argument(backbone, 'in_channels', 3)
    if volumes:
        width, height = (size, size) if isinstance(size, int) else size
        drawn_size = (cfg.model.get('heatmaps') or {}).get('test_size')  # (height, width), unlike the transforms' scale
        if drawn_size is not None:
            height, width = (drawn_size, drawn_size) if isinstance(drawn_size, int) else drawn_size
        side = max(width, height)  # -1 preserves the aspect ratio of an image that PoseCompact made square
        return channels, frames, side if height < 1 else height, side if width < 1 else width
    layout = (backbone.get('graph_cfg') or {}).get('layout')
    joints = _argument(backbone, 'num_joints', None) if layout is None else None
    if joints is None:
        joints = get_skeleton(layout if isinstance(layout, str) else dict(layout or {}) or 'coco').num_joints
    return persons, frames, joints, channels


def _argument(backbone: dict, name: str, otherwise: int | None) -> int | None:
    """Return ``backbone[name]``, else the class's default, else ``otherwise``."""
    parameter = inspect.signature(lookup(backbone['type'], MODELS)).parameters.get(name)
    default = otherwise if parameter is None or parameter.default is parameter.empty else parameter.default
    return backbone.get(name, default)
