"""Apply a config's pipeline to a clip, and find the recorded frame of each output frame."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyskl.cli.data.clip_choice import problem_numbers
from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.decompress import DecompressPose
from pyskl.datasets.pipelines.heatmap import GeneratePoseTarget
from pyskl.datasets.pipelines.sampling import PoseDecode
from pyskl.datasets.pipelines.source_frames import TIMED, source_frames
from pyskl.datasets.pipelines.streams import GenSkeFeat
from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.boxes import has_boxes
from pyskl.engine.config.data import dataset_config
from pyskl.engine.config.errors import error_context
from pyskl.engine.config.load import datasets_in, load_config
from pyskl.skeletons import Skeleton, get_skeleton
from pyskl.visualization.colors import joint_sides, limb_sides, shades
from pyskl.visualization.panels import HeatmapPanel, JointsPanel, as_vectors
from pyskl.visualization.projection import guess_up
from pyskl.visualization.skeleton import visibility

STREAMS = {'j': 'joints', 'b': 'bones from 0', 'jm': 'motion of joints from 0', 'bm': 'motion of bones from 0'}
BROKEN = (ValueError, KeyError, IndexError, TypeError)  # exceptions that a pipeline raises for an unsuitable clip


class _Chosen(PoseDataset):
    """The valid records among those selected; invalid ones are skipped instead of raising."""

    def __init__(self, chosen: np.ndarray, **options) -> None:
        self.chosen = chosen
        super().__init__(**options)

    def _select(self, split: str | None) -> np.ndarray:
        return np.setdiff1d(self.chosen, problem_numbers(self._store))

    def place(self, number: int) -> int | None:
        """Sample index of record ``number`` of the file; None if the options exclude it."""
        place = int(np.searchsorted(self._indices, number))
        return place if place < len(self) and self._indices[place] == number else None


@dataclass
class Fed:
    """One clip as fed to the network.

    Args:
        panels: Panels that draw it.
        captions: One per panel.
        source: ``(T,)``: the recorded frame of each frame.
    """

    panels: list
    captions: list[str]
    source: np.ndarray


class Feeder:
    """The pipeline of a config's phase, applied to any clip of a file.

    The colour of a person depends on the position in the array, which PreNormalize3D may change.

    Args:
        config: Config file.
        file: Annotation file, which replaces that of the config.
        phase: 'train', 'val' or 'test'.
        chosen: Indices of the records that may be requested.

    Raises:
        ValueError: If the config cannot be read or its pipeline cannot be built.
    """

    def __init__(self, config: Path, file: Path, phase: str, chosen: np.ndarray) -> None:
        cfg = load_config(config)
        found = [d for d in datasets_in(dataset_config(cfg, phase) or {}) if 'ann_file' in d]
        if not found:
            raise ValueError(f'{config} has no data.{phase} with an ann_file')
        own = [d for d in found if Path(str(d['ann_file'])).resolve() == file.resolve()]
        options = dict((own or found)[0])
        kind = options.pop('type', 'PoseDataset')
        if kind != 'PoseDataset':
            raise ValueError(f'{config}: data.{phase} is a {kind}; browse needs a PoseDataset')
        if not options.get('multi_class'):
            options.pop('num_classes', None)
        options.update(ann_file=str(file), split=None)
        if phase != 'train':
            options['test_mode'] = True
        with error_context(f'data.{phase}'):
            self.dataset = _Chosen(chosen, **options)
        self.transforms, self.dataset.pipeline = self.dataset.pipeline.transforms, Compose([])  # applied one by one
        self.phase = phase
        model = cfg.get('model') or {}
        layout = ((model.get('backbone') or {}).get('graph_cfg') or {}).get('layout')
        self.skeleton = None if layout is None else get_skeleton(layout if isinstance(layout, str) else dict(layout))

    def feed(self, index: int, seed: int, skeleton: Skeleton, height: int, view: tuple[float, float]) -> Fed:
        """Return record ``index`` of the file, with the augmentation of ``seed``.

        Raises:
            ValueError: If the config excludes the clip, or its pipeline fails on it.
        """
        place = self.dataset.place(index)
        if place is None:
            raise ValueError(f'data.{self.phase} excludes it (valid_ratio)')
        np.random.seed((seed + index) % 2**32)
        random.seed(seed + index)
        results = self.dataset[place]
        source = np.arange(results['total_frames'] if has_boxes(results) else results['keypoint'].shape[1])
        streams = target = None
        joints = results['keypoint']
        for transform in self.transforms:
            before = results.get('keypoint')
            inds, start = results.get('frame_inds'), results.get('start_index') or 0
            if isinstance(transform, DecompressPose) and has_boxes(results) and transform.squeeze:
                source = np.unique(np.asarray(inds)[results.get('anno_inds', slice(None))])
            if isinstance(transform, GenSkeFeat):
                streams, joints = transform.feats, before
            if isinstance(transform, GeneratePoseTarget):
                target = transform
            try:
                timed = source_frames(transform, results) if isinstance(transform, TIMED) else None
                results = transform(results)
            except BROKEN as error:
                message = error if isinstance(error, ValueError) else f'{type(error).__name__}: {error}'
                raise ValueError(f'data.{self.phase}, {type(transform).__name__}: {message}') from error
            after = results.get('keypoint')
            if before is None or after is None or np.ndim(before) != 4 or np.ndim(after) != 4:
                continue
            if isinstance(transform, PoseDecode) and inds is not None:
                source = source[(np.asarray(inds).reshape(-1) - start).clip(0, len(source) - 1)]
            elif timed is not None:
                source = source[timed]
            elif before.shape[1] != after.shape[1]:
                source = source[_origin(before, after)]
        if 'imgs' in results:
            return self._heatmaps(np.asarray(results['imgs']), source, target, height, skeleton)
        keypoint = np.asarray(results.get('keypoint'))
        if keypoint.ndim not in (4, 5):
            raise ValueError(
                f'data.{self.phase} yields neither keypoint (clips, M, T, V, C) nor imgs, but {sorted(results)}'
            )
        keypoint = keypoint[None] if keypoint.ndim == 4 else keypoint
        up = guess_up(joints, visibility(joints, zero_is_unseen=False), skeleton) if skeleton.dims == 3 else None
        return self._joints(keypoint, source, streams, skeleton, height, view, up)

    def _caption(self, what: str, clips: int, shape: tuple[int, ...]) -> str:
        which = f' · clip 1 of {clips}' if clips > 1 else ''
        return f'{self.phase}: {what} {" x ".join(map(str, shape))}{which}'

    def _joints(self, keypoint, source, streams, skeleton, height, view, up) -> Fed:
        """Make one panel per stream from ``keypoint`` ``(S, M, T, V, C)``."""
        clips, first = len(keypoint), keypoint[0]
        channels = first.shape[-1]
        if streams is None:
            count = channels // skeleton.dims if channels > 3 and channels % skeleton.dims == 0 else 1
            streams = ('j',) if count == 1 else tuple(f'part {part + 1}' for part in range(count))
        each = channels // len(streams)
        if first.shape[2] != skeleton.num_joints or each < 2:
            raise ValueError(
                f'data.{self.phase} yields keypoint {keypoint.shape}, which does not fit {skeleton.name!r}'
            )
        fed = Fed([], [], _as_long(source, first.shape[1]))
        for number, stream in enumerate(streams):
            part = first[..., number * each : (number + 1) * each].astype(np.float32)
            part, score = (part[..., :2], part[..., 2]) if skeleton.dims == 2 and each == 3 else (part[..., :3], None)
            visible = visibility(part, score, zero_is_unseen=False)
            own, vectors = skeleton, stream in ('b', 'jm', 'bm')
            if vectors:
                part, visible, own = as_vectors(part, visible, skeleton)
            flat = part.shape[-1] == 2
            panel = JointsPanel(
                part, visible, own, height, None, view, up, origin=flat or vectors, floor=not vectors, square=True
            )
            fed.panels.append(panel)
            fed.captions.append(self._caption(STREAMS.get(stream, stream), clips, (*first.shape[:3], each)))
        return fed

    def _heatmaps(self, imgs, source, target, height, skeleton) -> Fed:
        """Make the panel of ``imgs``, ``(S, K, T, H, W)`` or, directly after GeneratePoseTarget, ``(T, K, H, W)``."""
        imgs = imgs.swapaxes(0, 1)[None] if imgs.ndim == 4 else imgs
        if imgs.ndim != 5:
            raise ValueError(f'data.{self.phase} yields imgs {imgs.shape}; they must be (clips, K, T, H, W)')
        sides = np.ones(imgs.shape[1], int)
        what = 'heatmaps'
        if target is not None:
            sides = joint_sides(skeleton)
            sides = limb_sides(target.limbs, sides) if target.with_limb else sides
            what = f'heatmaps of {"limbs" if target.with_limb else "joints"}'
        panel = HeatmapPanel(imgs[0], shades(sides), height)
        caption = self._caption(what, len(imgs), imgs.shape[1:])
        return Fed([panel], [caption], _as_long(source, imgs.shape[2]))


def _as_long(source: np.ndarray, frames: int) -> np.ndarray:
    """Return the first ``frames`` items of ``source`` (the first clip), or repeat items evenly if it is shorter."""
    if len(source) >= frames:
        return source[:frames]
    return source[np.arange(frames) * len(source) // frames]


def _origin(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return, for each frame of ``after``, the index of its frame in ``before``; both ``(M, T, V, C)``.

    Frames are matched by content; if that changed too, by PreNormalize3D's rule (drop frames without the main person),
    or evenly.
    """
    channels = min(before.shape[-1], after.shape[-1])
    if len(before) == len(after) and before.shape[2] == after.shape[2]:
        old, new = (
            [np.ascontiguousarray(a[:, t, :, :channels], np.float32).tobytes() for t in range(a.shape[1])]
            for a in (before, after)
        )
        places = {content: t for t, content in reversed(list(enumerate(old)))}
        found = [places.get(content) for content in new]
        if None not in found:
            return np.array(found)
    filled = (before != 0).any((2, 3))
    filled_frames = np.flatnonzero(filled[filled.sum(1).argmax()])
    if len(filled_frames) == after.shape[1]:
        return filled_frames
    return np.arange(after.shape[1]) * before.shape[1] // after.shape[1]
