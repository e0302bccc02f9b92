"""Plot loss, accuracy and learning rate of one or more runs, or write all logged numbers as CSV."""

try:
    from pyskl.cli.curves import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
