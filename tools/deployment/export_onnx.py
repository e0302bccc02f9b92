"""Export a network and its test pipeline to an ONNX file."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.export import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
