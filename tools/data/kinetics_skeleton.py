"""Convert Kinetics-skeleton (OpenPose, ST-GCN's release) to the annotation pickle, splits train and val."""

try:
    from pyskl.cli.data.kinetics_skeleton import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
