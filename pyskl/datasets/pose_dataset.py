"""A dataset of skeleton records."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from pathlib import Path

import numpy as np

from pyskl.datasets.base import BaseDataset, ClassProb
from pyskl.datasets.fit import Misfit, checks_for, judge
from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.decompress import DecompressPose
from pyskl.datasets.pipelines.precomputed import without_steps
from pyskl.datasets.records.annotations import shown, unknown_split
from pyskl.datasets.records.boxes import has_boxes, whole_number
from pyskl.datasets.records.cache import open_records
from pyskl.datasets.records.checks import several_labels_check
from pyskl.datasets.records.clip_table import UNKNOWN, VALID_SCORES, ClipTable, label_of
from pyskl.datasets.records.kpfiles import KeypointFiles, locate
from pyskl.registry import DATASETS

CHUNK = 2**16  # records per chunk


@DATASETS.register_module()
class PoseDataset(BaseDataset):
    """Dataset of the skeleton records of an annotation file, transformed by a pipeline.

    All processes of a machine share the records (:mod:`pyskl.datasets.records.cache`). A store with precomputed steps
    (:mod:`pyskl.datasets.pipelines.precomputed`) requires a pipeline that begins with them. If records name a
    ``raw_file`` instead of ``keypoint`` (Kinetics-400), it is searched for below the folder of ``ann_file`` and shared
    too (:mod:`pyskl.datasets.records.kpfiles`).

    Args:
        ann_file: The annotation pickle (:mod:`pyskl.datasets.records.annotations`), or a store
            written by ``pyskl pack``.
        pipeline: Transforms; an empty list returns the records unchanged.
        split: A split of the file; None selects all records.
        valid_ratio: If positive, select the records in which at least this share of the frames has a person detected
            with ``box_thr`` (Kinetics-400).
        box_thr: Detection threshold of ``valid_ratio``: 0.5, 0.6, 0.7, 0.8 or 0.9.
        class_prob: How many times a class is sampled per epoch: a list, or a dict by class; 'balanced': all classes
            equally often (:mod:`pyskl.datasets.samplers`). Used by the sampler.
        memcached: Accepted for PYSKL's configs and ignored: sharing records does not need a server.
        mc_cfg: As ``memcached``.
        data_prefix: Folder prepended to ``frame_dir`` and ``filename``; the first folder searched for ``raw_file``.
        test_mode: Whether clips are sampled deterministically.
        multi_class: Whether a label is a list of classes, converted to a multi-hot vector.
        num_classes: Number of classes; other labels raise.
        start_index: Index of a video's first frame.
        modality: Value of ``modality`` in each sample.
        verify: Whether to verify the checksum of each record when it is read.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not an annotation file, does not have the split, a record of the split is invalid, or the
            pipeline does not begin with the store's precomputed steps.
    """

    def __init__(
        self,
        ann_file: str | Path,
        pipeline: Sequence[dict | Callable] | None = None,
        split: str | None = None,
        valid_ratio: float | None = None,
        box_thr: float | None = None,
        class_prob: ClassProb | None = None,
        memcached: bool = False,
        mc_cfg: Sequence = ('localhost', 22077),
        data_prefix: str = '',
        test_mode: bool = False,
        multi_class: bool = False,
        num_classes: int | None = None,
        start_index: int = 0,
        modality: str = 'Pose',
        verify: bool = False,
    ) -> None:
        if not isinstance(ann_file, str | Path):
            raise ValueError(f'PoseDataset ann_file must be the path of an annotation file, got {ann_file!r}')
        if memcached:
            warnings.warn('memcached is ignored: all processes of a machine share the records without it')
        if multi_class and not num_classes:
            raise ValueError('PoseDataset multi_class=True needs num_classes')
        self.ann_file = str(ann_file)
        self.split = split
        self.class_prob = class_prob
        self.test_mode = test_mode
        self.multi_class = multi_class
        self.num_classes = num_classes
        self._prefix = data_prefix or ''
        self._added = {'modality': modality, 'start_index': start_index, 'test_mode': test_mode}
        self._store = open_records(ann_file, verify=verify)
        self._indices = self._select(split)
        if split is not None and self._store.missing(split):
            warnings.warn(
                f'{self.ann_file}: {self._store.missing(split)} clips of split {split!r} have no record and are '
                f'skipped; {len(self._indices)} clips remain'
            )
        self._filtered = False
        self._box_thr = self._keep_valid(valid_ratio, box_thr)
        self._refuse_problems()
        self._keypoint_files = self._find_keypoint_files()
        self.pipeline = Compose(without_steps(pipeline or [], self._store.steps, self.ann_file))
        self._whole_pipeline = [*Compose(self._store.steps).transforms, *self.pipeline.transforms]
        self._refuse_unarranged()
        if num_classes is not None:
            self.check(num_classes=num_classes)

    def _select(self, split: str | None) -> np.ndarray | None:
        """Sorted indices of the split's records in the file; None for all."""
        if split is None:
            return None
        splits = self._store.splits
        if split not in (splits or ()):
            raise unknown_split(self.ann_file, split, splits)
        if len(splits[split]) == 0:
            absent = self._store.missing(split)
            why = f': none of the {absent} clips it names has a record; check.py --fix writes matching splits'
            raise ValueError(f'split {split!r} of {self.ann_file!r} has no clips{why if absent else ""}')
        return splits[split]

    def __repr__(self) -> str:
        split = f', split={self.split!r}' if self.split else ''
        steps = f', {len(self.pipeline.transforms)} transforms' if self.pipeline.transforms else ''
        return f'PoseDataset({self.ann_file!r}{split}: {len(self)} clips{steps})'

    def __getstate__(self) -> dict:
        """Drop the indices of a split when pickling; they are reloaded on unpickling."""
        return self.__dict__ if self._filtered else {**self.__dict__, '_indices': None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if not self._filtered:
            self._indices = self._select(self.split)

    def _index(self, sample: int) -> int:
        """Return the record index of a sample."""
        return sample if self._indices is None else int(self._indices[sample])

    def _chunks(self) -> Iterator[np.ndarray]:
        """Yield the indices of all records in chunks, to bound the memory of a lookup."""
        for start in range(0, len(self), CHUNK):
            end = min(start + CHUNK, len(self))
            yield np.arange(start, end) if self._indices is None else self._indices[start:end]

    def _keep_valid(self, valid_ratio: float | None, box_thr: float | None) -> float | None:
        """Drop records with too few valid frames; return the threshold, or None if nothing is to be dropped."""
        if not isinstance(valid_ratio, float) or valid_ratio <= 0:  # PYSKL: an int, or 0.0, does nothing
            return None
        if box_thr not in VALID_SCORES:
            raise ValueError(f'PoseDataset valid_ratio needs a box_thr of 0.5, 0.6, 0.7, 0.8 or 0.9, got {box_thr!r}')
        selected, rows = [], range(len(self)) if self._indices is None else self._indices
        table = self._store.valid
        if table is not None and not np.isnan(table[rows]).any():  # otherwise the error names the record that lacks it
            frames, counts = table[rows, 0].astype(float), table[rows, 1 + VALID_SCORES.index(box_thr)]
            selected, rows = np.asarray(rows)[counts / frames >= valid_ratio].tolist(), ()
        for index in rows:
            record = self._store.record(index)
            if 'valid' not in record or 'box_score' not in record:
                raise ValueError(
                    f"valid_ratio={valid_ratio} needs records with 'valid' and 'box_score', but record "
                    f'{self._store.name(index)!r} of {self.ann_file!r} does not have them; remove valid_ratio'
                )
            valid = record['valid'].get(box_thr) if isinstance(record['valid'], dict) else None
            if not isinstance(valid, Real) or not whole_number(record.get('total_frames')):
                raise ValueError(
                    f'valid_ratio={valid_ratio} needs valid[{box_thr}] and total_frames, but record '
                    f'{self._store.name(index)!r} of {self.ann_file!r} has valid={shown(record["valid"])} and '
                    f'total_frames={shown(record.get("total_frames"))}'
                )
            if valid / record['total_frames'] >= valid_ratio:
                selected.append(index)
        if not selected:
            raise ValueError(f'no record of {self.ann_file!r} satisfies valid_ratio={valid_ratio}, {box_thr=}')
        self._indices, self._filtered = np.array(selected), True
        return box_thr

    def _refuse_problems(self) -> None:
        wrong = self._store.problem_rows
        if len(wrong) == 0:
            return
        found = np.concatenate([np.intersect1d(chunk, wrong, assume_unique=True) for chunk in self._chunks()])
        if len(found):
            raise self._error(found[0], self._store.problem(found[0]), len(found))

    def _find_keypoint_files(self) -> KeypointFiles | None:
        """Locate the kpfiles of records without ``keypoint``; raise now if one is missing."""
        shapes = self._store.shapes
        absent = [index for chunk in self._chunks() for index in chunk[~shapes[chunk].any(1)].tolist()]
        if not absent:
            return None
        roots = [Path(root) for root in (self._prefix, Path(self.ann_file).expanduser().resolve().parent) if root]
        named = {}
        for index in absent:
            raw_file = self._store.record(index).get('raw_file')
            named.setdefault(raw_file if isinstance(raw_file, str) else None, []).append(index)
        for raw_file, indices in named.items():
            try:
                locate(raw_file, roots)
            except (ValueError, FileNotFoundError) as error:
                raise type(error)(
                    str(self._error(indices[0], f'has no keypoint, and its {error}', len(indices)))
                ) from None
        warnings.warn(
            f'{self.ann_file}: the joints of {len(absent)} clips are read from {len(named)} kpfiles; '
            'pyskl data k400 merges them into one file'
        )
        return KeypointFiles(roots)

    def _refuse_unarranged(self) -> None:
        """Raise if records hold detection boxes but the pipeline starts with a built-in other than DecompressPose."""
        transforms = self.pipeline.transforms
        if not transforms or not type(transforms[0]).__module__.startswith('pyskl.'):
            return
        if any(isinstance(transform, DecompressPose) for transform in transforms):
            return
        record = self._store.record(self._index(0))
        if has_boxes(record) or (record.get('keypoint') is None and 'frame_inds' in record):
            what = "has one row per detection, keypoint (boxes, V, 3); the pipeline must begin with 'DecompressPose'"
            raise self._error(self._index(0), what, len(self))

    def _error(self, index: int, problem: str, count: int) -> ValueError:
        """Error message on record ``index`` of the file, the first of ``count`` of its kind."""
        others = f' (and {count - 1} more)' if count > 1 else ''
        return ValueError(f'annotation file {self.ann_file!r}: record {self._store.name(index)!r} {problem}{others}')

    def __len__(self) -> int:
        return len(self._store) if self._indices is None else len(self._indices)

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64; -1 for records with no or several labels."""
        return self._store.labels if self._indices is None else self._store.labels[self._indices]

    @property
    def names(self) -> list[str]:
        """``frame_dir`` of each sample."""
        names = self._store.names
        return names if self._indices is None else [names[index] for index in self._indices.tolist()]

    def record(self, index: int) -> dict:
        """Return the annotation of sample ``index``; its arrays are read-only."""
        if not -len(self) <= index < len(self):
            raise IndexError(f'sample {index} of a dataset of {len(self)}')
        record = self._store.record(self._index(index % len(self)))
        if self._keypoint_files is not None and record.get('keypoint') is None:
            name = str(record.get('frame_dir', record.get('filename')))
            record['keypoint'] = self._keypoint_files.keypoint(record['raw_file'], name)
        return record

    def __getitem__(self, index: int) -> dict:
        results = self.record(index)
        results.update(self._added)
        scores = results.pop('box_score', None)
        results.pop('valid', None)
        if self._box_thr is not None:
            results['anno_inds'] = scores >= self._box_thr
        if self._prefix:
            for key in ('frame_dir', 'filename'):
                if key in results:
                    results[key] = os.path.join(self._prefix, results[key])
        if self.multi_class:
            hot = np.zeros(self.num_classes, np.float32)
            hot[np.atleast_1d(results['label'])] = 1
            results['label'] = hot
        elif isinstance(results.get('label'), list | tuple | np.ndarray) and np.size(results['label']) == 1:
            results['label'] = label_of(results)
        return self.pipeline(results)

    def extremes(self) -> list[int]:
        """See :meth:`BaseDataset.extremes`."""
        shapes = self._store.shapes if self._indices is None else self._store.shapes[self._indices]
        known = np.flatnonzero(shapes[:, 2] > 0)
        if len(known) == 0:
            return [0]
        persons, frames = shapes[known, 0], shapes[known, 1]
        found = [0, frames.argmax(), frames.argmin(), persons.argmax(), persons.argmin()]
        return list(dict.fromkeys([0, *(int(known[row]) for row in found[1:])]))

    def misfits(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[Misfit]:
        """See :meth:`BaseDataset.misfits`; rows are sample indices. Reads tables, not records."""
        classes = None if self.multi_class else num_classes
        checks = checks_for(self._whole_pipeline, num_joints, dims, classes, not self.test_mode, layout)
        if self.multi_class and num_classes is not None:
            checks.append(several_labels_check(num_classes))
        return judge(self._tables(), checks)

    def clip_name(self, row: int) -> str:
        """See :meth:`BaseDataset.clip_name`."""
        return self._store.name(self._index(row))

    def _tables(self) -> Iterator[tuple[int, ClipTable]]:
        """Yield the tables of the samples, :data:`CHUNK` at a time."""
        store, start = self._store, 0
        for rows in self._chunks():
            # Stores of earlier versions do not have ranges.
            ranges = np.tile(UNKNOWN, (len(rows), 1)) if store.ranges is None else store.ranges[rows]
            part = store.labels[rows], store.shapes[rows], store.has_score[rows], ranges
            yield start, ClipTable(*part, lambda row, rows=rows: store.record(int(rows[row])))
            start += len(rows)

    def _message(self, misfit: Misfit) -> str:
        return f'annotation file {self.ann_file!r}: {misfit.line(self.clip_name)}'
