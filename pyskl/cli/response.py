"""Draw which joints a network responds to, in clips of a data set.

    pyskl response CONFIG CHECKPOINT --random 4 --out response           # a gif per clip
    pyskl response CONFIG CHECKPOINT --ids A B --sheet --out response    # one sheet, a row per clip
    pyskl response CONFIG CHECKPOINT --random 4 --gradient --out response

Size and colour of a joint are its response, from the least (small, dark) to the most (large, bright) of the clip: the
length of its feature vector in the last block or, with --gradient, how much it speaks for the class (Grad-CAM). For a
Ske2Grid the grid is drawn beside it; a cell gives its response to its joints by their shares in it.
"""

import argparse
from pathlib import Path

import numpy as np

from pyskl.cli.data.clip_choice import add_choice_options, chosen_clips, file_stems, is_processed, joints_of
from pyskl.cli.entry import run
from pyskl.errors import one_line
from pyskl.files import check_output
from pyskl.visualization.video import FORMATS, MAX_GIF_FPS

FAINTEST = 5  # percent of joints that are drawn as the weakest


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint', help='path or quoted glob')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the images')
    parser.add_argument('--file', type=Path, help="annotation file (default: that of the config's data.test)")
    add_choice_options(parser, 'refused')
    what = parser.add_argument_group('what is drawn')
    what.add_argument('--gradient', action='store_true', help='the evidence of a class in place of the magnitude')
    what.add_argument('--of', metavar='CLASS', help='with --gradient: name or number (default: the likeliest)')
    what.add_argument('--clips', type=int, default=1, help='samplings of each clip that are averaged (default: 1)')
    what.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    what.add_argument('--max-clips', type=int, default=100, metavar='N', help='refuse to draw more (default: 100)')
    how = parser.add_argument_group('how')
    how.add_argument('--sheet', action='store_true', help='a row per clip on response.png in place of films')
    how.add_argument('--columns', type=int, default=6, metavar='N', help='frames of a clip on a sheet (default: 6)')
    how.add_argument('--format', choices=FORMATS, default='gif', help='of films (default: gif)')
    how.add_argument('--fps', type=float, default=25.0, help='of films (default: 25; gif: at most 50)')
    how.add_argument('--size', type=int, help='height of a panel, pixels (default: 360; on a sheet 160)')
    how.add_argument('--device', default='cpu', help='e.g. cpu or cuda:0 (default: cpu)')
    how.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could run code')
    how.add_argument('--overwrite', action='store_true', help='replace what exists')
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
        raise ValueError('--of names the class of --gradient; the magnitude is of no class')
    if not (args.ids or args.split or args.label or args.random):
        raise ValueError('choose clips by --ids, --split, --label or --random, as --random 4')
    return args


def strengths(response: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Responses ``(M, T, V)`` -> 0 to 1, between the weakest and the strongest that are ``seen`` ``(M, T, V)``."""
    if not seen.any():
        return np.zeros_like(response)
    low, high = np.percentile(response[seen], FAINTEST), response[seen].max()
    return ((response - low) / max(high - low, np.finfo(np.float32).tiny)).clip(0, 1)


def panels_of(network, record: dict, recorded: np.ndarray, visible: np.ndarray, args, index: int | None):
    """(panels, the response) of a clip: joints and, for a Ske2Grid, the grid."""
    from pyskl.inference.explain import explain
    from pyskl.visualization.colors import NEITHER, shades
    from pyskl.visualization.panels import HeatmapPanel, JointsPanel
    from pyskl.visualization.skeleton import visibility

    found = explain(network, record, args.gradient, index)
    skeleton = network.skeleton
    if skeleton.dims == 3 or recorded.shape[:3] != found.keypoint.shape[:3]:  # persons and frames as the network has
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
    """The annotation file.

    Raises:
        ValueError: If neither ``--file`` nor the config names one.
    """
    from pyskl.engine.build import inference_dataset
    from pyskl.engine.config.load import load_config

    if args.file is not None:
        return args.file
    name = (inference_dataset(load_config(args.config)) or {}).get('ann_file')
    if name is None:
        raise ValueError(f'{args.config} names no annotation file of data.test; --file names one')
    return Path(name)


def class_of(text: str | None, classes: list[str]) -> int | None:
    """The number of a class that is named or numbered.

    Raises:
        ValueError: If there is no such class.
    """
    if text is None or text in classes:
        return None if text is None else classes.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(classes):
        return int(text)
    raise ValueError(f'--of {text!r} is not a class; give a name, as {classes[0]!r}, or 0 to {len(classes) - 1}')


def main() -> int:
    """Draw them."""
    args = parse_args()
    from pyskl.datasets.records.cache import open_records
    from pyskl.inference.network import load_network

    args.file = file_of(args)
    store = open_records(args.file)
    if is_processed(store):
        raise ValueError(f'{args.file} holds clips that a pipeline has prepared; give the file that they were made of')
    network, notes = load_network(
        args.config, args.checkpoint, args.device, args.trust_checkpoint, args.clips, args.classes
    )
    print(*notes, sep='\n', end='\n' if notes else '')
    index = class_of(args.of, network.classes)
    chosen = chosen_clips(args, store, network.classes)
    if not 0 < len(chosen) <= args.max_clips:
        raise ValueError(f'{len(chosen)} clips are chosen; --random 20 takes 20, --max-clips {len(chosen)} draws all')
    stems = file_stems([store.names[number] for number in chosen.tolist()])
    paths = [args.out / ('response.png' if args.sheet else f'{stem}.{args.format}') for stem in stems]
    for path in dict.fromkeys(paths):
        check_output(path, args.overwrite)
    args.out.mkdir(parents=True, exist_ok=True)
    return draw(args, network, store, chosen.tolist(), paths, index)


def draw(args: argparse.Namespace, network, store, chosen: list[int], paths: list[Path], index: int | None) -> int:
    """Write films or the sheet; the exit status."""
    from pyskl.visualization.film import Film
    from pyskl.visualization.sheet import Row, sheet_pages
    from pyskl.visualization.video import write_image, write_video

    rows, count = [], 0
    what = 'length of features'
    for number, path in zip(chosen, paths, strict=True):
        name = store.names[number]
        try:
            panels, found = panels_of(network, *joints_of(store, number, network.skeleton), args, index)
        except ValueError as error:
            print(f'{name} left out: {one_line(error)}')
            continue
        likeliest = int(found.probability.argmax())
        label = int(store.labels[number])
        truth = network.classes[label] if 0 <= label < len(network.classes) else f'label {label}'
        said = f'{network.classes[likeliest]} {found.probability[likeliest]:.2f}'
        if args.gradient:
            what = f'evidence of {network.classes[found.index]}'
        means = found.joints[0].mean(0)
        best = ', '.join(network.skeleton.joints[joint] for joint in np.argsort(-means)[:3])
        print(f'{name}: {truth}, found {said}; {what}, most: {best}')
        frames = panels[0].frames
        if args.sheet:
            times = np.unique(np.linspace(0, frames - 1, args.columns).round().astype(int)).tolist()
            cells = [panels[0].draw(time) for time in times]
            rows.append(Row(truth, [name, f'found {said}', what], cells, [str(time + 1) for time in times]))
        else:
            captions = [what, 'grid'][: len(panels)]
            order = [[time] * len(panels) for time in range(frames)]
            counters = [f'frame {time + 1}/{frames}' for time in range(frames)]
            film = Film(panels, captions, name, f'{truth} · found {said}', order, counters)
            write_video(path, film, args.fps)
        count += 1
    if rows:
        pages = list(sheet_pages(rows, f'{args.file.name} · {what}', rows_per_page=len(rows)))
        write_image(paths[0], pages[0])
    print(f'drew {count} of {len(chosen)} clips into {args.out}')
    return 0 if count else 1


if __name__ == '__main__':
    run(main)
