"""Build the data sets and the recognizer of a config, and check before training that they fit each other."""

import inspect
import warnings

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from pyskl.engine.config.data import dataset_config
from pyskl.engine.config.errors import error_context
from pyskl.engine.config.load import datasets_in, takes
from pyskl.engine.distributed import world
from pyskl.engine.loaders import SeededDataset
from pyskl.models import build_model
from pyskl.models.heatmaps import pose_heatmaps
from pyskl.models.recognizers import input_key
from pyskl.registry import DATASETS, MODELS, build_component, check_arguments, lookup
from pyskl.skeletons import Skeleton, get_skeleton


def build_dataset(cfg: Config, phase: str, recognizer: nn.Module | None = None):
    """Build the data set of ``phase`` and check it against the model.

    Labels, joints, coordinates, scores and lengths of all clips are compared with the config. Then the longest and
    shortest clips, and those with the most and fewest persons, are passed through the pipeline and the network.

    Args:
        cfg: The config.
        phase: 'train', 'val' or 'test'.
        recognizer: The network to run the clips through; its training or evaluation mode is restored.

    Raises:
        ValueError: If the config has no such data set, or a clip does not fit the model; the message names both the
            clip and the key.
    """
    section = dataset_config(cfg, phase)
    if not section:
        sections = ', '.join(f'data.{key}' for key, value in (cfg.get('data') or {}).items() if value)
        raise ValueError(f'the config has no data.{phase}{f"; it has {sections}" if sections else ""}')
    with error_context(f'data.{phase}'), warnings.catch_warnings():
        if world()[0]:
            warnings.simplefilter('ignore')  # rank 0 reports it
        dataset = build_component(_with_test_mode(section, phase != 'train'), DATASETS)
        if len(dataset) == 0:
            raise ValueError(f'data.{phase} is empty: it has no clips')
        samples = check_fit(cfg, dataset, phase)
    if recognizer is not None:
        tried = set()
        for sample in samples:
            key = next((key for key in ('imgs', 'keypoint') if np.ndim(sample.get(key)) == 5), None)
            if key is not None and (shape := tuple(np.shape(sample[key])[1:])) not in tried:
                _try(recognizer, key, sample[key])
                tried.add(shape)
    return dataset


def has_several_labels(dataset) -> bool:
    """Whether a clip has a vector of labels (``multi_class=True``)."""
    sample = dataset[0]
    return isinstance(sample, dict) and np.asarray(sample.get('label', 0)).size > 1


@torch.no_grad()
def _try(recognizer: nn.Module, key: str, clips: object) -> None:
    """Run the first clip of a sample through the model (in eval mode, restored afterwards)."""
    training = recognizer.training
    clip = torch.as_tensor(clips)[None, :1].to(next(recognizer.parameters()).device)
    with error_context('model'):
        recognizer.eval()(**{key: clip}, mode='tensor')
    recognizer.train(training)


def _with_test_mode(section: dict, test_mode: bool) -> dict:
    section = dict(section)
    for key in ('dataset', 'datasets'):
        inner = section.get(key)
        if isinstance(inner, dict):
            section[key] = _with_test_mode(inner, test_mode)
        elif isinstance(inner, list | tuple):
            section[key] = [_with_test_mode(item, test_mode) for item in inner]
    if test_mode and takes(section, 'test_mode'):
        section['test_mode'] = True
    return section


def inference_dataset(cfg: Config) -> dict | None:
    """Find the dict whose ``pipeline`` prepares a clip for testing.

    This is the data set of the test or validation phase, or, in a config without ``data``, the top-level
    ``test_pipeline`` (``val_pipeline``). None if the config has neither.
    """
    for phase in ('test', 'val'):
        found = datasets_in(dataset_config(cfg, phase) or {})
        if found and found[0].get('pipeline') is not None:
            return found[0]
    pipeline = cfg.get('test_pipeline') or cfg.get('val_pipeline')
    return None if pipeline is None else {'pipeline': pipeline}


def network_needs(cfg: Config) -> dict:
    """Requirements of a config's model on clips: the arguments of :meth:`BaseDataset.misfits`."""
    model = cfg.get('model') or {}
    layout = ((model.get('backbone') or {}).get('graph_cfg') or {}).get('layout')
    needs = {'num_classes': (model.get('cls_head') or {}).get('num_classes')}
    if layout is None:
        return needs
    skeleton = get_skeleton(layout if isinstance(layout, str) else dict(layout))
    return {**needs, 'num_joints': skeleton.num_joints, 'dims': skeleton.dims, 'layout': skeleton.name}


def check_fit(cfg: Config, dataset, phase: str) -> list[dict]:
    """Compare a data set with the model: joints (or heatmap channels), ``in_channels``, ``num_classes``.

    Returns:
        The samples of the data set's extremes (:meth:`BaseDataset.extremes`), starting with sample 0.

    Raises:
        ValueError: If they differ; the message gives both values.
    """
    backbone = cfg.model.get('backbone') or {}
    layout = (backbone.get('graph_cfg') or {}).get('layout')
    for line in dataset.check(**network_needs(cfg)) or ():
        warnings.warn(f'data.{phase}: {line}')
    samples = _extreme_samples(dataset)
    sample = samples[0]
    if layout is not None:
        skeleton = get_skeleton(layout if isinstance(layout, str) else dict(layout))
        clips = _check_joints(sample, backbone, skeleton, phase)
    elif input_key(cfg.model) == 'imgs':
        clips = _check_volumes(sample, cfg, phase)
    else:
        clips = next((len(sample[key]) for key in ('imgs', 'keypoint') if np.ndim(sample.get(key)) == 5), 1)
    if phase == 'train' and clips != 1:
        raise ValueError(
            f'data.train: the pipeline yields {clips} clips per sample, but training needs one; set num_clips=1 and '
            'double=False'
        )
    unlabelled = np.flatnonzero(dataset.labels < 0)
    if phase == 'val' and len(unlabelled) and np.asarray(sample.get('label', -1)).size == 1:
        raise ValueError(
            f'data.val: {len(unlabelled)} of {len(dataset)} clips have no label, first '
            f'{dataset.names[unlabelled[0]]!r}; label them, or train with --no-validate'
        )
    return samples


def _extreme_samples(dataset) -> list[dict]:
    """Load the samples of the data set's extremes; the random state is restored."""
    state, seeded = np.random.get_state(), SeededDataset(dataset)
    samples = [seeded[(index, 0)] for index in dict.fromkeys([0, *dataset.extremes()])]
    np.random.set_state(state)
    return samples


def _check_joints(sample: dict, backbone: dict, skeleton: Skeleton, phase: str) -> int:
    """Check a sample for a graph network and return its number of clips."""
    keypoint = sample.get('keypoint')
    if keypoint is None or np.ndim(keypoint) != 5:
        shape = None if keypoint is None else tuple(np.shape(keypoint))
        raise ValueError(
            f'data.{phase}.pipeline must yield keypoint of shape (clips, M, T, V, C), got {shape}; '
            "does it have FormatGCNInput and Collect(keys=['keypoint', 'label'])?"
        )
    joints, channels = np.shape(keypoint)[-2:]
    if joints != skeleton.num_joints:
        raise ValueError(
            f'data.{phase}: the pipeline yields {joints} joints, but model.backbone.graph_cfg.layout '
            f'{skeleton.name!r} has {skeleton.num_joints}'
        )
    wanted = backbone.get('in_channels', 3)
    if channels != wanted:
        raise ValueError(
            f'data.{phase}: the pipeline yields {channels} channels, but model.backbone.in_channels is {wanted}; '
            f'set model.backbone.in_channels={channels}, or change modality / GenSkeFeat.feats'
        )
    return len(keypoint)


def _check_volumes(sample: dict, cfg: Config, phase: str) -> int:
    """Check a sample for a heatmap network (drawn by pipeline or ``model.heatmaps``); return its number of views."""
    drawing = cfg.model.get('heatmaps')
    key, axes = ('imgs', '(views, K, T, H, W)') if drawing is None else ('keypoint', '(views, M, T, V, C)')
    given = sample.get(key)
    if given is None or np.ndim(given) != 5:
        shape = None if given is None else tuple(np.shape(given))
        steps = 'GeneratePoseTarget, FormatShape' if drawing is None else 'FormatHeatmapInput'
        raise ValueError(
            f'data.{phase}.pipeline must yield {key} of shape {axes}, got {shape}; does it have {steps} and '
            f"Collect(keys=['{key}', 'label'])?"
        )
    if drawing is None:
        channels, who = np.shape(given)[1], f'data.{phase}: the pipeline draws'
        datasets = datasets_in(dataset_config(cfg, phase))
        limbs = any(transform.get('with_limb') for d in datasets for transform in d.get('pipeline') or ())
        where = 'with_kp, with_limb or skeletons of GeneratePoseTarget'
    else:
        with error_context('model'):
            check_arguments(pose_heatmaps, drawing, 'model.heatmaps')
            channels = len(pose_heatmaps(**drawing).partners)
        who, limbs, where = 'model.heatmaps draws', drawing.get('with_limb'), 'model.heatmaps'
    default = inspect.signature(lookup(cfg.model.backbone.type, MODELS)).parameters['in_channels'].default
    wanted = cfg.model.backbone.get('in_channels', default)
    if channels != wanted:
        raise ValueError(
            f'{who} {channels} {"limbs" if limbs else "joints"}, but model.backbone.in_channels is {wanted}; set '
            f'model.backbone.in_channels={channels}, or change {where}'
        )
    return len(given)


def build_recognizer(cfg: Config, device: torch.device, seed: int | None = None) -> nn.Module:
    """Build the recognizer of ``cfg.model`` on ``device``; its initial weights depend on ``seed`` only.

    Raises:
        ValueError: If ``model`` names an unknown component or an invalid argument.
    """
    if not isinstance(cfg.get('model'), dict) or not cfg.model:
        raise ValueError(f"the config needs 'model', a dict with type, backbone and cls_head, got {cfg.get('model')!r}")
    if seed is not None:
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # random graphs (graph_cfg.mode='random') use NumPy's generator
    with error_context('model'):
        recognizer = build_model(cfg.model.to_dict())
    return recognizer.to(device)
