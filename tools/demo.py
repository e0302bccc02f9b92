"""Serve a web page to try a model: upload a video or record one, and see who does what, when."""

try:
    from pyskl.cli.demo import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
