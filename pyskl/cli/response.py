"""Draw which joints a network responds to, in clips of a data set.

    pyskl response CONFIG CHECKPOINT --random 4 --out response           # a gif per clip
    pyskl response CONFIG CHECKPOINT --ids A B --sheet --out response    # one sheet, a row per clip
    pyskl response CONFIG CHECKPOINT --random 4 --gradient --out response

Size and colour of a joint show its response, from the weakest (small, dark) to the strongest (large, bright)
of the clip: the norm of its feature vector in the last block or, with --gradient, its contribution to the
class (Grad-CAM). For a Ske2Grid the grid is drawn too; the response of a cell is distributed to its joints by
their weights.
"""

import argparse
from pathlib import Path

import numpy as np

from pyskl.cli.data.clip_choice import add_choice_options, chosen_clips, file_stems, is_processed, joints_of
from pyskl.cli.entry import run
from pyskl.errors import one_line
from pyskl.files import check_output
from pyskl.visualization.video import FORMATS, MAX_GIF_FPS

FAINTEST = 5  # percentile that is drawn as the weakest response


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='path or quoted glob')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the images')
    parser.add_argument('--file', type=Path, help="annotation file (default: that of the config's data.test)")
    add_choice_options(parser, 'at least one option is required')
    what = parser.add_argument_group('content')
    what.add_argument('--gradient', action='store_true', help='draw the contribution to a class, not the magnitude')
    what.add_argument('--of', metavar='CLASS', help='class for --gradient, by name or number (default: the likeliest)')
    what.add_argument('--clips', type=int, default=1, help='clips sampled per record, and averaged (default: 1)')
    what.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    what.add_argument('--max-clips', type=int, default=100, metavar='N', help='maximal number of clips (default: 100)')
    how = parser.add_argument_group('format')
    how.add_argument('--sheet', action='store_true', help='draw one image, response.png, with a row per clip')
    how.add_argument('--columns', type=int, default=6, metavar='N', help='frames per clip on a sheet (default: 6)')
    how.add_argument('--format', choices=FORMATS, default='gif', help='format of the videos (default: gif)')
    how.add_argument('--fps', type=float, default=25.0, help='frames per second (default: 25; gif: at most 50)')
    how.add_argument('--size', type=int, help='height of a panel in pixels (default: 360; on a sheet 160)')
    how.add_argument('--device', default='cpu', help='e.g. cpu or cuda:0 (default: cpu)')
    how.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could run code')
    how.add_argument('--overwrite', action='store_true', help='replace existing files')
    args = parser.parse_args(argv)
    args.size = args.size or (160 if args.sheet else 360)
    fastest = MAX_GIF_FPS if args.format == 'gif' else 240
    for option, least, most in (
        ('clips', 1, 100), ('max_clips', 1, 10**6), ('columns', 1, 50), ('size', 48, 2160), ('fps', 0.1, fastest),
    ):  # fmt: skip
        if not least <= getattr(args, option) <= most:
            name = option.replace('_', '-')
            raise ValueError(f'--{name} must be {least} to {most}, got {getattr(args, option):g}')
    if args.of is not None and not args.gradient:
        raise ValueError('--of needs --gradient; the magnitude does not depend on a class')
    if not (args.ids or args.split or args.label or args.random):
        raise ValueError('select clips with --ids, --split, --label or --random, e.g. --random 4')
    return args


def strengths(response: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Scale responses ``(M, T, V)`` to 0..1 between the weakest and the strongest of the visible joints ``seen``."""
    if not seen.any():
        return np.zeros_like(response)
    low, high = np.percentile(response[seen], FAINTEST), response[seen].max()
    return ((response - low) / max(high - low, np.finfo(np.float32).tiny)).clip(0, 1)


def panels_of(network, record: dict, recorded: np.ndarray, visible: np.ndarray, args, index: int | None):
    """Return the panels of a clip (joints and, for a Ske2Grid, the grid) and its response."""
    from pyskl.inference.explain import explain
    from pyskl.visualization.colors import NEITHER, shades
    from pyskl.visualization.panels import HeatmapPanel, JointsPanel
    from pyskl.visualization.skeleton import visibility

    found = explain(network, record, args.gradient, index)
    skeleton = network.skeleton
    if skeleton.dims == 3 or recorded.shape[:3] != found.keypoint.shape[:3]:  # use the network's persons and frames
        recorded = found.keypoint[..., : skeleton.dims].astype(np.float32)
        visible = visibility(recorded, zero_is_unseen=False)
    persons = min(len(recorded), len(found.joints))
    recorded, visible, joints = recorded[:persons], visible[:persons], found.joints[:persons]
    here = visible > 0
    panels = [
        JointsPanel(
            recorded, visible, skeleton, args.size, view=(25.0, 12.0), square=args.sheet,
            strength=strengths(joints, here),
        )
    ]  # fmt: skip
    if found.cells is not None and not args.sheet:
        cells = found.cells[:persons] * here.any(2)[..., None, None]
        cells = cells / max(float(cells.max()), 1e-12)
        colors = np.concatenate([shades(np.array([NEITHER]), person) for person in range(persons)])
        panels.append(HeatmapPanel(cells, colors, args.size))
    return panels, found


def file_of(args: argparse.Namespace) -> Path:
    """Return the annotation file.

    Raises:
        ValueError: If neither ``--file`` nor the config sets it.
    """
    from pyskl.engine.build import inference_dataset
    from pyskl.engine.config.load import load_config

    if args.file is not None:
        return args.file
    name = (inference_dataset(load_config(args.config)) or {}).get('ann_file')
    if name is None:
        raise ValueError(f'{args.config} has no ann_file in data.test; pass --file')
    return Path(name)


def class_of(text: str | None, classes: list[str]) -> int | None:
    """Convert the name or the number of a class to its number.

    Raises:
        ValueError: If there is no such class.
    """
    if text is None or text in classes:
        return None if text is None else classes.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(classes):
        return int(text)
    raise ValueError(f'--of {text!r} is not a class; give a name, e.g. {classes[0]!r}, or 0 to {len(classes) - 1}')


def main() -> int:
    """Draw the responses."""
    args = parse_args()
    from pyskl.datasets.records.cache import open_records
    from pyskl.inference.network import load_network

    args.file = file_of(args)
    store = open_records(args.file)
    if is_processed(store):
        raise ValueError(f'{args.file} has clips processed by a pipeline; give the original file')
    network, notes = load_network(
        args.config, args.checkpoint, args.device, args.trust_checkpoint, args.clips, args.classes
    )
    print(*notes, sep='\n', end='\n' if notes else '')
    index = class_of(args.of, network.classes)
    chosen = chosen_clips(args, store, network.classes)
    if not 0 < len(chosen) <= args.max_clips:
        raise ValueError(
            f'{len(chosen)} clips are selected; pass --random 20 to draw 20 of them, or --max-clips {len(chosen)}'
        )
    stems = file_stems([store.names[number] for number in chosen.tolist()])
    paths = [args.out / ('response.png' if args.sheet else f'{stem}.{args.format}') for stem in stems]
    for path in dict.fromkeys(paths):
        check_output(path, args.overwrite)
    args.out.mkdir(parents=True, exist_ok=True)
    return draw(args, network, store, chosen.tolist(), paths, index)


def draw(args: argparse.Namespace, network, store, chosen: list[int], paths: list[Path], index: int | None) -> int:
    """Write videos or the sheet; return the exit status."""
    from pyskl.visualization.film import Film
    from pyskl.visualization.sheet import Row, sheet_pages
    from pyskl.visualization.video import write_image, write_video

    rows, count = [], 0
    what = 'norm of features'
    for number, path in zip(chosen, paths, strict=True):
        name = store.names[number]
        try:
            panels, found = panels_of(network, *joints_of(store, number, network.skeleton), args, index)
        except ValueError as error:
            print(f'{name} skipped: {one_line(error)}')
            continue
        likeliest = int(found.probability.argmax())
        label = int(store.labels[number])
        truth = network.classes[label] if 0 <= label < len(network.classes) else f'label {label}'
        caption = f'{network.classes[likeliest]} {found.probability[likeliest]:.2f}'
        if args.gradient:
            what = f'contribution to {network.classes[found.index]}'
        means = found.joints[0].mean(0)
        best = ', '.join(network.skeleton.joints[joint] for joint in np.argsort(-means)[:3])
        print(f'{name}: {truth}, predicted {caption}; {what}, strongest: {best}')
        frames = panels[0].frames
        if args.sheet:
            times = np.unique(np.linspace(0, frames - 1, args.columns).round().astype(int)).tolist()
            cells = [panels[0].draw(time) for time in times]
            rows.append(Row(truth, [name, f'predicted {caption}', what], cells, [str(time + 1) for time in times]))
        else:
            captions = [what, 'grid'][: len(panels)]
            order = [[time] * len(panels) for time in range(frames)]
            counters = [f'frame {time + 1}/{frames}' for time in range(frames)]
            film = Film(panels, captions, name, f'{truth} · predicted {caption}', order, counters)
            write_video(path, film, args.fps)
        count += 1
    if rows:
        pages = list(sheet_pages(rows, f'{args.file.name} · {what}', rows_per_page=len(rows)))
        write_image(paths[0], pages[0])
    print(f'wrote {count} of {len(chosen)} clips to {args.out}')
    return 0 if count else 1


if __name__ == '__main__':
    run(main)
