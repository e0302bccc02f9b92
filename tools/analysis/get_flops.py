"""Count parameters and multiply-accumulates (MACs) of networks for one clip."""

try:
    from pyskl.cli.entry import run
    from pyskl.cli.get_flops import main
except ModuleNotFoundError as error:
    raise SystemExit(f'error: {error}; run `bash tools/setup.sh`, then `source .venv/bin/activate`') from None

if __name__ == '__main__':
    run(main)
