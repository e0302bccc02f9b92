"""Render clips of an annotation file as videos, as recorded and as transformed by a config's pipeline."""

try:
    from pyskl.cli.data.browse import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
