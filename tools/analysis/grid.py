"""Draw the grid of a trained Ske2Grid: which joints feed which cell at every stage."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.grid import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
