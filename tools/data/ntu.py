"""Convert the .skeleton files of NTU RGB+D 60 and 120 to annotation pickles."""

try:
    from pyskl.cli.data.ntu import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
