"""Count parameters and multiply-accumulates (MACs) of networks for one clip.

The total is counted as by fvcore and in published tables: convolutions, matrix products, and two MACs per element for
batch norms. torch's operator counter is used; nothing is computed.
"""

import argparse

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files; for several, a table is printed')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=4,
        metavar='N',
        help='shape of a clip: M T V C, or C T H W for heatmaps (default: that of the test pipeline)',
    )
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes of the configs')
    return parser.parse_args(argv)


def main() -> None:
    """Print parameters and MACs."""
    args = parse_args()

    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.config.errors import error_context
    from pyskl.engine.flops import Macs, clip_shape, macs, parameters
    from pyskl.models.recognizers import input_key

    def look_at(config: str) -> tuple[str, tuple[int, ...], int, int, Macs]:
        """Return axes and shape of the clip, parameters of the network and of the backbone, and the backbone's MACs."""
        cfg = load_config(config, parse_options(args.cfg_options))
        model = build_recognizer(cfg, torch.device('cpu'))
        shape = tuple(args.shape or clip_shape(cfg))
        axes = 'C, T, H, W' if input_key(cfg.model) == 'imgs' else 'M, T, V, C'
        return axes, shape, parameters(model), parameters(model.backbone), macs(model.backbone, torch.empty(1, *shape))

    if len(args.configs) == 1:
        axes, shape, size, inner, cost = look_at(args.configs[0])
        print(f'clip ({axes}): {shape}')
        print(f'parameters: {size / 1e6:.3f} M ({inner / 1e6:.3f} M in the backbone)')
        print(f'backbone: {cost.total / 1e9:.2f} GMACs ({cost.products / 1e9:.2f} without batch norms)')
        return
    print('| config | clip | parameters | backbone, GMACs | without batch norms |')
    print('|---|---|---|---|---|')
    for config in args.configs:
        with error_context(config):
            axes, shape, size, _, cost = look_at(config)
        clip = ' x '.join(map(str, shape))
        print(
            f'| `{config}` | {clip} | {size / 1e6:.3f} M | {cost.total / 1e9:.2f} | {cost.products / 1e9:.2f} |',
            flush=True,
        )


if __name__ == '__main__':
    run(main)
