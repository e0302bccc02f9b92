"""A config and its checkpoint -> an ONNX file that scores clips in batches of any size."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.export import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
