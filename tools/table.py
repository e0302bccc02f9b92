"""Train and test configs with several seeds, and print mean and deviation of the accuracy as a Markdown table."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.table import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
