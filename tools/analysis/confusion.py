"""Write the confusion matrix of a score file or a run as an image, or as CSV."""

try:
    from pyskl.cli.confusion import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
