"""Run a tool in several processes, on GPUs or on the CPU."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.launch import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
