"""The --out of the data tools."""

import argparse
from pathlib import Path


def add_out(parser: argparse.ArgumentParser) -> None:
    """``--out`` and ``--overwrite``."""
    parser.add_argument('--out', type=Path, required=True, help='annotation pickle to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')


def check_out(args: argparse.Namespace) -> None:
    """Refuse, before any work, an ``--out`` that is taken.

    Raises:
        FileExistsError: If it exists and ``--overwrite`` is off.
        IsADirectoryError: If it is a folder.
    """
    if args.out.is_dir():
        raise IsADirectoryError(f'--out {args.out} is a folder; name a file in it, such as {args.out / "data.pkl"}')
    if args.out.exists() and not args.overwrite:
        raise FileExistsError(f'--out {args.out} exists; give another name, or --overwrite to replace it')
