"""Convert a checkpoint of another toolbox: write the weights under the keys of this package.

Training and testing read such files directly; a converted file names its origin and has no optimizer. With --config the
weights are compared with that config's network before the file is written.
"""

import argparse
import os
from pathlib import Path

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('input', metavar='IN', help='path, quoted glob or URL of a checkpoint')
    parser.add_argument('output', metavar='OUT', type=Path, help='output file, such as net.pth')
    parser.add_argument('--config', help='config of a network that the weights must fit')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes of --config')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing OUT')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    args = parser.parse_args(argv)
    if args.cfg_options and not args.config:
        parser.error('--cfg-options needs --config')
    return args


def check_output(args: argparse.Namespace) -> None:
    """Check, before any work, that OUT can be written.

    Raises:
        OSError: If it cannot.
    """
    out = args.output
    if out.is_dir():
        raise IsADirectoryError(f'OUT {out} is a folder; name a file in it, such as {out / "net.pth"}')
    if os.path.lexists(out) and not args.overwrite:
        raise FileExistsError(f'OUT {out} exists already; pass --overwrite to replace it, or choose another file')
    if not out.parent.is_dir():
        raise FileNotFoundError(f'OUT {out}: the folder {out.parent} does not exist')


def main() -> None:
    """Convert, and report the recognised layout."""
    args = parse_args()
    check_output(args)

    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.checkpoints.files import (
        find_checkpoint,
        load_weights,
        match_keys,
        read_checkpoint,
        save_checkpoint,
    )
    from pyskl.engine.checkpoints.foreign import origin, summary, translate

    path, note = find_checkpoint(args.input)
    checkpoint = read_checkpoint(path, args.trust_checkpoint)
    if args.config:
        model = build_recognizer(load_config(args.config, parse_options(args.cfg_options)), torch.device('cpu'))
        found = load_weights(model, checkpoint, path)
        state_dict, _ = match_keys(checkpoint['state_dict'], model)
    else:
        state_dict, found = translate(checkpoint['state_dict'])
        found[:0] = [name for name in [origin(checkpoint)] if name]
        others = [key for key in state_dict if not key.startswith(('backbone.', 'cls_head.'))]
        if others:
            raise ValueError(
                f'{path} has no known layout: its first unknown keys are {", ".join(others[:3])}; valid keys begin '
                f'with backbone. or cls_head.{f" (read as: {found[-1]})" if found else ""}'
            )
    family = '; '.join(found) or 'keys of this package, as in PYSKL and Ske2Grid'
    meta = {'converted_from': family.removeprefix('converted from: ')}
    meta.update({key: checkpoint['meta'][key] for key in ('epoch', 'iter') if type(checkpoint['meta'].get(key)) is int})
    save_checkpoint({'state_dict': {k: v.detach().clone() for k, v in state_dict.items()}, 'meta': meta}, args.output)
    for line in [note, f'recognised: {family}', summary(state_dict), f'wrote {args.output}']:
        if line:
            print(line, flush=True)
    if not args.config:
        print('not compared with a network; pass --config CONFIG to do so', flush=True)


if __name__ == '__main__':
    run(main)
