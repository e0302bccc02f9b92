"""A config and its checkpoint -> an ONNX file that scores clips in batches of any size.

The input is named ``keypoint``, ``(N, clips, M, T, V, C)``, or ``imgs``, ``(N, views, C, T, H, W)``, as the config's
test pipeline gives it; the output is named ``scores``: those of the test, or logits with --mode tensor. What was
exported is run by onnxruntime, where that is installed, and compared with the network before it is kept.
"""

import argparse
import importlib.util
import logging
import os
import warnings
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.files import replacing_path

NEEDED = ('onnx', 'onnxscript')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='path or quoted glob of its weights')
    parser.add_argument('--out', type=Path, required=True, metavar='X.onnx', help='the file to write')
    parser.add_argument('--mode', default='predict', choices=['predict', 'tensor'], help='scores, or logits a clip')
    parser.add_argument('--clips', type=int, default=1, help='clips (views) a sample (default: 1)')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=4,
        metavar='N',
        help='the clip: M T V C, or C T H W of a volume (default: as the config feeds it in testing)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes of the config')
    args = parser.parse_args(argv)
    if args.clips < 1 or min(args.shape or [1]) < 1:
        parser.error('--clips and --shape take positive numbers')
    return args


def check(args: argparse.Namespace) -> None:
    """Refuse, before any work, an --out that is taken or cannot be written, and a missing package.

    Raises:
        ValueError: If --out does not end with .onnx, or a package is not installed.
        OSError: Of the fitting kind.
    """
    out = args.out
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


def main() -> None:
    """Export, and compare."""
    args = parse_args()
    check(args)

    import torch
    from torch import nn

    from pyskl.apis import init_recognizer, load_config, parse_options
    from pyskl.engine.flops import clip_shape

    cfg = load_config(args.config, parse_options(args.cfg_options))
    model = init_recognizer(cfg, args.checkpoint, trust=args.trust_checkpoint)
    key = getattr(model, 'input_key', 'keypoint')
    if getattr(model, 'heatmaps', None) is not None:
        raise ValueError("heatmap_on='device' draws joints inside the network; export without it")

    class Scores(nn.Module):
        """The network in one mode."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            return self.model(**{key: clips}, mode=args.mode)

    torch.manual_seed(0)
    clips = torch.rand(3, args.clips, *(args.shape or clip_shape(cfg)))
    scorer = Scores().eval()
    with replacing_path(args.out) as temporary, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch.onnx about itself
        logging.getLogger('torch.onnx._internal.exporter._registration').setLevel(logging.ERROR)
        expected = scorer(clips)
        torch.onnx.export(
            scorer,
            (clips[:2],),
            str(temporary),
            input_names=[key],
            output_names=['scores'],
            dynamic_shapes=({0: torch.export.Dim('n', min=1)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        print(_compared(temporary, key, clips, expected), flush=True)
    size = args.out.stat().st_size / 1e6
    print(f'written to {args.out} ({size:.1f} MB): {key} (N, {", ".join(map(str, clips.shape[1:]))}) -> scores')


def _compared(path: Path, key: str, clips, expected) -> str:
    """What onnxruntime makes of the clips, beside what torch made of them.

    Raises:
        ValueError: If they differ.
    """
    if importlib.util.find_spec('onnxruntime') is None:
        return 'not compared with the network; pip install onnxruntime for that'

    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    found = session.run(None, {key: clips.numpy()})[0]
    off = float(abs(found - expected.numpy()).max() / expected.abs().max())
    if not off < 1e-3:
        raise ValueError(f'onnxruntime scores differ from the network by {off:.1e} of the largest; nothing is written')
    return f'onnxruntime scores as the network does: {off:.1e} of the largest apart'


if __name__ == '__main__':
    run(main)
