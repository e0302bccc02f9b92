"""Convert an annotation pickle to a store: one file of any size, read by all processes, with a checksum per
clip.

    pyskl pack X.pkl X.skl                   # ann_file='X.skl' trains like ann_file='X.pkl'
    pyskl pack X.pkl X.skl --config CFG      # precompute the first transforms of the config
    pyskl pack X.shard-*-of-8.pkl X.skl      # merge the shards of a data tool
    pyskl pack X.skl X.pkl                   # convert back
    pyskl pack X.skl --verify                # verify all checksums

The pickles may be larger than memory. With --config the deterministic transforms with which the train, val
and test pipelines all begin (PreNormalize3D, PreNormalize2D) are applied now and skipped in training;
training with a config that begins with other transforms raises. Clips that training would reject are skipped
and listed in X.skl.skipped.csv.

A store is never changed in place, so that any number of machines can read it over a shared file system. Do
not --overwrite a store that is in use elsewhere; choose a new name.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyskl.cli.data.merge import empty_splits, in_order
from pyskl.cli.entry import run
from pyskl.converters.job import GARBLED, check_bad, left_out, write_skipped
from pyskl.datasets.pipelines.precomputed import Step, leading_steps, runner, written
from pyskl.datasets.records.pickle_stream import PickleWriter
from pyskl.datasets.records.store import RecordStore, is_store
from pyskl.datasets.records.store_writer import pack_annotations
from pyskl.datasets.records.survey import span
from pyskl.files import replacing

SHOWN = 5  # damaged clips to name
PICKLES = ('.pkl', '.pickle')


def steps_of(config: Path) -> list[Step]:
    """Return the steps that all pipelines of a config begin with and that can be precomputed per clip.

    Raises:
        ValueError: If the config cannot be read, or there is none.
    """
    from pyskl.engine.config.data import dataset_config  # the engine takes seconds to import
    from pyskl.engine.config.load import PHASES, datasets_in, load_config

    cfg = load_config(config)
    datasets = [found for phase in PHASES for found in datasets_in(dataset_config(cfg, phase) or {})]
    pipelines = [dataset.get('pipeline') or [] for dataset in datasets if 'ann_file' in dataset]
    steps = leading_steps(pipelines)
    if not steps:
        first = ', '.join(sorted({str(p[0].get('type')) if p else 'nothing' for p in pipelines})) or 'no data'
        raise ValueError(
            f'--config {config}: its pipelines (which begin with {first}) do not begin with a common deterministic '
            f'transform; pack without --config'
        )
    return steps


def pack(sources: list[Path], target: Path, config: Path | None, max_bad: float) -> None:
    """Write the store.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If a source is not an annotation file, does not fit the config, or has too many bad clips.
    """
    steps = [] if config is None else steps_of(config)
    take = runner(steps) if steps else None
    bad: list[tuple[str, str]] = []
    # Not X.skipped.csv, which lists the clips that the tool that wrote X.pkl skipped.
    table = target.with_name(f'{target.name}.skipped.csv')
    count = 0

    def prepare(record: dict) -> dict:
        nonlocal count
        count += 1
        if record.get('keypoint') is None:
            name = record.get('frame_dir', record.get('filename'))
            raise ValueError(
                f'--config needs the joints of clip {name!r}, which are in another file; pack without --config'
            )
        return take(record)

    with replacing(target) as file:
        pack_annotations(sources, file, prepare if steps else None, steps, bad)
        file.flush()
        store = RecordStore(file.name)
        skipped = [(name, GARBLED, problem) for name, problem in bad]
        if skipped:
            write_skipped(table, skipped)
            check_bad(skipped, len(store) + len(bad), max_bad, table)
        if len(store) == 0:
            raise ValueError(f'{sources[0]}: none of {len(bad)} clips is valid; see the reasons in {table}')
    store = RecordStore(target)
    print(summary(store))
    print(left_out(skipped, len(store) + len(bad), table))
    if steps:
        print(f'precomputed: {written(steps)}')
    print(f'wrote {target}')


def unpack(source: Path, target: Path) -> None:
    """Write the pickle.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If the store is damaged, or has precomputed steps.
    """
    store = RecordStore(source, verify=True)
    if store.steps:
        raise ValueError(
            f'{source} has clips processed by {written(store.steps)}, which cannot be undone; use the original pickle, '
            f'{store.source}'
        )
    with replacing(target) as file:
        writer = PickleWriter(file, bare=store.splits is None)
        for record in tqdm(store, desc='clips', unit=' clips', disable=None):
            writer.add(record)
        writer.finish(store.split_names())
    print(summary(store))
    print(f'wrote {target}')


def verify(path: Path) -> int:
    """Verify every checksum; return 1 if one is wrong."""
    if not is_store(path):
        raise ValueError(f'{path} is not a store; --verify needs a file written by pack.py')
    store = RecordStore(path)
    found = tqdm(store.damage(), total=len(store), desc='clips', unit=' clips', disable=None)
    damaged = [item for item in found if item is not None]
    if not damaged:
        print(f'{path}: {len(store)} clips, all checksums are correct')
        return 0
    tables = [item for item in damaged if isinstance(item, str)]
    clips = [item for item in damaged if not isinstance(item, str)]
    print(f'{path} is damaged; copy it again, or pack {store.source} again')
    print(f'tables: {len(tables)}{"".join(f", {name}" for name in tables)}')
    names = {
        index: str(index) if {'names', 'names_ends'} & set(tables) else store.name(index) for index in clips[:SHOWN]
    }
    print(f'clips: {len(clips)}', *(f'    {name}' for name in names.values()), sep='\n')
    return 1


def summary(store: RecordStore) -> str:
    """Summarise the store from its tables."""
    shapes, labels = np.asarray(store.shapes), store.labels
    known = shapes[shapes[:, 2] > 0]
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    lines = [f'{len(store)} clips, {len(classes)} classes']
    if len(known):
        joints = ', '.join(map(str, np.unique(known[:, 2])))
        frames, (numbers, clips) = known[:, 1], np.unique(known[:, 0], return_counts=True)
        lines[0] += f', {joints} joints, {", ".join(f"{dims}D" for dims in np.unique(known[:, 3]))}'
        lines += [
            f'frames: {frames.min()} min, {np.median(frames):g} median, {frames.max()} max, {frames.sum()} total',
            f'persons per clip: {", ".join(f"{n} in {c}" for n, c in zip(numbers, clips, strict=True))}',
        ]
    if len(classes):
        lines.append(f'clips per class: {span(counts)}')
    lines += [f'split {split}: {len(members)}' for split, members in (store.splits or {}).items()]
    return '\n'.join(lines)


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Check, before any work, that the target may be written.

    Raises:
        OSError: If it exists and may not be replaced.
    """
    if target.is_dir():
        raise IsADirectoryError(f'{target} is a folder; name a file in it, such as {target / "data.skl"}')
    if target.exists() and (not overwrite or target.samefile(source)):
        raise FileExistsError(
            f'{target} exists already; choose another file, or pass --overwrite to replace it (never SOURCE)'
        )


def main() -> int | None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'files',
        type=Path,
        nargs='+',
        metavar='FILE',
        help='input pickles (or store), then the output store (or pickle)',
    )
    parser.add_argument(
        '--config', type=Path, metavar='CFG', help='precompute the first transforms of the pipelines of this config'
    )
    parser.add_argument('--verify', action='store_true', help='verify the checksums of a store, write nothing')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing output file')
    parser.add_argument(
        '--max-bad', type=float, default=1, metavar='PERCENT', help='stop above this share of bad clips (default: 1)'
    )
    args = parser.parse_args()
    if args.verify and (len(args.files) > 1 or args.config):
        raise ValueError('--verify needs a single store, and no --config')
    *sources, target = args.files if len(args.files) > 1 else (*args.files, None)
    for source in sources:
        if not source.is_file():
            kind = 'is a folder' if source.is_dir() else 'does not exist'
            raise FileNotFoundError(f'{source} {kind}; it must be an annotation pickle or a store')
    if args.verify:
        return verify(sources[0])
    if target is None:
        raise ValueError(f'the output file is missing after {sources[0]}, e.g. {sources[0].with_suffix(".skl")}')
    if not 0 <= args.max_bad <= 100:
        raise ValueError(f'--max-bad must be 0 to 100 (percent), got {args.max_bad:g}')
    for source in sources:
        check_target(source, target, args.overwrite)
    sources, are_shards = in_order(sources)
    if are_shards:
        sources = [source for source in sources if empty_splits(source) is False] or sources
    check_kinds(sources, target, args.config)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix in PICKLES:
        return unpack(sources[0], target)
    return pack(sources, target, args.config, args.max_bad)


def check_kinds(sources: list[Path], target: Path, config: Path | None) -> None:
    """Check the kinds of files: pickles to a store, a store to a pickle, or with ``config`` a store to a store.

    Raises:
        ValueError: If they do not fit.
    """
    to_pickle = target.suffix in PICKLES
    for source in sources:
        from_store = is_store(source)
        if from_store and config and not to_pickle:
            if RecordStore(source).steps:
                raise ValueError(f'{source} has precomputed transforms already; pack the original pickle')
        elif from_store != to_pickle or (config and to_pickle):
            raise ValueError(
                f'{source} is a {"store" if from_store else "pickle"}: the output must be a '
                f'{"pickle, X.pkl, without --config" if from_store else "store, X.skl"}, got {target}'
            )
    if to_pickle and len(sources) > 1:
        raise ValueError(f'only one store can be converted to a pickle, got {len(sources)}; see pyskl data merge')


if __name__ == '__main__':
    run(main)
