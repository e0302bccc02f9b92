"""Parameters and multiply-accumulates of a config's network, for one clip; of several configs, a table.

The total is counted as fvcore counts, and so every published table: convolutions, matrix products, and two
multiply-accumulates an element for batch norms. torch's operator counter does the counting, without computing anything.
"""

import argparse

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files; of several, a table')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=4,
        metavar='N',
        help='the clip: M T V C, or C T H W of a volume (default: as the config feeds it in testing)',
    )
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    return parser.parse_args(argv)


def main() -> None:
    """Print them."""
    args = parse_args()

    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.config.errors import error_context
    from pyskl.engine.flops import Macs, clip_shape, macs, parameters
    from pyskl.models.recognizers import input_key

    def look_at(config: str) -> tuple[str, tuple[int, ...], int, int, Macs]:
        """Axes and sizes of the clip; parameters in all and of the backbone; the backbone's cost."""
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
