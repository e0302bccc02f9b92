"""Convert NTU RGB+D's annotation pickle to the npz files that CTR-GCN and InfoGCN train on.

    pyskl data ntu RAW_DIR --out data/nturgbd --dtype float32
    pyskl data ntu-npz data/nturgbd/ntu60_3danno.pkl --out data/ntu

Writes NTU60_CS.npz and NTU60_CV.npz, or NTU120_CSub.npz and NTU120_CSet.npz (``x_train, y_train, x_test, y_test``),
and with ``--aligned`` InfoGCN's ``_aligned.npz`` of each too. The numbers are those of the published scripts when the
pickle is of ``ntu.py --dtype float32``; float16, its default and PYSKL's, adds a rounding of up to 2 mm from 4 m on.
Arrays are written one sample at a time: memory holds only the pickle. The whole NTU60 takes 20 GB, NTU120 41 GB.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyskl.cli.entry import run
from pyskl.converters.ntu_npz import PROTOCOLS, align, lay_out, write_npz
from pyskl.converters.ntu_protocols import LAST_ACTION_60, LAST_SETUP_60, parse_name
from pyskl.datasets.records.annotations import read_annotations


class Aligned:
    """Make aligned samples, and count those that InfoGCN drops."""

    dropped = 0

    def __call__(self, record: dict, classes: int) -> np.ndarray:
        sample = align(lay_out(record, classes))
        self.dropped += not np.isfinite(sample).all()
        return sample


def npz_paths(folder: Path, classes: int, aligned: bool) -> list[Path]:
    """Return the files to write."""
    kinds = ('', '_aligned') if aligned else ('',)
    return [folder / f'{name}{kind}.npz' for name in PROTOCOLS[classes] for kind in kinds]


def write_set(
    records: Sequence[dict], classes: int, folder: Path, aligned: bool, done: Callable[[Path], object] = str
) -> None:
    """Write the files of NTU60 or NTU120, and print a summary.

    Args:
        records: The annotations.
        classes: 60 or 120.
        folder: Output folder.
        aligned: Whether to write InfoGCN's as well.
        done: Called with each finished file.

    Raises:
        ValueError: If a record is not of this data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in npz_paths(folder, classes, aligned):
        name = path.stem.removesuffix('_aligned')
        sample_of = lay_out if path.stem == name else Aligned()
        counts = write_npz(
            path,
            records,
            classes,
            PROTOCOLS[classes][name],
            sample_of,
            lambda order, name=path.name: tqdm(order, desc=name, unit=' clips', disable=None),
        )
        done(path)
        dropped = getattr(sample_of, 'dropped', 0)
        note = f'; {dropped} with NaN, which InfoGCN skips' if dropped else ''
        print(f'wrote {path}: {counts[0]} train, {counts[1]} test{note}')


def check_free(paths: Sequence[Path]) -> None:
    """Check that no file would be replaced.

    Raises:
        FileExistsError: If one of ``paths`` exists.
    """
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None:
        raise FileExistsError(f'{taken} exists already; pass --overwrite to replace it, or choose another folder')


def classes_of(records: Sequence[dict], path: Path) -> int:
    """Return 60 or 120.

    Raises:
        ValueError: If the names or the labels are not those of NTU RGB+D.
    """
    classes = 60
    for record in records:
        try:
            name = parse_name(str(record.get('frame_dir')))
            if record.get('label') != name.action - 1:
                raise ValueError(f'label {record.get("label")!r} does not match action {name.action}')
        except ValueError as error:
            raise ValueError(
                f'{path} was not written by pyskl data ntu: {record.get("frame_dir")!r}: {error}'
            ) from None
        if name.setup > LAST_SETUP_60 or name.action > LAST_ACTION_60:
            classes = 120
    return classes


def main() -> None:
    parser = argparse.ArgumentParser(description=' '.join(__doc__.splitlines()[:1]))
    parser.add_argument('file', type=Path, metavar='FILE', help='ntu60_3danno.pkl or ntu120_3danno.pkl')
    parser.add_argument('--out', type=Path, required=True, help='folder for the npz files')
    parser.add_argument('--overwrite', action='store_true', help='replace existing npz files')
    parser.add_argument('--aligned', action='store_true', help="also write InfoGCN's _aligned.npz")
    args = parser.parse_args()
    if args.out.exists() and not args.out.is_dir():
        raise NotADirectoryError(f'--out {args.out} is a file; it must be a folder, such as data/ntu')
    if not args.file.exists():
        raise FileNotFoundError(f'{args.file} does not exist; give a pickle written by pyskl data ntu')
    records, _ = read_annotations(args.file)
    classes = classes_of(records, args.file)
    if not args.overwrite:
        check_free(npz_paths(args.out, classes, args.aligned))
    if any(record['keypoint'].dtype == np.float16 for record in records):
        print(f'{args.file} is float16, so coordinates are rounded; the published ones need ntu.py --dtype float32')
    write_set(records, classes, args.out, args.aligned)


if __name__ == '__main__':
    run(main)
