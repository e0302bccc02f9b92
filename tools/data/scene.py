"""Generate keypoints of people who perform one action after another, as JSON lines for ``pyskl predict``."""

try:
    from pyskl.cli.data.scene import main
    from pyskl.cli.entry import run
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
