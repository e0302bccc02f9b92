"""Export a network and its test pipeline to an ONNX file.

The inputs are a recorded clip of any length, keypoint (M, T, V, C) with M persons and T frames, and img_shape
(height, width) if joints are in pixels. The output, scores, is that of `pyskl test`. Class names, joints, frame
rate and window are in the file's metadata; examples/onnx_stream.py shows how to run it.

With --network-only the input is the output of the test pipeline, in batches of any size: keypoint
(N, clips, M, T, V, C), or imgs (N, views, C, T, H, W) for heatmap networks.

If onnxruntime is installed, its scores are compared with those of the network before the file is written.
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
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file; or, without a checkpoint, a name of `pyskl models`, or quickstart')
    parser.add_argument('checkpoint', nargs='?', help='path or quoted glob of its weights')
    parser.add_argument('--out', type=Path, required=True, metavar='X.onnx', help='output file')
    parser.add_argument('--network-only', action='store_true', help='export the network without the test pipeline')
    parser.add_argument(
        '--mode',
        default='predict',
        choices=['predict', 'tensor'],
        help='predict: scores per clip; tensor: logits per sample of a clip (default: predict)',
    )
    parser.add_argument(
        '--clips',
        type=int,
        metavar='N',
        help='samples per clip, whose scores are averaged (default: as in testing; with --network-only 1)',
    )
    parser.add_argument(
        '--float16',
        action='store_true',
        help='round coordinates as for float16 records, such as HRNet files; relevant without a score threshold',
    )
    parser.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=4,
        metavar='N',
        help='with --network-only: M T V C, or C T H W for heatmaps (default: that of the test pipeline)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes of the config')
    args = parser.parse_args(argv)
    if min(args.shape or [1]) < 1 or (args.clips is not None and args.clips < 1):
        parser.error('--clips and --shape must be positive')
    if args.shape and not args.network_only:
        parser.error('--shape needs --network-only; with the pipeline, clips may have any length')
    for name in ('float16', 'classes'):
        if args.network_only and getattr(args, name):
            parser.error(f'--{name} and --network-only exclude each other')
    return args


def check(args: argparse.Namespace) -> None:
    """Check, before any work, the checkpoint argument, that --out can be written, and that packages are installed.

    Raises:
        ValueError: If --out does not end in .onnx, a config has no checkpoint, or a package is not installed.
        OSError: If --out cannot be written.
    """
    out = args.out
    if args.checkpoint is None and args.config.endswith('.py'):
        raise ValueError(f'{args.config} needs a checkpoint: pyskl export CONFIG CHECKPOINT --out {out}')
    if out.suffix != '.onnx':
        raise ValueError(f'--out {out} must end in .onnx')
    if out.is_dir():
        raise IsADirectoryError(f'--out {out} is a folder; name a file in it, such as {out / "net.onnx"}')
    if os.path.lexists(out) and not args.overwrite:
        raise FileExistsError(f'--out {out} exists already; pass --overwrite to replace it, or choose another file')
    if not out.parent.is_dir():
        raise FileNotFoundError(f'--out {out}: the folder {out.parent} does not exist')
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f'the export needs {" and ".join(missing)}; run pip install {" ".join(NEEDED)}')
    try:
        importlib.import_module('onnx')
    except Exception as error:  # an old protobuf raises an ImportError or its own error class
        raise ValueError(f'onnx cannot be imported ({error}); run pip install -U protobuf onnx') from None


def main() -> None:
    """Export and compare."""
    args = parse_args()
    check(args)

    from pyskl.apis import load_config, parse_options

    if args.checkpoint is None:
        from pyskl.inference.recognizer import find_model

        args.config, args.checkpoint = find_model(args.config)
    cfg = load_config(args.config, parse_options(args.cfg_options))
    with replacing_path(args.out) as temporary:
        line = (_export_network if args.network_only else _export_whole)(args, cfg, temporary)
    print(f'wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB): {line}')


def _export_network(args: argparse.Namespace, cfg, path: Path) -> str:
    """Write the network without pipeline; return a description of its inputs."""
    import onnx
    import torch

    from pyskl.apis import init_recognizer
    from pyskl.engine.flops import clip_shape
    from pyskl.inference.onnx.model import trace_network

    model = init_recognizer(cfg, args.checkpoint, trust=args.trust_checkpoint)
    key = getattr(model, 'input_key', 'keypoint')
    if getattr(model, 'heatmaps', None) is not None:
        raise ValueError("a network with heatmap_on='device' cannot be exported; set heatmap_on='worker'")
    torch.manual_seed(0)
    clips = torch.rand(3, args.clips or 1, *(args.shape or clip_shape(cfg)))
    onnx.save(trace_network(model, key, args.mode, clips[:2], (key, 'scores'), any_number=True), path)
    with torch.no_grad():
        expected = model(**{key: clips}, mode=args.mode).numpy()
    run = _runner(path)
    _report(run and float(abs(run({key: clips.numpy()}) - expected).max() / abs(expected).max()))
    return f'{key} (N, {", ".join(map(str, clips.shape[1:]))}) -> scores'


def _export_whole(args: argparse.Namespace, cfg, path: Path) -> str:
    """Write the test pipeline and the network; return a description of the inputs."""
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
    """Return a function that runs a file, from a dict of arrays to the scores; None without onnxruntime."""
    if importlib.util.find_spec('onnxruntime') is None:
        return None

    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return lambda inputs: session.run(None, inputs)[0]


def _report(apart: float | None) -> None:
    """Print the relative difference between the scores of onnxruntime and the network.

    Raises:
        ValueError: If it is too large.
    """
    if apart is None:
        print('not compared with the network; to do so, run pip install onnxruntime', flush=True)
    elif not apart < 1e-3:
        raise ValueError(f'scores of onnxruntime and the network differ by {apart:.1e} (relative); no file is written')
    else:
        print(f'scores of onnxruntime and the network agree; relative difference {apart:.1e}', flush=True)


if __name__ == '__main__':
    run(main)
