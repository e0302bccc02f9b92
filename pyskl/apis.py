"""Train, test and use a recognizer from Python.

cfg = load_config('configs/stgcn++/stgcn++_ntu60_xsub_hrnet/j.py')
train(cfg)
model = init_recognizer(cfg, 'work_dirs/.../best_top1_acc_epoch_16.pth')
inference_recognizer(model, annotation)  # [(class, score), ...], best first
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.build import build_recognizer, inference_dataset
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.config.load import as_config, load_config, parse_options
from pyskl.engine.test import test
from pyskl.engine.train import train

__all__ = ['inference_recognizer', 'init_recognizer', 'load_config', 'parse_options', 'test', 'train']


def init_recognizer(
    config: str | Path | dict, checkpoint: str | Path | None = None, device: str = 'cpu', trust: bool = False
) -> nn.Module:
    """A recognizer in evaluation mode, ready for :func:`inference_recognizer`.

    Args:
        config: The path of a config, a ``Config`` (mmengine's, or :func:`load_config`'s) or a dict; not changed.
        checkpoint: Path or glob of its weights, of ours or of another toolbox, which is told; None: as built.
        device: E.g. 'cpu' or 'cuda:0'.
        trust: Admit a checkpoint that could run code.

    Raises:
        ValueError: If ``config`` is not a config, or config and checkpoint do not fit.
    """
    cfg = as_config(config)
    model = build_recognizer(cfg, torch.device(device))
    if checkpoint is not None:
        path, note = find_checkpoint(checkpoint)
        for line in [note, *load_weights(model, read_checkpoint(path, trust), path)]:
            if line:
                print(f'{path}: {line}', flush=True)
    section = inference_dataset(cfg)
    model.test_pipeline = None if section is None else Compose(section['pipeline'])
    model.cfg = cfg
    return model.eval()


def inference_recognizer(model: nn.Module, annotation: dict, top: int = 5) -> list[tuple[int, float]]:
    """Classify one clip.

    Args:
        model: Of :func:`init_recognizer`.
        annotation: As in the pickle: ``keypoint`` (M, T, V, C), ``keypoint_score``, ``img_shape``; no label needed.
        top: How many classes to return.

    Returns:
        (class index, score) pairs, best first. The same clip gives the same scores each time.

    Raises:
        ValueError: If the config has no test pipeline, or the clip does not fit it.
    """
    if getattr(model, 'test_pipeline', None) is None:
        raise ValueError('the config has neither data.test.pipeline nor test_pipeline, so a clip cannot be prepared')
    record = {'label': -1, 'frame_dir': 'clip', 'modality': 'Pose', 'start_index': 0, **annotation, 'test_mode': True}
    record.setdefault('total_frames', np.shape(record['keypoint'])[1])
    sample = model.test_pipeline(record)
    device = next(model.parameters()).device
    key = 'keypoint' if 'keypoint' in sample else 'imgs'
    with torch.no_grad():
        scores = model(**{key: torch.as_tensor(sample[key])[None].to(device)}, mode='predict')[0]
    best = scores.float().flatten().topk(min(top, scores.numel()))
    return [(int(index), float(score)) for score, index in zip(best.values, best.indices, strict=True)]
