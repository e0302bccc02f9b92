"""torchrun for one of the tools: processes on GPUs or on the CPU, one line per error."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.launch import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
