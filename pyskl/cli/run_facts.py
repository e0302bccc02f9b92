"""Data of a work_dir for reports: config, best checkpoint, test scores, clips, and the grid of a Ske2Grid."""

import json
from pathlib import Path

import numpy as np

from pyskl.apis import init_recognizer, load_config, test
from pyskl.datasets.pipelines.decompress import DecompressPose
from pyskl.datasets.records.boxes import has_boxes
from pyskl.datasets.records.cache import open_records
from pyskl.datasets.records.store import RecordStore
from pyskl.engine.checkpoints.files import find_checkpoint
from pyskl.engine.config.load import datasets_in
from pyskl.engine.config.settings import dataset_config
from pyskl.engine.flops import clip_shape, macs, parameters
from pyskl.engine.run_summary import network_name
from pyskl.evaluation.score_files import read_predictions
from pyskl.models.backbones import Ske2Grid
from pyskl.models.backbones.skeleton_to_grid import grid_inside
from pyskl.reports.grid import Stage
from pyskl.skeletons import Skeleton, get_skeleton
from pyskl.zoo.classes import class_names

SCORES = 'report_scores.pkl'


class WorkDir:
    """The folder of a training run.

    Args:
        folder: The work_dir.
        checkpoint: Path or glob; None: the best checkpoint, else the latest.
        trust: Whether to read a checkpoint that could run code.
        cfg: The config; None: the config in the folder.

    Raises:
        FileNotFoundError: If the folder does not have exactly one config, or has no checkpoint.
    """

    def __init__(self, folder: str | Path, checkpoint: str | None = None, trust: bool = False, cfg=None) -> None:
        self.folder = Path(folder)
        if cfg is None:
            cfg = load_config(_config_in(self.folder))
            cfg.work_dir = str(self.folder)
        self.cfg = cfg
        self.trust = trust
        self._checkpoint = checkpoint
        self.number = self.cfg.model.cls_head.num_classes
        names = self.cfg.get('classes')
        self.classes = class_names(names) if names is not None else [f'class {i}' for i in range(self.number)]

    @property
    def checkpoint(self) -> str:
        """Path of the checkpoint."""
        if self._checkpoint:
            return find_checkpoint(self._checkpoint)[0]
        patterns = ('best_*.pth', 'latest.pth')
        there = next((pattern for pattern in patterns if any(self.folder.glob(pattern))), None)
        if there is None:
            raise FileNotFoundError(f'{self.folder} has no checkpoint (best_*.pth or latest.pth)')
        return find_checkpoint(str(self.folder / there))[0]

    def predictions(self, scores: str | None = None, again: bool = False):
        """Return scores, labels and names of the test clips; test the checkpoint if its scores are missing.

        Args:
            scores: A score file to use instead.
            again: Whether to test again even if there are scores of an earlier report.

        Raises:
            ValueError: If the number of classes differs from the config's.
        """
        if scores:
            found = read_predictions(scores)
        else:
            path = self.folder / SCORES
            checkpoint = Path(self.checkpoint)
            if again or not path.is_file() or path.stat().st_mtime < checkpoint.stat().st_mtime:
                test(self.cfg, str(checkpoint), dump=str(path), overwrite=[str(path)], trust_checkpoint=self.trust)
            found = read_predictions(path)
        if found.scores.shape[1] != len(self.classes):
            raise ValueError(f'{found.source} has {found.scores.shape[1]} classes, but the config has {self.number}')
        return found

    def facts(self) -> dict[str, str]:
        """Return the facts about the run: network, data, checkpoint, and entries of ``run.json``."""
        model = self.model
        data = datasets_in(dataset_config(self.cfg, 'test') or {})
        cost = macs(model.backbone, _zeros(clip_shape(self.cfg))).total
        found = {
            'network': f'{network_name(self.cfg.model.backbone)}, {parameters(model) / 1e6:.3f} M parameters, '
            f'{cost / 1e9:.2f} GMACs per clip',
            'tested on': ', '.join(f'{d["ann_file"]}{" " + d["split"] if d.get("split") else ""}' for d in data),
            'checkpoint': self.checkpoint,
            'epochs': str(self.cfg.get('total_epochs', '')),
        }
        record = self.folder / 'run.json'
        if record.is_file():
            found.update(_recorded(json.loads(record.read_text())))
        return {key: value for key, value in found.items() if value}

    @property
    def model(self):
        """The recognizer with the checkpoint's weights; built once."""
        if not hasattr(self, '_model'):
            self._model = init_recognizer(self.cfg, self.checkpoint, trust=self.trust)
        return self._model

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the clips."""
        graph = self.cfg.model.backbone.get('graph_cfg') or {}
        layout = graph.get('layout') or self.cfg.get('layout')
        for step in self._test_section().get('pipeline') or () if layout is None else ():
            layout = step.get('dataset') or step.get('layout') or layout
        layout = 'coco' if layout is None else layout
        return get_skeleton(layout if isinstance(layout, str) else dict(layout))

    def _test_section(self) -> dict:
        return (datasets_in(dataset_config(self.cfg, 'test') or {}) or [{}])[0]

    def clips(self) -> 'Clips':
        """Open the records of the test data.

        Raises:
            OSError: If the file does not exist.
        """
        return Clips(open_records(self._test_section()['ann_file']), self.skeleton)

    def grid(self) -> list[Stage] | None:
        """Return the stages of a Ske2Grid; None for another network."""
        backbone = self.model.backbone
        if not isinstance(backbone, Ske2Grid):
            return None
        backbone.refresh()
        stages, matrix = [], backbone.skeleton_matrix
        for upsample, permute in zip(backbone.sampling_stages, backbone.SGT_stages, strict=True):
            matrix = permute(upsample @ matrix)
            last = len(matrix) == backbone.grid_shape[0] * backbone.grid_shape[1]
            shape = backbone.grid_shape if last else _inner_shape(len(matrix), backbone.grid_shape)
            stages.append(Stage(shape, matrix.detach().numpy()))
        return stages


class Clips:
    """Joints of the records of a file, by name.

    Args:
        store: The records.
        skeleton: Skeleton of the joints.
    """

    def __init__(self, store: RecordStore, skeleton: Skeleton) -> None:
        self.store, self.skeleton = store, skeleton
        self._places = {name: place for place, name in enumerate(store.names)}

    def joints(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return joints ``(M, T, V, C)``, and scores ``(M, T, V)`` or None.

        Raises:
            ValueError: If there is no such clip, or it has no joints of the skeleton.
        """
        if name not in self._places:
            raise ValueError(f'no clip {name!r}')
        record = self.store.record(self._places[name])
        if record.get('keypoint') is None:
            raise ValueError('its joints are in another file')
        if has_boxes(record):
            record = DecompressPose(squeeze=False)(dict(record))
        keypoint = record['keypoint']
        if keypoint.ndim != 4 or keypoint.shape[2] != self.skeleton.num_joints:
            wanted = f'{self.skeleton.name} has {self.skeleton.num_joints} joints'
            raise ValueError(f'keypoint is {keypoint.shape}, but {wanted}')
        return keypoint.astype(np.float32), record.get('keypoint_score')


def _config_in(folder: Path) -> Path:
    """Find the config that a training run wrote into its work_dir."""
    if not folder.is_dir():
        raise FileNotFoundError(f'the folder {folder} does not exist')
    configs = sorted(path for path in folder.glob('*.py') if path.is_file())
    if len(configs) != 1:
        names = ', '.join(path.name for path in configs) or 'no .py file'
        raise FileNotFoundError(f'{folder} is not a work_dir: it must contain one config, but contains {names}')
    return configs[0]


def _inner_shape(cells: int, outer: tuple[int, int]) -> tuple[int, int]:
    """Return the shape of an earlier grid: proportions similar to those of the last grid, else a single row."""
    try:
        return grid_inside(cells, outer)
    except ValueError:
        return 1, cells


def _zeros(shape: tuple[int, ...]):
    import torch

    return torch.empty(1, *shape)


def _recorded(record: dict) -> dict[str, str]:
    """Format the entries of ``run.json``; missing keys are skipped."""
    found = {}
    for key in ('seed', 'started', 'git'):
        if record.get(key) is not None:
            found[key] = str(record[key])
    if isinstance(record.get('versions'), dict):
        found['versions'] = ', '.join(f'{name} {version}' for name, version in record['versions'].items())
    machine = record.get('machine')
    if isinstance(machine, dict):
        gpus = ', '.join(machine.get('gpus') or ()) or 'no GPU'
        found['machine'] = f'{machine.get("system", "")}, {machine.get("cores", "?")} cores, {gpus}'
    return found
