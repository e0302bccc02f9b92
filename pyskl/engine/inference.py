"""Classify clips with a recognizer and the test pipeline of its config."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pyskl.datasets.fit import checks_for, failures, judge
from pyskl.datasets.records.annotations import read_annotations, record_problem
from pyskl.datasets.records.clip_table import table_of
from pyskl.engine.build import network_needs
from pyskl.registry import nearest

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv', '.flv')
Result = list[tuple[int | str, float]]


def inference_recognizer(
    model: nn.Module,
    video: dict | str | Path | np.ndarray | Sequence[dict],
    outputs: str | Sequence[str] | None = None,
    as_tensor: bool = True,
    *,
    top: int = 5,
    clips: int | None = None,
    label_path: str | Path | None = None,
) -> Result | list[Result] | tuple[Result, dict]:
    """Classify one or several clips.

    Args:
        model: A model of :func:`init_recognizer`.
        video: A record as in an annotation file: ``keypoint`` ``(M, T, V, C)``, ``keypoint_score``, ``img_shape``;
            the label may be missing. Also: ``keypoint`` alone; a list of records; or the path of an annotation file.
        outputs: Names of modules of the model whose outputs are returned too, e.g. ``'backbone'``; for one clip only.
        as_tensor: Whether the outputs are returned as tensors or as arrays.
        top: Number of classes to return.
        clips: Test clips sampled from a record; None: ``num_clips`` of the pipeline. Fewer clips are faster.
        label_path: A text file with one class name per line; names are returned instead of indices.

    Returns:
        (class index, score) pairs, best first; for several records a list of such lists; with ``outputs`` a pair of
        the list and a dict of the outputs. Scores are deterministic.

    Raises:
        ValueError: If the config has no test pipeline, or the clip does not fit the model.
        OSError: If a file cannot be read.
    """
    if getattr(model, 'test_pipeline', None) is None:
        raise ValueError('the config needs data.test.pipeline or test_pipeline to prepare a clip, and has neither')
    if isinstance(outputs, str) and label_path is None and Path(outputs).is_file():
        label_path, outputs = outputs, None  # MMAction2's third argument
    names = None if label_path is None else Path(label_path).read_text(encoding='utf-8').splitlines()
    transforms = _with_clips(model.test_pipeline.transforms, clips)
    records = _records(video)
    if isinstance(records, dict):
        wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs or ())
        with _outputs_of(model, wanted, as_tensor) as found:
            result = _classify(model, transforms, records, top, names)
        return (result, found) if wanted else result
    if outputs:
        raise ValueError(f'outputs needs a single clip, got {len(records)}; call inference_recognizer for each clip')
    return [_classify(model, transforms, record, top, names) for record in records]


def _records(video: object) -> dict | list[dict]:
    """Convert ``video`` to one record or a list of records.

    Raises:
        ValueError: If ``video`` is of another type.
    """
    if isinstance(video, np.ndarray):
        return {'keypoint': video}
    if isinstance(video, str | Path):
        if Path(video).suffix.lower() in VIDEO_SUFFIXES:
            raise ValueError(
                f'{video} is a video, not joints; use ActionRecognizer, or pyskl data from-videos to write records'
            )
        records, _ = read_annotations(video)
        return records[0] if len(records) == 1 else list(records)
    if isinstance(video, list | tuple) and video and all(isinstance(record, dict) for record in video):
        return list(video)
    if not isinstance(video, dict):
        raise ValueError(
            f'video must be a record (a dict with keypoint), an array (M, T, V, C), a list of records or the path of '
            f'an annotation file, got {type(video).__name__}'
        )
    return video


def _with_clips(transforms: Sequence, clips: int | None) -> list:
    """Return the transforms with ``num_clips`` set to ``clips``."""
    if clips is None:
        return list(transforms)
    if not isinstance(clips, int) or clips < 1:
        raise ValueError(f'clips must be an integer of at least 1, got {clips!r}')
    changed = [copy.copy(transform) for transform in transforms]
    samplers = [transform for transform in changed if hasattr(transform, 'num_clips')]
    if not samplers:
        raise ValueError('clips is set, but the test pipeline has no transform with num_clips, such as UniformSample')
    for transform in samplers:
        transform.num_clips = clips
    return changed


def _classify(model: nn.Module, transforms: list, clip: dict, top: int, names: list[str] | None) -> Result:
    record = {'label': -1, 'frame_dir': 'clip', 'modality': 'Pose', 'start_index': 0, **clip, 'test_mode': True}
    problem = record_problem(record)
    name = str(record['frame_dir'])
    if problem is not None:
        raise ValueError(f'record {name!r} {problem}')
    if 'frame_inds' not in record:
        record.setdefault('total_frames', record['keypoint'].shape[1])
    needs = {**network_needs(model.cfg), 'num_classes': None}
    for misfit in failures(judge([(0, table_of([record]))], checks_for(transforms, **needs))):
        raise ValueError(misfit.line(lambda row: name))
    for transform in transforms:
        record = transform(record)
    key = 'keypoint' if 'keypoint' in record else 'imgs'
    device = next(model.parameters()).device
    with torch.no_grad():
        scores = model(**{key: torch.as_tensor(record[key])[None].to(device)}, mode='predict')[0].float().flatten()
    if names is not None and len(names) != len(scores):
        raise ValueError(f'label_path has {len(names)} names, but the network has {len(scores)} classes')
    best = scores.topk(min(top, len(scores)))
    pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    return [(index if names is None else names[index], score) for score, index in pairs]


@contextmanager
def _outputs_of(model: nn.Module, names: Sequence[str], as_tensor: bool) -> Iterator[dict]:
    """Yield a dict that collects the outputs of modules while the model runs.

    Raises:
        ValueError: If the model has no such module.
    """
    modules, found = dict(model.named_modules()), {}
    unknown = [name for name in names if name not in modules]
    if unknown:
        raise ValueError(f'outputs: the model has no module {unknown[0]!r}{nearest(unknown[0], modules)}')

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            plain = output.detach() if isinstance(output, torch.Tensor) else output
            found[name] = plain.cpu().numpy() if isinstance(plain, torch.Tensor) and not as_tensor else plain

        return hook

    hooks = [modules[name].register_forward_hook(keep(name)) for name in names]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
