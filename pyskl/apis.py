"""Train, test and use a recognizer from Python.

cfg = load_config('configs/stgcn++/stgcn++_ntu60_xsub_hrnet/j.py')
train(cfg)
model = init_recognizer(cfg, 'work_dirs/.../best_top1_acc_epoch_16.pth')
inference_recognizer(model, annotation)  # [(class, score), ...], best first
"""

import difflib
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import nn

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.build import build_recognizer, inference_dataset
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.config.load import as_config, load_config, parse_options
from pyskl.engine.config.shipped import architectures, config_names
from pyskl.engine.inference import inference_recognizer
from pyskl.engine.test import test
from pyskl.engine.train import train
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.skeletons import get_skeleton
from pyskl.zoo import index
from pyskl.zoo.download import fetch

__all__ = [
    'ActionRecognizer',
    'create_model',
    'inference_recognizer',
    'init_recognizer',
    'list_models',
    'load_config',
    'parse_options',
    'test',
    'train',
]


def init_recognizer(
    config: str | Path | dict,
    checkpoint: str | Path | None = None,
    device: str = 'cpu',
    trust: bool = False,
    ignore: str = '',
) -> nn.Module:
    """Build a recognizer in evaluation mode, ready for :func:`inference_recognizer`.

    Args:
        config: Path of a config, a ``Config`` (of mmengine or :func:`load_config`) or a dict; it is not changed.
        checkpoint: Path or glob of the weights, ours or another toolbox's (which is printed); None: random weights.
        device: Device of the model, e.g. 'cpu' or 'cuda:0'.
        trust: Whether to read a checkpoint that could run code.
        ignore: Prefix of the weights that are not loaded, e.g. 'cls_head'.

    Raises:
        ValueError: If ``config`` is not a config, or the checkpoint does not fit it.
        FileNotFoundError: If there is no such config or checkpoint.
    """
    cfg = as_config(config)
    model = build_recognizer(cfg, torch.device(device))
    if checkpoint is not None:
        path, note = find_checkpoint(checkpoint)
        for line in [note, *load_weights(model, read_checkpoint(path, trust), path, ignore=ignore)]:
            if line:
                print(f'{path}: {line}', flush=True)
    section = inference_dataset(cfg)
    model.test_pipeline = None if section is None else Compose(section['pipeline'])
    model.cfg = cfg
    return model.eval()


def list_models(pattern: str = '*') -> list[str]:
    """List the names that :func:`create_model` accepts: architectures, then configs and published checkpoints.

    Args:
        pattern: Shell pattern for name or family/name, e.g. ``'*ske2grid*'``; case is ignored.
    """
    known = [entry.name for entry in index.select(pattern)]
    wanted = pattern.lower() if any(sign in pattern for sign in '*?[') else f'*{pattern.lower()}*'
    return [*(name for name in architectures() if fnmatchcase(name, wanted)), *known]


def create_model(
    name: str,
    *,
    layout: str | dict | None = None,
    num_classes: int | None = None,
    pretrained: bool | str | Path = False,
    device: str = 'cpu',
    trust: bool = False,
    **backbone,
) -> nn.Module:
    """Build a recognizer by name, in evaluation mode.

    ``create_model('ctrgcn', layout='coco', num_classes=12)`` builds an architecture with random weights,
    ``create_model('ctrgcn_ntu60_xsub_hrnet/j', pretrained=True)`` a config with its published weights.

    Args:
        name: A name of :func:`list_models`, or the path of a config.
        layout: Skeleton of an architecture: a name, a file or a dict.
        num_classes: Number of classes; None: the config's. If it differs from the weights', the head is not loaded.
        pretrained: True downloads the published file into ``PYSKL_HOME``; a path or URL loads that file.
        device: Device of the model, e.g. 'cpu' or 'cuda:0'.
        trust: Whether to read a checkpoint that could run code.
        **backbone: Arguments of the backbone, e.g. ``base_channels=32`` or ``grid_shape=[6, 6]``.

    Raises:
        ValueError: If the name is unknown, it has no published weights, or an argument is missing or invalid.
        OSError: If the weights cannot be downloaded.
    """
    bases, entry = architectures(), None
    base = {'stgcn++': 'stgcnpp', 'posec3d': 'slowonly_r50_463'}.get(name.lower(), name.lower())
    if base in bases:
        cfg = as_config(str(bases[base]))
        if num_classes is None:
            raise ValueError(f'{name!r} is an architecture and needs num_classes')
        _set_layout(cfg, base, layout)
    elif layout is not None:
        raise ValueError(f'layout applies to architectures only; {name!r} is a config that sets its own skeleton')
    elif Path(name).is_file():
        cfg = as_config(name)
    else:
        near = difflib.get_close_matches(base, bases, n=1, cutoff=0.8)
        if near:
            raise ValueError(f'no model is named {name!r}; did you mean {near[0]!r}?')
        entry = index.entries().get(name) if name in config_names() else index.find(name)
        cfg = as_config(entry.config if entry else name)
    own_classes = cfg.model.cls_head.get('num_classes')
    if num_classes is not None:
        cfg.model.cls_head.num_classes = num_classes
    cfg.model.backbone.update(backbone)
    if pretrained is True:
        if entry is None or entry.weights is None:
            raise ValueError(f'{name!r} has no published weights; `pyskl models --weights` lists the models that have')
        pretrained = fetch(entry.weights, entry.sha256)
    fresh_head = 'cls_head' if num_classes not in (None, own_classes) else ''
    return init_recognizer(cfg, pretrained or None, device, trust, fresh_head)


def _set_layout(cfg, name: str, layout: str | dict | None) -> None:
    """Set the skeleton of an architecture, in the argument that its backbone reads."""
    needed = cfg.model.type == 'RecognizerGCN'
    if layout is None and needed:
        raise ValueError(f"{name!r} is an architecture and needs layout, e.g. layout='coco'")
    if layout is None:
        return
    backbone = cfg.model.backbone
    joints = get_skeleton(layout).num_joints
    if not needed:
        backbone.in_channels = joints
    elif backbone.type == 'SGN':
        backbone.num_joints = joints
    else:
        backbone.graph_cfg = {**(backbone.get('graph_cfg') or {}), 'layout': layout}
