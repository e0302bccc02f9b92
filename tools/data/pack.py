"""Convert an annotation pickle to a store: one file of any size, read by all processes, with a checksum per clip."""

try:
    from pyskl.cli.data.pack import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
