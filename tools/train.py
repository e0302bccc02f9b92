"""Train a recognizer from a config file; the same command resumes an interrupted run."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.train import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
