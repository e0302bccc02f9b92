"""Label who does what, when, in a video, a camera stream or keypoints."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.predict import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
