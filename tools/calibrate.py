"""Fit the temperature of a network's scores, and the confidence threshold for unknown actions, on a split."""

try:
    from pyskl.cli.calibrate import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
