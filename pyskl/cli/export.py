"""Write a network as an ONNX file, together with the preparation of its test clips.

The file takes a clip of any length as it was recorded: keypoint (M, T, V, C), M persons, T frames, and img_shape
(height, width) where joints are pixels. It samples, normalises and scores it as `pyskl test` does; the output is named
scores. Class names, joints, frame rate and window are in the file's metadata; examples/onnx_stream.py runs it.

With --network-only the file takes clips that are prepared already, in batches of any size: keypoint
(N, clips, M, T, V, C), or imgs (N, views, C, T, H, W) for heatmap networks.

The file is compared with the network in onnxruntime, where that is installed, before it is written.
"""

import argparse
import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.files import replacing_path

NEEDED = ('onnx', 'onnxscript')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file; or, without a checkpoint, a name of `pyskl models`, or quickstart')
    parser.add_argument('checkpoint', nargs='?', help='path or quoted glob of its weights')
    parser.add_argument('--out', type=Path, required=True, metavar='X.onnx', help='the file to write')
    parser.add_argument('--network-only', action='store_true', help='leave out the preparation of clips')
    parser.add_argument(
        '--mode', default='predict', choices=['predict', 'tensor'], help='scores of a clip, or logits of its samples'
    )
    parser.add_argument(
        '--clips',
        type=int,
        metavar='N',
        help='samples of a clip whose scores are averaged (default: those of the test; with --network-only 1)',
    )
    parser.add_argument(
        '--float16',
        action='store_true',
        help='round as the test does on records of float16, such as HRNet files; matters without a score threshold',
    )
    parser.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=4,
        metavar='N',
        help='with --network-only: M T V C, or C T H W of a volume (default: as the config feeds it in testing)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes of the config')
    args = parser.parse_args(argv)
    if min(args.shape or [1]) < 1 or (args.clips is not None and args.clips < 1):
        parser.error('--clips and --shape take positive numbers')
    if args.shape and not args.network_only:
        parser.error('--shape goes with --network-only; a file with the pipeline takes clips of any length')
    for name in ('float16', 'classes'):
        if args.network_only and getattr(args, name):
            parser.error(f'--{name} is about the preparation of clips, which --network-only leaves out')
    return args


def check(args: argparse.Namespace) -> None:
    """Refuse, before any work, an --out that is taken or cannot be written, a config alone, and a missing package.

    Raises:
        ValueError: If --out does not end with .onnx, the checkpoint of a config is missing, or a package is.
        OSError: Of the fitting kind.
    """
    out = args.out
    if args.checkpoint is None and args.config.endswith('.py'):
        raise ValueError(f'{args.config} needs a checkpoint too: pyskl export CONFIG CHECKPOINT --out {out}')
    if out.suffix != '.onnx':
        raise ValueError(f'--out {out} does not end with .onnx')
    if out.is_dir():
        raise IsADirectoryError(f'--out {out} is a folder; name a file in it, such as {out / "net.onnx"}')
    if os.path.lexists(out) and not args.overwrite:
        raise FileExistsError(f'--out {out} exists; give another name, or --overwrite to replace it')
    if not out.parent.is_dir():
        raise FileNotFoundError(f'--out {out}: there is no folder {out.parent}')
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f'the export needs {" and ".join(missing)}: pip install {" ".join(NEEDED)}')
    try:
        importlib.import_module('onnx')
    except Exception as error:  # of an older protobuf: an ImportError, or an error of its own
        raise ValueError(f'onnx cannot be imported ({error}); `pip install -U protobuf onnx` mends that') from None


def main() -> None:
    """Export, and compare."""
    args = parse_args()
    check(args)

    from pyskl.apis import load_config, parse_options

    if args.checkpoint is None:
        from pyskl.inference.recognizer import find_model

        args.config, args.checkpoint = find_model(args.config)
    cfg = load_config(args.config, parse_options(args.cfg_options))
    with replacing_path(args.out) as temporary:
        line = (_export_network if args.network_only else _export_whole)(args, cfg, temporary)
    print(f'written to {args.out} ({args.out.stat().st_size / 1e6:.1f} MB): {line}')


def _export_network(args: argparse.Namespace, cfg, path: Path) -> str:
    """Write the network alone; return what it takes."""
    import onnx
    import torch

    from pyskl.apis import init_recognizer
    from pyskl.engine.flops import clip_shape
    from pyskl.inference.onnx.model import trace_network

    model = init_recognizer(cfg, args.checkpoint, trust=args.trust_checkpoint)
    key = getattr(model, 'input_key', 'keypoint')
    if getattr(model, 'heatmaps', None) is not None:
        raise ValueError("heatmap_on='device' draws joints inside the network; export without it")
    torch.manual_seed(0)
    clips = torch.rand(3, args.clips or 1, *(args.shape or clip_shape(cfg)))
    onnx.save(trace_network(model, key, args.mode, clips[:2], (key, 'scores'), any_number=True), path)
    with torch.no_grad():
        expected = model(**{key: clips}, mode=args.mode).numpy()
    run = _runner(path)
    _report(run and float(abs(run({key: clips.numpy()}) - expected).max() / abs(expected).max()))
    return f'{key} (N, {", ".join(map(str, clips.shape[1:]))}) -> scores'


def _export_whole(args: argparse.Namespace, cfg, path: Path) -> str:
    """Write the network behind its test pipeline; return what it takes."""
    import onnx

    from pyskl.inference.network import load_network
    from pyskl.inference.onnx.model import compare, whole_model

    network, notes = load_network(
        cfg, args.checkpoint, trust=args.trust_checkpoint, clips=args.clips, classes=args.classes
    )
    for note in notes:
        print(note, flush=True)
    whole = whole_model(network, cfg, args.mode, args.float16)
    onnx.save(whole.proto, path)
    run = _runner(path)
    _report(run and compare(whole, network, args.mode, args.float16, run))
    axes = f'keypoint (M, T, {network.skeleton.num_joints}, {whole.channels})'
    size = ' and img_shape (height, width)' if len(whole.proto.graph.input) > 1 else ''
    return f'{axes}{size} -> scores'


def _runner(path: Path) -> Callable | None:
    """What runs a file, from a dict of arrays to the scores; None without onnxruntime."""
    if importlib.util.find_spec('onnxruntime') is None:
        return None

    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return lambda inputs: session.run(None, inputs)[0]


def _report(apart: float | None) -> None:
    """Print how far onnxruntime's scores are from the network's.

    Raises:
        ValueError: If they differ.
    """
    if apart is None:
        print('not compared with the network; pip install onnxruntime for that', flush=True)
    elif not apart < 1e-3:
        raise ValueError(
            f'onnxruntime scores differ from the network by {apart:.1e} of the largest; nothing is written'
        )
    else:
        print(f'onnxruntime scores as the network does: {apart:.1e} of the largest apart', flush=True)


if __name__ == '__main__':
    run(main)
