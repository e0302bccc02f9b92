"""Convert videos to an annotation pickle: detect people and their poses per frame, track them, fill gaps."""

try:
    from pyskl.cli.data.from_videos import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
