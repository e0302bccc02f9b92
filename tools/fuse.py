"""Fuse the scores of several networks (streams) and print the accuracy of each and of their sum."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.fuse import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
