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
    """A recognizer in evaluation mode, ready for :func:`inference_recognizer`.

    Args:
        config: The path of a config, a ``Config`` (mmengine's, or :func:`load_config`'s) or a dict; not changed.
        checkpoint: Path or glob of its weights, of ours or of another toolbox, which is told; None: as built.
        device: E.g. 'cpu' or 'cuda:0'.
        trust: Admit a checkpoint that could run code.
        ignore: Prefix of weights that start fresh, e.g. 'cls_head'.

    Raises:
        ValueError: If ``config`` is not a config, or config and checkpoint do not fit.
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
    """Names for :func:`create_model`: architectures, then configs and published files.

    Args:
        pattern: A shell pattern over names and family/name, e.g. ``'*ske2grid*'``; case does not matter.
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
    """A recognizer in evaluation mode.

    ``create_model('ctrgcn', layout='coco', num_classes=12)`` builds an architecture with fresh weights,
    ``create_model('ctrgcn_ntu60_xsub_hrnet/j', pretrained=True)`` a config with its published weights.

    Args:
        name: Of :func:`list_models`, or the path of a config.
        layout: The skeleton of an architecture: a name, a file or a dict.
        num_classes: Classes; None takes the config's. Where it differs from that of the weights the head starts fresh.
        pretrained: True fetches the published file into ``PYSKL_HOME``; a path or address loads that one.
        device: E.g. 'cpu' or 'cuda:0'.
        trust: Admit a checkpoint that could run code.
        **backbone: Arguments of the backbone, e.g. ``base_channels=32`` or ``grid_shape=[6, 6]``.

    Raises:
        ValueError: If there is no such model, it has no published weights, or an argument is missing or impossible.
        OSError: If the weights cannot be fetched.
    """
    bases, entry = architectures(), None
    base = {'stgcn++': 'stgcnpp', 'posec3d': 'slowonly_r50_463'}.get(name.lower(), name.lower())
    if base in bases:
        cfg = as_config(str(bases[base]))
        if num_classes is None:
            raise ValueError(f'{name!r} is an architecture: give num_classes')
        _set_layout(cfg, base, layout)
    elif layout is not None:
        raise ValueError(f'layout is for architectures; the pipeline of {name!r} belongs to the skeleton of its config')
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
            raise ValueError(f'{name!r} has no published weights; `pyskl models --weights` lists those that have')
        pretrained = fetch(entry.weights, entry.sha256)
    fresh_head = 'cls_head' if num_classes not in (None, own_classes) else ''
    return init_recognizer(cfg, pretrained or None, device, trust, fresh_head)


def _set_layout(cfg, name: str, layout: str | dict | None) -> None:
    """Give an architecture its skeleton, under the name that its backbone has for it."""
    needed = cfg.model.type == 'RecognizerGCN'
    if layout is None and needed:
        raise ValueError(f"{name!r} is an architecture: give layout, e.g. layout='coco'")
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
