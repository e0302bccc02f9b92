"""Convert Kinetics-skeleton (OpenPose, ST-GCN's release) to the annotation pickle, splits train and val.

    pyskl data kinetics-skeleton data/kinetics-skeleton --out data/kinetics/kinetics_skeleton.pkl --jobs 8

The folder has ``kinetics_train/`` and ``kinetics_val/`` with one JSON file per clip, ``kinetics_train_label.json``
and ``kinetics_val_label.json``; one split alone is enough. A clip is ``keypoint`` (M, T, 18, 2), pixels of the 256 x
340 images that the poses were estimated in, 0 for undetected joints, and ``keypoint_score`` (M, T, 18). Of the first
five persons of each frame, the two with the highest sums of scores are selected independently per frame, as in ST-GCN.
Clips without a person, also according to the tables, are skipped; files and tables that contradict each other are
garbled. Skipped clips are listed in ``X.skipped.csv``, class names in ``X.classes.txt``. The same command resumes an
interrupted run.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.job import LeftOut, add_job_options, check_job_options, convert, write_out
from pyskl.converters.kinetics_skeleton import (
    IMAGE_SIZE,
    PERSONS_IN,
    PERSONS_OUT,
    Entry,
    check_labels,
    parse_clip,
    parse_table,
)
from pyskl.converters.labels import check_classes_free, write_classes

SPLITS = ('train', 'val')
MAX_CLIP_BYTES = 64 << 20  # 300 frames of five persons take a few MB
Item = tuple[Path, Entry | None]


def find_tables(source: Path) -> dict[str, dict[str, Entry]]:
    """Read the table of each existing split.

    Raises:
        ValueError: If there is none, one is not a table, or the two have different class names.
        OSError: If a split has only clips or only a table.
    """
    tables = {}
    for split in SPLITS:
        folder, table = source / f'kinetics_{split}', source / f'kinetics_{split}_label.json'
        if folder.is_dir() != table.is_file():
            there, lacking = (folder, table) if folder.is_dir() else (table, folder)
            raise FileNotFoundError(f'{there} exists but {lacking} does not; a split needs both')
        if table.is_file():
            try:
                tables[split] = parse_table(table.read_bytes())
            except ValueError as why:
                raise ValueError(f'label file {table}: {why}') from None
    if not tables:
        raise ValueError(
            f'{source} has neither kinetics_train/ with kinetics_train_label.json nor kinetics_val/ with its label file'
        )
    try:
        check_labels(entry for table in tables.values() for entry in table.values())
    except ValueError as why:
        raise ValueError(f'the label files of {source} contradict each other: {why}') from None
    return tables


def find_clips(source: Path, tables: dict[str, dict[str, Entry]]) -> tuple[list[Item], dict[str, list[str]]]:
    """Make one clip per entry or file, by split and name, and the names of each split."""
    items, splits = [], {}
    for split, table in tables.items():
        folder = source / f'kinetics_{split}'
        names = sorted({path.stem for path in folder.iterdir() if path.suffix == '.json'} | set(table))
        items += [(folder / f'{name}.json', table.get(name)) for name in names]
        splits[split] = names
    return items, splits


def read_clip(item: Item, dtype: str, persons_in: int, persons_out: int) -> dict:
    """Convert a clip to an annotation.

    Raises:
        LeftOut: If it has no person, or its file does not exist.
        ValueError: If it is garbled, or contradicts the table.
    """
    path, entry = item
    if entry is None:
        raise ValueError('is not in the label file')
    if not entry.has_skeleton:
        raise LeftOut('no skeleton', 'the label file says has_skeleton false')
    if not path.exists():
        raise LeftOut('no file', 'is in the label file only')
    if path.stat().st_size > MAX_CLIP_BYTES:
        raise ValueError(f'larger than {MAX_CLIP_BYTES >> 20} MB')
    clip = parse_clip(path.read_bytes(), persons_in, persons_out)
    if (clip.label, clip.label_index) != (entry.label, entry.label_index):
        raise ValueError(
            f'is {clip.label!r} ({clip.label_index}), in the label file {entry.label!r} ({entry.label_index})'
        )
    if not clip.score.any():
        raise LeftOut('no person', 'no frame has a person, though the label file says has_skeleton true')
    height, width = IMAGE_SIZE
    keypoint = (clip.keypoint * np.array([width, height], np.float32)).astype(dtype)
    return {
        'frame_dir': path.stem,
        'label': clip.label_index,
        'total_frames': keypoint.shape[1],
        'img_shape': IMAGE_SIZE,
        'original_shape': IMAGE_SIZE,
        'keypoint': keypoint,
        'keypoint_score': clip.score.astype(dtype),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'source', type=Path, metavar='DIR', help='folder of kinetics_train/, kinetics_val/, label files'
    )
    add_job_options(parser)
    parser.add_argument(
        '--dtype',
        choices=('float16', 'float32'),
        default='float16',
        help='float16 rounds to 1/8 pixel (default: float16)',
    )
    parser.add_argument('--persons-in', type=int, default=PERSONS_IN, help='persons per frame to consider (default: 5)')
    parser.add_argument('--persons-out', type=int, default=PERSONS_OUT, help='persons per frame to select (default: 2)')
    args = parser.parse_args()
    if not 1 <= args.persons_out <= args.persons_in:
        raise ValueError(f'--persons-out must be 1 to --persons-in ({args.persons_in}), got {args.persons_out}')
    check_job_options(args)
    if not args.source.is_dir():
        raise NotADirectoryError(f'DIR {args.source} is not a folder; give the folder with kinetics_train/')
    tables = find_tables(args.source)
    classes = check_labels(entry for table in tables.values() for entry in table.values())
    check_classes_free(args, classes)
    items, splits = find_clips(args.source, tables)
    options = {'dtype': args.dtype, 'persons_in': args.persons_in, 'persons_out': args.persons_out}
    outcome = convert(args, items, partial(read_clip, **options), sorted(options.items()))
    write_out(args, outcome, splits, 'openpose')
    write_classes(args, classes)


if __name__ == '__main__':
    run(main)
