"""Train a Ske2Grid progressively: each config starts from the best checkpoint of the previous one."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.progressive import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
