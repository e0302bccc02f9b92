"""Merge annotation pickles: the shards that ``--shard I/N`` of a data tool wrote, or any others."""

try:
    from pyskl.cli.data.merge import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
