"""Label who does what, when, in a video, a camera stream or keypoints.

    pyskl predict clip.mp4 --model stgcn++_ntu60_xsub_hrnet/j --out out/
    pyskl predict clip.mp4 --model quickstart --out out/           # network trained by tools/quickstart.sh
    pyskl predict 0 --model CONFIG CHECKPOINT --show               # camera; also rtsp:// and http:// URLs
    pyskl predict videos/ --model CONFIG CHECKPOINT --out out/     # videos of a folder, or images as one video
    pyskl predict clips.pkl --model CONFIG CHECKPOINT --out out/   # annotation file (.pkl, .skl), keypoint JSON
    pyskl predict people.jsonl --model quickstart --out out/       # JSON lines: one per frame
    pyskl predict - --model CONFIG CHECKPOINT < people.jsonl       # the same from stdin; writes a JSON line per event

A JSON line is {"time": s, "size": [height, width], "people": [{"keypoints": [[x, y, score], ...], "id": n}]};
only people and keypoints are required. --out DIR writes events.json, events.csv, events.srt, scores.npz and
film.mp4; with --explain also explain.npz.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from pyskl.cli.entry import run

TWICE = '--explain needs a file, since it reads the source twice; record the camera with --out first'
KEYPOINTS = ('.pkl', '.pickle', '.skl', '.json', '.jsonl')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='video, folder, number or URL of a camera, keypoint file, or - for stdin')
    add_model_options(parser)
    parser.add_argument('--out', type=Path, metavar='DIR', help='folder for events, scores and the annotated film')
    parser.add_argument('--overwrite', action='store_true', help='replace results in DIR')
    parser.add_argument('--no-film', action='store_true', help='do not write film.mp4')
    parser.add_argument('--film-height', type=int, default=720, metavar='N', help='maximal height (default: 720)')
    parser.add_argument(
        '--explain', nargs='?', const='magnitude', choices=('magnitude', 'gradient'),
        help='draw how strongly the network responds to each joint and write it to explain.npz; gradient: the '
        'contribution of the joint to the label (default: magnitude)',
    )  # fmt: skip
    parser.add_argument('--show', action='store_true', help='show the labels in a window; press q to stop')
    parser.add_argument('--seconds', type=float, metavar='S', help='stop a camera or stdin after this time')
    parser.add_argument(
        '--fps', type=float, default=30.0,
        help='frames per second of images, and of keypoints without time (default: 30)',
    )  # fmt: skip
    args = parser.parse_args(argv)
    if not 0 < args.fps <= 1000:
        raise ValueError(f'--fps must be above 0 and at most 1000, got {args.fps:g}')
    if not 64 <= args.film_height <= 4320:
        raise ValueError(f'--film-height must be 64 to 4320, got {args.film_height}')
    if args.seconds is not None and not args.seconds > 0:
        raise ValueError(f'--seconds must be above 0, got {args.seconds:g}')
    if args.explain and not args.out:
        raise ValueError('--explain needs --out, the folder for film.mp4 and explain.npz')
    check_model(args)
    return args


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the recognizer."""
    model = parser.add_argument_group('model')
    model.add_argument(
        '--model', nargs='+', required=True, metavar='NAME',
        help='a name of `pyskl models`, quickstart, or CONFIG CHECKPOINT',
    )  # fmt: skip
    model.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    model.add_argument('--calibration', type=Path, metavar='FILE', help='output of `pyskl calibrate`')
    model.add_argument('--device', default='cpu', help='e.g. cpu or cuda:0 (default: cpu)')
    model.add_argument('--clips', type=int, default=1, help='clips sampled from each window (default: 1)')
    model.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could run code')
    pose = parser.add_argument_group('pose')
    pose.add_argument(
        '--pose', default='auto',
        help='pose estimator: auto, mediapipe, mediapipe-hands, rtmlib, or package.module:Class (default: auto)',
    )  # fmt: skip
    pose.add_argument('--pose-model', type=Path, metavar='FILE.onnx', help='for rtmlib: RTMPose (RTMW) or RTMO')
    pose.add_argument('--detector', type=Path, metavar='FILE.onnx', help='for rtmlib: YOLOX or RTMDet, for persons')
    stream = parser.add_argument_group('labels')
    stream.add_argument('--window', type=float, metavar='S', help="seconds per label (default: the network's)")
    stream.add_argument('--hop', type=float, default=8 / 30, metavar='S', help='time between labels (default: 0.267)')
    stream.add_argument('--threshold', type=float, help='confidence below which the label is unknown (default: 0.5)')
    stream.add_argument(
        '--shortest', type=float, metavar='S',
        help='minimal duration of a label between two others, since windows at a change may resemble a third action '
        '(default: a window and a hop)',
    )  # fmt: skip
    stream.add_argument(
        '--max-gap', type=float, default=0.5, metavar='S',
        help='longest gap in which joints are interpolated (default: 0.5)',
    )  # fmt: skip
    stream.add_argument(
        '--max-age', type=float, default=1.0, metavar='S', help='longest absence of a person (default: 1)'
    )
    stream.add_argument(
        '--nearness', type=float, default=0.8,
        help='distance in body heights up to which a network for two persons labels them together; 0: never '
        '(default: 0.8)',
    )  # fmt: skip
    stream.add_argument(
        '--center', action=argparse.BooleanOptionalAction,
        help='shift each person to the centre of the image, as in training data with a person in the centre',
    )  # fmt: skip
    stream.add_argument(
        '--stepwise', action=argparse.BooleanOptionalAction,
        help='pass each frame to the network once, instead of windows (ST-GCN, ST-GCN++, Ske2Grid)',
    )  # fmt: skip


def check_model(args: argparse.Namespace) -> None:
    """Validate the options of the model.

    Raises:
        ValueError: If one is invalid.
    """
    if len(args.model) > 2:
        raise ValueError(f'--model must be a name, or CONFIG CHECKPOINT, got {" ".join(args.model)}')
    if len(args.model) == 1 and args.model[0].endswith('.py'):
        raise ValueError(f'--model {args.model[0]} needs a checkpoint: --model CONFIG CHECKPOINT')
    if not 1 <= args.clips <= 100:
        raise ValueError(f'--clips must be 1 to 100, got {args.clips}')


def make_recognizer(args: argparse.Namespace):
    """Build the recognizer from the options, and print notes about it."""
    from pyskl.inference.network import read_calibration
    from pyskl.inference.recognizer import ActionRecognizer
    from pyskl.inference.stream import StreamSettings

    settings = StreamSettings(
        window=args.window, hop=args.hop, threshold=args.threshold, shortest=args.shortest,
        max_gap=args.max_gap, max_age=args.max_age, nearness=args.nearness,
        center=args.model[0] == 'quickstart' if args.center is None else args.center,
        stepwise=args.stepwise,
    )  # fmt: skip
    recognizer = ActionRecognizer(
        *args.model,
        device=args.device,
        pose=args.pose,
        pose_model={'pose_file': args.pose_model, 'detector_file': args.detector, 'device': args.device},
        classes=args.classes,
        calibration=read_calibration(args.calibration) if args.calibration else None,
        clips=args.clips,
        trust=args.trust_checkpoint,
        settings=settings,
    )
    for line in recognizer.notes:
        say(line)
    return recognizer


def say(line: str) -> None:
    """Print a line on stderr; stdout is for events."""
    print(line, file=sys.stderr, flush=True)


def show_event(event, as_json: bool = False) -> None:
    """Print an event."""
    if as_json:
        print(json.dumps(event.as_dict()), flush=True)
        return
    partner = f' with {event.partner}' if event.partner else ''
    print(
        f'{event.start:8.2f} - {event.end:7.2f} s  person {event.person}{partner}  {event.label}  {event.score:.2f}',
        flush=True,
    )


def bar(frames: Iterator, total: int, what: str) -> Iterator:
    """Iterate over the frames with a progress bar."""
    from tqdm import tqdm

    return tqdm(frames, total=total or None, desc=what, unit=' frames', disable=None, leave=False)


def label_film(recognizer, args: argparse.Namespace, source, out: Path | None, print_event: Callable) -> None:
    """Label a video or images."""
    for event in recognizer.film(
        source, out, fps=args.fps, overwrite=args.overwrite, draw=not args.no_film, height=args.film_height,
        explain=args.explain, progress=bar, report=say,
    ):  # fmt: skip
        print_event(event)


def main() -> None:
    """Label the source."""
    args = parse_args()
    from pyskl.inference.sources import IMAGES, films_in, open_source

    path = Path(args.source)
    keypoints = args.source == '-' or path.suffix.lower() in KEYPOINTS
    if args.show and (keypoints or path.is_dir()):
        raise ValueError('--show needs a video or a camera')
    if args.explain and (args.show or args.source.isdigit()):
        raise ValueError(TWICE)
    if args.seconds and not (args.source == '-' or not path.exists()):
        raise ValueError('--seconds needs a camera or stdin')
    if not keypoints and not path.exists() and not args.source.isdigit() and '://' not in args.source:
        raise FileNotFoundError(f'{args.source} does not exist; it must be a video, a folder or a keypoint file')
    if args.out and not args.no_film and find_spec('av') is None:
        raise ValueError('--out writes film.mp4, which needs PyAV; run pip install av, or pass --no-film')
    recognizer = make_recognizer(args)
    if keypoints:
        from pyskl.cli import predict_keypoints

        predict_keypoints.label(recognizer, args, say, show_event)
    elif path.is_dir() and (films := films_in(path)):
        failed = 0
        for film in films:
            say(f'{film.name}:')
            try:
                label_film(recognizer, args, film, args.out and args.out / film.stem, show_event)
            except (ValueError, OSError) as error:
                failed += 1
                say(f'{film.name} skipped: {error}')
        if failed == len(films):
            raise ValueError(f'none of the {failed} videos in {path} could be labelled')
    elif path.is_dir() and not any(file.suffix.lower() in IMAGES for file in path.iterdir()):
        raise ValueError(f'{path} has neither videos nor images')
    else:
        source = open_source(args.source, args.fps)
        if args.explain and source.live:
            raise ValueError(TWICE)
        if args.seconds and not source.live:
            raise ValueError('--seconds needs a camera or stdin')
        if source.live or args.show:
            from pyskl.inference.live import label_live

            watch = partial(label_live, show=args.show, seconds=args.seconds, report=say)
            for event in watch(recognizer, source, args.out, overwrite=args.overwrite, film=not args.no_film):
                show_event(event)
        else:
            label_film(recognizer, args, source, args.out, show_event)
    if args.out:
        say(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
