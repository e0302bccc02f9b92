"""Draw the grids of a trained Ske2Grid, i.e. which joints contribute to which cell."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.grid import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
