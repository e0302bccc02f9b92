"""Convert NW-UCLA's JSON clips, as CTR-GCN distributes them (``all_sqe``), to the annotation pickle."""

try:
    from pyskl.cli.data.nwucla import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
