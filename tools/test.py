"""Test a checkpoint on the test clips of a config."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.test import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
