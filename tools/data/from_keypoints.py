"""Convert a pose estimator's keypoint JSON, one file per video, to the annotation pickle."""

try:
    from pyskl.cli.data.from_keypoints import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
