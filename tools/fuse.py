"""Fuse the scores of several networks (streams) and print the accuracies of each and of all."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.fuse import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
