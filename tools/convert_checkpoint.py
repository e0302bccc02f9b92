"""Convert a checkpoint of another toolbox: write the weights under the keys of this package."""

try:
    from pyskl.cli.convert_checkpoint import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
