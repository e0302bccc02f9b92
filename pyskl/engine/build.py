"""From a config to data sets and a recognizer that are known to fit one another, before anything is trained."""

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from pyskl.engine import schema
from pyskl.engine.loaders import SeededDataset
from pyskl.models import build_model
from pyskl.registry import DATASETS, build_component
from pyskl.skeletons import get_skeleton


def build_dataset(cfg: Config, phase: str):
    """The data set of ``phase``, checked against the model: joints, classes, coordinates, and one sample.

    Raises:
        ValueError: If the config has none, or its clips do not fit the model; names the clip and the key.
    """
    section = schema.dataset_config(cfg, phase)
    if not section:
        raise ValueError(f'the config has no data.{phase}')
    try:
        dataset = build_component(_with_test_mode(section, phase != 'train'), DATASETS)
    except TypeError as error:
        raise ValueError(f'data.{phase}: {error}') from error
    if len(dataset) == 0:
        raise ValueError(f'data.{phase} holds no clip')
    check_fit(cfg, dataset, phase)
    return dataset


def _with_test_mode(section: dict, test_mode: bool) -> dict:
    section = dict(section)
    for key in ('dataset', 'datasets'):
        inner = section.get(key)
        if isinstance(inner, dict):
            section[key] = _with_test_mode(inner, test_mode)
        elif isinstance(inner, list | tuple):
            section[key] = [_with_test_mode(item, test_mode) for item in inner]
    if test_mode:
        section['test_mode'] = True
    return section


def check_fit(cfg: Config, dataset, phase: str) -> None:
    """Compare a data set with ``model.backbone.graph_cfg.layout``, ``in_channels`` and ``cls_head.num_classes``.

    Raises:
        ValueError: Names what the clips hold and what the model takes.
    """
    backbone, head = cfg.model.get('backbone') or {}, cfg.model.get('cls_head') or {}
    layout = (backbone.get('graph_cfg') or {}).get('layout')
    if layout is None:
        dataset.check(num_classes=head.get('num_classes'))
        return
    skeleton = get_skeleton(layout if isinstance(layout, str) else dict(layout))
    dataset.check(skeleton.num_joints, head.get('num_classes'), skeleton.dims)
    state = np.random.get_state()
    sample = SeededDataset(dataset)[(0, 0)]
    np.random.set_state(state)
    keypoint = sample.get('keypoint')
    if keypoint is None or np.ndim(keypoint) != 5:
        shape = None if keypoint is None else tuple(np.shape(keypoint))
        raise ValueError(
            f'data.{phase}.pipeline must end with keypoint of shape (clips, M, T, V, C), got {shape}; '
            "does it have FormatGCNInput and Collect(keys=['keypoint', 'label'])?"
        )
    joints, channels = np.shape(keypoint)[-2:]
    if joints != skeleton.num_joints:
        raise ValueError(
            f'data.{phase}: the pipeline gives {joints} joints, but model.backbone.graph_cfg.layout '
            f'{skeleton.name!r} has {skeleton.num_joints}'
        )
    wanted = backbone.get('in_channels', 3)
    if channels != wanted:
        raise ValueError(
            f'data.{phase}: the pipeline gives {channels} channels, but model.backbone.in_channels is {wanted}; '
            f'set model.backbone.in_channels={channels}, or change modality / GenSkeFeat.feats'
        )


def build_recognizer(cfg: Config, device: torch.device, seed: int | None = None) -> nn.Module:
    """The recognizer of ``cfg.model`` on ``device``; its start depends on ``seed`` only.

    Raises:
        ValueError: If ``model`` names something unknown or impossible.
    """
    if not cfg.get('model'):
        raise ValueError("the config has no 'model'")
    if seed is not None:
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # random graphs (graph_cfg.mode='random') are NumPy's
    return build_model(cfg.model.to_dict()).to(device)
