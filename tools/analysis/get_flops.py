"""Parameters and multiply-accumulates of a config's network, for one clip."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _entry import run  # noqa: E402


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape', type=int, nargs=4, metavar=('M', 'T', 'V', 'C'), help='the clip (default: as the config feeds it)'
    )
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()

    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.complexity import clip_shape, macs, parameters

    cfg = load_config(args.config, parse_options(args.cfg_options))
    shape = tuple(args.shape or clip_shape(cfg))
    model = build_recognizer(cfg, torch.device('cpu'))
    # Not zeros: an absent person is not computed.
    clip = torch.ones(1, *shape)
    print(f'clip (M, T, V, C): {shape}')
    print(f'parameters: {parameters(model) / 1e6:.3f} M ({parameters(model.backbone) / 1e6:.3f} M in the backbone)')
    print(f'backbone: {macs(model.backbone, clip) / 1e9:.2f} GMACs')


if __name__ == '__main__':
    run(main)
