"""A trained network with everything needed to label people: pipeline, layout, class names and frame rate.

Axes: ``N`` windows, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` coordinates, ``K`` classes, ``S`` clips.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.build import build_recognizer, inference_dataset
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.config.load import as_config
from pyskl.inference.fused_stgcn import FastRecognizer
from pyskl.skeletons import Skeleton, get_skeleton
from pyskl.zoo.classes import class_names

SAMPLERS = ('UniformSample', 'UniformSampleFrames', 'UniformSampleDecode')
FPS = 30.0  # frame rate of NTU RGB+D, Kinetics (re-encoded) and the bundled data
CLIP_LEN = 100
IMG_SHAPE = (1080, 1920)  # of images of unknown size, the default of PreNormalize2D


@dataclass(frozen=True)
class Calibration:
    """Conversion of logits to a confidence, fitted by ``pyskl calibrate``.

    Args:
        temperature: Divisor of the logits.
        method: ``max_prob``: the largest probability; ``energy``: ``T logsumexp(logits / T)``.
        threshold: Minimum confidence of a label; below it, the action is ``unknown``.

    Raises:
        ValueError: If a value is out of range.
    """

    temperature: float = 1.0
    method: str = 'max_prob'
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.method not in ('max_prob', 'energy'):
            raise ValueError(f"calibration method must be 'max_prob' or 'energy', got {self.method!r}")
        if not 0 < self.temperature < float('inf'):
            raise ValueError(f'calibration temperature must be above 0, got {self.temperature!r}')
        if not np.isfinite(self.threshold):
            raise ValueError(f'calibration threshold must be a number, got {self.threshold!r}')


def read_calibration(path: str | Path) -> Calibration:
    """Read a JSON file written by ``pyskl calibrate``.

    Raises:
        ValueError: If the file is not a calibration.
        OSError: If it cannot be read.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        return Calibration(float(content['temperature']), str(content['method']), float(content['threshold']))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is not a calibration file of pyskl calibrate: {error}') from None


class ActionNetwork:
    """Compute class probabilities of windows of joints.

    Args:
        model: A recognizer in evaluation mode.
        pipeline: Transforms of its test data, with the desired number of clips per window.
        skeleton: Skeleton of the pipeline's input.
        classes: K class names.
        fps: Frame rate of the training clips.
        window: Duration of a training clip, seconds.
        num_person: Number of persons per clip.
        scored: Whether the scores of 2D joints are an input channel.
        shares: Whether joints are given as fractions of the image's width and height instead of pixels.
        calibration: Calibration of the scores.
        stepwise: Whether streams step the network frame by frame unless their settings say otherwise.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: Compose,
        skeleton: Skeleton,
        classes: list[str],
        fps: float = FPS,
        window: float = CLIP_LEN / FPS,
        num_person: int = 1,
        calibration: Calibration | None = None,
        name: str = '',
        scored: bool = True,
        shares: bool = False,
        stepwise: bool = False,
    ) -> None:
        self.model, self.pipeline, self.skeleton, self.classes = model, pipeline, skeleton, classes
        self.fps, self.window, self.num_person, self.name = fps, window, num_person, name
        self.scored, self.shares, self.stepwise = scored, shares, stepwise
        self.calibration = calibration or Calibration()
        self._run = FastRecognizer(model)

    def scores(self, windows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
        """Score windows in one batch.

        Args:
            windows: Dicts with ``keypoint`` ``(M, T, V, C)``, ``keypoint_score`` ``(M, T, V)`` for 2D joints, and
                ``img_shape`` (height, width) if known. T may differ.

        Returns:
            ``(N, K)`` float64 probabilities and ``(N,)`` confidences.
        """
        return self.judge(self.logits(windows))

    def judge(self, logits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """``(N, S, K)`` logits -> ``(N, K)`` probabilities and ``(N,)`` confidences, calibrated."""
        temperature = self.calibration.temperature
        probability = (logits / temperature).softmax(-1).mean(1).numpy()
        if self.calibration.method == 'energy':
            return probability, (temperature * (logits / temperature).logsumexp(-1)).mean(1).numpy()
        return probability, probability.max(1)

    def logits(self, windows: list[dict]) -> torch.Tensor:
        """Compute the logits of windows, ``(N, S, K)`` float64, for S clips of each; see :meth:`scores`."""
        samples = [self.pipeline(self.record(window)) for window in windows]
        key = 'keypoint' if 'keypoint' in samples[0] else 'imgs'
        batch = torch.stack([torch.as_tensor(sample[key]) for sample in samples])
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            logits = self._run(**{key: batch.to(device)}, mode='tensor')
        return logits.double().cpu().unflatten(0, (len(windows), -1))

    def record(self, window: dict) -> dict:
        """Convert a window to a record for the test pipeline."""
        frames = window['keypoint'].shape[1]
        if not self.scored:
            window = {key: value for key, value in window.items() if key != 'keypoint_score'}
        if self.shares:
            height, width = window.get('img_shape', IMG_SHAPE)
            window = {**window, 'keypoint': window['keypoint'] / np.array([width, height], np.float32)}
        fixed = {'label': -1, 'frame_dir': 'window', 'modality': 'Pose', 'start_index': 0, 'test_mode': True}
        return {**fixed, **window, 'total_frames': frames, 'test_mode': True}


def load_network(
    config,
    checkpoint: str | Path | None,
    device: str = 'cpu',
    trust: bool = False,
    clips: int | None = 1,
    classes: str | list[str] | None = None,
    calibration: Calibration | None = None,
) -> tuple[ActionNetwork, list[str]]:
    """Build a network from a config and a checkpoint.

    Args:
        config: A config or its path. Its keys ``fps`` (default 30), ``window`` (seconds; by default the frames that the
            pipeline samples, at that frame rate), ``classes`` and ``stepwise`` (default False) are used.
        checkpoint: Path, glob or URL of the weights; None: random weights.
        device: E.g. 'cpu' or 'cuda:0'.
        trust: Whether to accept a checkpoint that could run code.
        clips: Number of clips sampled from each window and averaged; None: the test pipeline's number, usually ten.
        classes: A shipped list, a file, or names; by default the config's, then the checkpoint's.
        calibration: Calibration of the scores.

    Returns:
        The network, and log messages.

    Raises:
        ValueError: If config, checkpoint and classes do not fit each other.
        OSError: If a file cannot be read.
    """
    cfg = as_config(config)
    model = build_recognizer(cfg, torch.device(device)).eval()
    notes, meta, name = [], {}, ''
    if checkpoint is not None:
        path, note = find_checkpoint(str(checkpoint))
        name = str(path)
        content = read_checkpoint(path, trust)
        meta = content.get('meta') or {}
        notes += [f'{path}: {line}' for line in [note, *load_weights(model, content, path)] if line]
    pipeline = _pipeline_of(cfg)
    skeleton = get_skeleton(_layout_of(cfg, pipeline))
    number = cfg.model.cls_head.num_classes
    names, note = _names(classes, cfg.get('classes'), meta.get('classes') or meta.get('CLASSES'), number)
    sampled, persons = CLIP_LEN, 2
    for step in pipeline:
        if step['type'] in SAMPLERS:
            sampled = step['clip_len']
            step['num_clips'] = step.get('num_clips', 1) if clips is None else clips
        if step['type'] in ('FormatGCNInput', 'FormatHeatmapInput'):
            persons = step.get('num_person', persons)
    fps, stepwise = _positive(cfg, 'fps', FPS), cfg.get('stepwise', False)
    if not isinstance(stepwise, bool):
        raise ValueError(f'config key stepwise must be True or False, got {stepwise!r}')
    network = ActionNetwork(
        model, Compose(pipeline), skeleton, names, fps, _positive(cfg, 'window', sampled / fps), persons, calibration,
        name, cfg.model.backbone.get('in_channels', 3) != 2, _takes_shares(skeleton, pipeline),
        stepwise,
    )  # fmt: skip
    return network, notes + ([note] if note else [])


def _pipeline_of(cfg) -> list[dict]:
    section = inference_dataset(cfg)
    if section is None:
        raise ValueError('the config has neither data.test.pipeline nor test_pipeline, which inference needs')
    return [dict(step) for step in section['pipeline']]


def _layout_of(cfg, pipeline: list[dict]):
    layout = (cfg.model.backbone.get('graph_cfg') or {}).get('layout') or cfg.get('layout')
    for step in pipeline if layout is None else ():
        layout = step.get('dataset') or step.get('layout') or layout
    return layout if layout is not None else 'coco'


def _takes_shares(skeleton: Skeleton, pipeline: list[dict]) -> bool:
    """Whether the network was trained on MediaPipe's relative coordinates, as in PYSKL's gesture demo.

    Its PreNormalize2D with mode 'auto' does not change joints between 0 and 1.
    """
    automatic = any(step['type'] == 'PreNormalize2D' and step.get('mode') == 'auto' for step in pipeline)
    return skeleton.name == 'handmp' and automatic


def _names(given, configured, carried, number: int) -> tuple[list[str], str]:
    for names in (given, configured, carried):
        if names:
            return class_names(names, number), ''
    note = (
        f'neither config nor checkpoint has names of the {number} classes, so they are numbered; set them with '
        '--classes ntu60 (or a file with one name per line)'
    )
    return [f'class {index}' for index in range(number)], note


def _positive(cfg, key: str, default: float) -> float:
    value = cfg.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
        raise ValueError(f'config key {key} must be a number above 0 and at most 1000, got {value!r}')
    return float(value)
