"""Draw which joints a network responds to, in clips of a data set, as gifs or contact sheets."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.response import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
