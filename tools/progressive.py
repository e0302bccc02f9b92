"""Progressive learning in one command: train each config from the best checkpoint of the one before."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.progressive import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
