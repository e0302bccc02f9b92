"""NTU RGB+D as the arrays that CTR-GCN and InfoGCN train on: ``x_train, y_train, x_test, y_test`` of one npz.

``x`` is ``(N, 300, 150)`` float32: padded with all-zero frames; two actors, 25 joints, x y z, metres from the first
actor's mid-spine in its first frame. ``y`` is one-hot ``(N, classes)``. Samples are sorted by
subject, camera or setup, then by name.

The second actor of a clip with one actor is zero in NTU60 and a copy of the first in NTU120, as in the two published
scripts. InfoGCN's ``_aligned`` files rotate each person so that the spine of frame 0 is z and the hips are x.

Axes: ``M`` actors, ``T`` frames, ``V`` joints.

Sources: CTR-GCN, https://github.com/Uason-Chen/CTR-GCN (seq_transformation.py); InfoGCN,
https://github.com/stnoah1/infogcn.
"""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from pyskl.converters.ntu_protocols import TRAIN_CAMERAS, TRAIN_SUBJECTS, parse_name
from pyskl.files import replacing
from pyskl.skeletons import get_skeleton

FRAMES, ACTORS = 300, 2
EMPTY_ACTORS = 'empty_actors'  # key of a record: number of additional all-zero actors in the published arrays
SKELETON = get_skeleton('nturgb+d')
WIDTH = ACTORS * SKELETON.num_joints * 3
_LEFT_HIP, _RIGHT_HIP = SKELETON.joints.index('left_hip'), SKELETON.joints.index('right_hip')


class Protocol(NamedTuple):
    """Return the name field that a protocol splits by, and its training values."""

    field: str
    trains: Callable[[int], bool]


_SUBJECTS = Protocol('performer', TRAIN_SUBJECTS.__contains__)
PROTOCOLS = {
    60: {'NTU60_CS': _SUBJECTS, 'NTU60_CV': Protocol('camera', TRAIN_CAMERAS.__contains__)},
    120: {'NTU120_CSub': _SUBJECTS, 'NTU120_CSet': Protocol('setup', lambda setup: setup % 2 == 0)},
}


def sample_order(names: Sequence[str], protocol: Protocol) -> tuple[list[int], list[int]]:
    """Return training and test indices into ``names``, sorted by subject, camera or setup, then by name."""
    ids = [getattr(parse_name(name), protocol.field) for name in names]
    order = sorted(range(len(names)), key=lambda i: (ids[i], names[i]))
    return [i for i in order if protocol.trains(ids[i])], [i for i in order if not protocol.trains(ids[i])]


def center(actors: np.ndarray) -> np.ndarray:
    """Centre ``(M, T, V, 3)`` at the first actor's origin in its first non-empty frame; float32, metres.

    All-zero frames of an actor stay zero.
    """
    actors = actors.astype(np.float32)
    seen = actors.any(axis=(2, 3))
    origin = actors[0, np.argmax(seen[0]), SKELETON.origin]
    return np.where(seen[..., None, None], actors - origin, np.float32(0))


def lay_out(record: dict, classes: int) -> np.ndarray:
    """Convert an annotation of NTU60 or NTU120 to a sample ``(300, 150)``.

    Raises:
        ValueError: If it has more than 300 frames or more than two actors, or does not have 25 joints in 3D.
    """
    actors = record['keypoint']
    if actors.shape[0] > ACTORS or actors.shape[1] > FRAMES or actors.shape[2:] != (SKELETON.num_joints, 3):
        raise ValueError(
            f'clip {record["frame_dir"]!r} has keypoint {actors.shape}; the npz holds at most ({ACTORS}, {FRAMES}, '
            f'{SKELETON.num_joints}, 3)'
        )
    actors = center(actors)
    if len(actors) < ACTORS and classes == 120 and not record.get(EMPTY_ACTORS):
        actors = np.concatenate([actors, actors])
    sample = np.zeros((FRAMES, ACTORS, *actors.shape[2:]), np.float32)
    sample[: actors.shape[1], : len(actors)] = actors.swapaxes(0, 1)
    return sample.reshape(FRAMES, WIDTH)


def align(sample: np.ndarray) -> np.ndarray:
    """Rotate each person by its own frame 0, x along the hips and z along the spine; ``(300, 150)`` -> same.

    The rotation is InfoGCN's, which mirrors (determinant -1). A person absent from frame 0 becomes zero in all frames;
    one whose hips coincide becomes NaN, and InfoGCN drops the sample on loading. Both as published.
    """
    persons = sample.reshape(FRAMES, ACTORS, SKELETON.num_joints, 3).astype(np.float64)
    out = np.zeros_like(persons)
    base, mid = SKELETON.spine
    for person in range(ACTORS):
        first = persons[0, person]
        spine = first[mid] - first[base]
        length = np.linalg.norm(spine)
        if length == 0:
            continue
        up = spine / length
        hips = first[_LEFT_HIP] - first[_RIGHT_HIP]
        across = hips - (up @ hips) * up
        width = np.linalg.norm(across)
        if width == 0:
            out[:, person] = np.nan
            continue
        across /= width
        out[:, person] = persons[:, person] @ np.stack([across, np.cross(across, up), up], axis=1)
    return out.astype(np.float32).reshape(FRAMES, WIDTH)


def write_npz(
    path: Path,
    records: Sequence[dict],
    classes: int,
    protocol: Protocol,
    sample_of: Callable[[dict, int], np.ndarray] = lay_out,
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> tuple[int, int]:
    """Write one npz, one sample at a time; return the numbers of training and test samples.

    Args:
        path: The file, written atomically.
        records: Annotations of NTU60 or NTU120.
        classes: 60 or 120.
        protocol: One of :data:`PROTOCOLS`.
        sample_of: Converts a record to a sample.
        bar: Progress bar over the samples.

    Raises:
        ValueError: If a record is not of NTU RGB+D.
    """
    train, test = sample_order([record['frame_dir'] for record in records], protocol)
    todo = iter(bar([*train, *test]))
    with replacing(path) as file, zipfile.ZipFile(file, 'w', zipfile.ZIP_STORED) as archive:
        for part, chosen in (('train', train), ('test', test)):
            with _member(archive, f'x_{part}', (len(chosen), FRAMES, WIDTH), np.float32) as member:
                for _ in chosen:
                    member.write(sample_of(records[next(todo)], classes).tobytes())
            with _member(archive, f'y_{part}', (len(chosen), classes), np.float64) as member:
                for i in chosen:
                    member.write((np.arange(classes) == records[i]['label']).astype(np.float64).tobytes())
    return len(train), len(test)


def _member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: type) -> BinaryIO:
    """Open an array of the archive and write its header; without a date, so that equal arrays give equal files."""
    member = archive.open(zipfile.ZipInfo(f'{name}.npy', (1980, 1, 1, 0, 0, 0)), 'w', force_zip64=True)
    header = {'descr': np.lib.format.dtype_to_descr(np.dtype(dtype)), 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(member, header)
    return member
