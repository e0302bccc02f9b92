"""Convert NTU RGB+D's annotation pickle to the npz files that CTR-GCN and InfoGCN train on."""

try:
    from pyskl.cli.data.ntu_npz import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
