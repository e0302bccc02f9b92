"""Convert arrays in .mat, .npz, .npy, .json or .csv files to an annotation pickle, as described by options."""

try:
    from pyskl.cli.data.from_arrays import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
