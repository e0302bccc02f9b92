"""Render clips of an annotation file as videos, as recorded and as transformed by a config's pipeline.

    pyskl browse data/nwucla/nwucla.pkl --out browse                       # a contact sheet
    pyskl browse data/nwucla/nwucla.pkl --ids a01_s01_e00_v01 --out browse
    pyskl browse X.pkl --split xsub_val --label 3 --random 5 --format mp4 --out browse
    pyskl browse X.pkl --random 5 --config configs/posec3d/.../joint.py --phase test --out browse

Each person has a hue, with a light shade for the left side and a dark one for the right; opacity is the joint's score.
3D joints are projected orthographically in one view box for the whole clip, 2D joints are drawn in their image. With
--config the recorded clip is shown next to the input of the network: joints, bones or motion (as lines from 0), or
heatmaps with all channels in one image. Existing videos are not drawn again without --overwrite.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyskl.cli.data.clip_choice import (
    add_choice_options,
    chosen_clips,
    file_stems,
    guess_layout,
    is_processed,
    joints_of,
    layout_of,
    named_label,
    problem_numbers,
)  # fmt: skip
from pyskl.cli.entry import run
from pyskl.converters.labels import read_classes
from pyskl.datasets.records.cache import open_records
from pyskl.datasets.records.store import RecordStore
from pyskl.errors import one_line
from pyskl.skeletons import Skeleton
from pyskl.visualization.film import Film
from pyskl.visualization.panels import JointsPanel
from pyskl.visualization.projection import AXES
from pyskl.visualization.sheet import ROWS, Row, sheet_pages
from pyskl.visualization.text import use_font
from pyskl.visualization.video import FORMATS, MAX_GIF_FPS, write_image, write_video

SHOWN = 5  # skipped clips to name
TRIED = 10  # clips of a class to try for a sheet until one has a visible person


def draw_clip(
    path: Path, args: argparse.Namespace, store: RecordStore, index: int, skeleton: Skeleton, classes, feeder
) -> int:
    """Write the video of record ``index``; return its number of frames.

    Raises:
        ValueError: If the record is invalid or does not fit the config.
    """
    record, keypoint, visible = joints_of(store, index, skeleton)
    persons, total = keypoint.shape[:2]
    shape = record.get('img_shape')
    in_image = shape is not None and skeleton.dims == 2 and not args.zoom and not is_processed(store)
    frame = (float(shape[1]), float(shape[0])) if in_image else None
    panels = [JointsPanel(keypoint, visible, skeleton, args.size, frame, args.view, args.up)]
    captions, source = [''], np.arange(total)
    if feeder is not None:
        fed = feeder.feed(index, args.seed, skeleton, args.size, args.view)
        panels, source = panels + fed.panels, fed.source
        captions = ['stored, after the first transforms' if is_processed(store) else 'recorded', *fed.captions]
    step = -(-len(source) // args.max_frames)
    shown = range(0, len(source), step)
    order = [[int(source[t])] + [t] * (len(panels) - 1) for t in shown]
    counters = [f'frame {source[t] + 1}/{total}' for t in shown]
    if feeder is not None:
        counters = [f'{t + 1}/{len(source)} = {counter}' for t, counter in zip(shown, counters, strict=True)]
    seen = [person for person in range(persons) if (visible[person] > 0).any()]
    splits = [name for name, members in (store.splits or {}).items() if np.isin(index, members)]
    people = f'{len(seen)} person{"s" if len(seen) != 1 else ""}'
    facts = [named_label(int(store.labels[index]), classes), people, f'{total} frames', ' '.join(splits)]
    facts = ' · '.join(filter(None, facts))
    film = Film(panels, captions, store.names[index], facts, order, counters, seen, bool(skeleton.left))
    return write_video(path, film, args.fps / step)


def draw_clips(
    args: argparse.Namespace, store: RecordStore, chosen: np.ndarray, skeleton: Skeleton, classes: Sequence[str]
) -> int:
    """Write a video of every selected clip; return the exit status: 1 if none, or one named by --ids, was written."""
    if len(chosen) > args.max_clips:
        raise ValueError(
            f'{len(chosen)} clips are selected; pass --random 20 to draw 20 of them, or --max-clips {len(chosen)}'
        )
    feeder = None
    if args.config and len(np.setdiff1d(chosen, problem_numbers(store))):
        from pyskl.cli.data.feed import Feeder  # the engine takes seconds to import

        feeder = Feeder(args.config, args.file, args.phase, chosen)
    stems = file_stems([store.names[index] for index in chosen.tolist()])
    skipped, written, existing, frames, begin = [], 0, 0, 0, time.perf_counter()
    for index, stem in zip(tqdm(chosen.tolist(), desc='clips', unit=' clips', disable=None), stems, strict=True):
        path = args.out / f'{stem}.{args.format}'
        if path.exists() and not args.overwrite:
            existing += 1
            continue
        try:
            frames += draw_clip(path, args, store, index, skeleton, classes, feeder)
            written += 1
        except ValueError as error:
            skipped.append(f'{store.names[index]}: {one_line(error)}')
    seconds = time.perf_counter() - begin
    rate = frames / max(seconds, 1e-9)
    print(f'wrote {written} of {len(chosen)} clips to {args.out}: {frames} frames, {rate:.0f} per second')
    if existing:
        print(f'{existing} exist already and were not drawn; --overwrite draws them again')
    tell_skipped(skipped)
    return 1 if not written + existing or (skipped and args.ids) else 0


def tell_skipped(skipped: Sequence[str]) -> None:
    """Report the skipped clips and the reasons."""
    if skipped:
        print(f'skipped {len(skipped)}:', *(f'  {line}' for line in skipped[:SHOWN]), sep='\n', file=sys.stderr)
        if len(skipped) > SHOWN:
            print(f'  and {len(skipped) - SHOWN} more', file=sys.stderr)


def draw_sheet(
    args: argparse.Namespace, store: RecordStore, chosen: np.ndarray, skeleton: Skeleton, classes: Sequence[str]
) -> int:
    """Draw one selected clip per class on pages; return the exit status."""
    labels = store.labels[chosen]
    found = np.unique(labels[labels >= 0]).tolist()
    groups = {label: chosen[labels == label] for label in found} if found else {-1 - i: [i] for i in chosen[:ROWS]}
    pages = -(-len(groups) // ROWS)
    paths = [args.out / (f'sheet_{page + 1:02d}.png' if pages > 1 else 'sheet.png') for page in range(pages)]
    taken = [str(path) for path in paths if path.exists()]
    if taken and not args.overwrite:
        raise FileExistsError(f'{taken[0]} exists already; pass --overwrite to replace it, or choose another --out')
    rows, skipped, random = [], [], np.random.RandomState(args.seed % 2**32)
    for label, members in tqdm(groups.items(), desc='classes', unit=' classes', disable=None):
        for index in random.permutation(members)[:TRIED].tolist():
            try:
                rows.append(sheet_row(args, store, index, skeleton, named_label(label, classes)))
                break
            except ValueError as error:
                skipped.append(f'{store.names[index]}: {one_line(error)}')
    tell_skipped(skipped)
    if not rows:
        print(f'no clip of {args.file} can be drawn', file=sys.stderr)
        return 1
    title = f'{args.file.name} · {len(found)} classes, {len(chosen)} clips' + (f' of {args.split}' * bool(args.split))
    count = 0
    for path, page in zip(paths, sheet_pages(rows, title), strict=False):
        write_image(path, page)
        count += 1
    shown = paths[0] if count == 1 else f'{paths[0]} to {paths[count - 1].name}'
    print(f'wrote {shown}: {len(rows)} clips, one per class')
    return 0


def sheet_row(args: argparse.Namespace, store: RecordStore, index: int, skeleton: Skeleton, title: str) -> Row:
    """Draw a clip's row: ``--columns`` frames at equal distances, cropped to the people in them.

    Raises:
        ValueError: If the record is invalid or has no person.
    """
    _, keypoint, visible = joints_of(store, index, skeleton)
    total = keypoint.shape[1]
    chosen = np.unique(np.linspace(0, total - 1, args.columns).round().astype(int))
    if not (visible[:, chosen] > 0).any():
        chosen = np.flatnonzero((visible > 0).any((0, 2)))[: args.columns]
    view = args.view
    panel = JointsPanel(keypoint[:, chosen], visible[:, chosen], skeleton, args.size, None, view, args.up, square=True)
    persons = int((visible > 0).any((1, 2)).sum())
    notes = [store.names[index], f'{total} frames · {persons} person{"s" if persons != 1 else ""}']
    cells = [panel.draw(frame) for frame in range(len(chosen))]
    return Row(title, notes, cells, [str(frame + 1) for frame in chosen])


def _view(text: str) -> tuple[float, float]:
    azimuth, elevation = map(float, text.split(','))
    if not (abs(azimuth) <= 360 and abs(elevation) <= 90):
        raise ValueError
    return azimuth, elevation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, metavar='FILE', help='annotation file')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='output folder')
    add_choice_options(parser)
    what = parser.add_argument_group('content')
    what.add_argument('--max-clips', type=int, default=100, metavar='N', help='maximal number of clips (default: 100)')
    what.add_argument('--sheet', action='store_true', help='draw a contact sheet with one clip per class')
    what.add_argument('--columns', type=int, default=6, metavar='N', help='frames per clip on a sheet (default: 6)')
    what.add_argument('--config', type=Path, help="show the output of this config's pipeline next to each clip")
    what.add_argument('--phase', choices=('train', 'val', 'test'), default='train', help='phase of the pipeline')
    what.add_argument('--layout', help='skeleton: a name, a .yaml or .json file, or a dict (default: guessed)')
    what.add_argument('--classes', type=Path, metavar='FILE', help='class names, one per line')
    how = parser.add_argument_group('format')
    how.add_argument('--format', choices=FORMATS, default='gif', help='default: gif')
    how.add_argument('--fps', type=float, default=25.0, help='frames per second (default: 25; gif: at most 50)')
    how.add_argument('--size', type=int, help='height of a panel in pixels (default: 480; on a sheet 128)')
    how.add_argument('--max-frames', type=int, default=300, metavar='N', help='subsample longer clips (default: 300)')
    how.add_argument(
        '--view',
        type=_view,
        default=(25.0, 12.0),
        metavar='AZIMUTH,ELEVATION',
        help='3D: angles in degrees, e.g. --view=-30,10 (default: 25,12)',
    )
    how.add_argument('--up', choices=sorted(AXES), help='3D: the axis that points up (default: along the spine)')
    how.add_argument('--zoom', action='store_true', help='2D: show the people instead of the whole image')
    how.add_argument('--font', type=Path, help='a .ttf or .otf file, for characters missing in DejaVu Sans')
    how.add_argument('--overwrite', action='store_true', help='replace existing files')
    args = parser.parse_args()
    sheet = args.sheet or not (args.ids or args.split or args.label or args.random)
    args.size = args.size or (128 if sheet else 480)
    for option, least, most in (
        ('size', 48, 2160),
        ('max_frames', 1, None),
        ('columns', 1, 50),
        ('max_clips', 1, None),
    ):
        value = getattr(args, option)
        if value < least or (most and value > most):
            name = option.replace('_', '-')
            raise ValueError(f'--{name} must be at least {least}{f" and at most {most}" if most else ""}, got {value}')
    fastest = MAX_GIF_FPS if args.format == 'gif' else 240
    if not 0.1 <= args.fps <= fastest:
        raise ValueError(f'--fps must be from 0.1 to {fastest} for {args.format}, got {args.fps:g}')
    if sheet and args.config:
        raise ValueError('--config does not apply to a contact sheet; select clips, e.g. with --random 5')
    if args.out.exists() and not args.out.is_dir():
        raise FileExistsError(f'--out {args.out} is a file; it must be a folder')
    use_font(args.font)
    class_file = args.file.with_name(f'{args.file.stem}.classes.txt')  # as the tools from_* write it
    named = args.classes or (class_file if class_file.is_file() else None)
    classes = read_classes(named) if named else ()
    store = open_records(args.file)
    chosen = chosen_clips(args, store, classes)
    if len(chosen) == 0:
        raise ValueError(f'no clip is selected: split {args.split!r} of {args.file} is empty')
    skeleton, note = (layout_of(args.layout), '') if args.layout else guess_layout(store)
    if note:
        print(note)
    return (draw_sheet if sheet else draw_clips)(args, store, chosen, skeleton, classes)


if __name__ == '__main__':
    run(main)
