"""Convert PYSKL's Kinetics-400, ``k400_hrnet.pkl`` and its kpfiles, to one annotation pickle; without memcached."""

try:
    from pyskl.cli.data.k400 import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
