"""An annotation pickle, looked at before training: all that is wrong in it, and what it holds."""

try:
    from pyskl.cli.data.check import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
