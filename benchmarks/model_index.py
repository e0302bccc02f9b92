"""Write sizes into ``pyskl/zoo/index``, add an entry for every config without one, and write docs/models.md.

    python benchmarks/model_index.py [--check]

Parameters are of the whole network, FLOPs the multiply-accumulates of its backbone for one clip, both counted by torch.
Results, weights and all other lines of an entry are not changed.
"""

import argparse
import json
import re
from pathlib import Path

import torch

from pyskl.cli.models import page
from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import load_config
from pyskl.engine.config.shipped import config_names, configs_folder
from pyskl.engine.flops import clip_shape, macs, parameters
from pyskl.files import write_text
from pyskl.zoo.index import FOLDER, entries

PAGE = Path(__file__).resolve().parents[1] / 'docs/models.md'
_cache: dict[str, tuple[int, int]] = {}


def sizes(config: str) -> tuple[int, int]:
    """Count parameters and multiply-accumulates of ``configs/...``, once for all configs with the same network."""
    cfg = load_config(configs_folder() / config.removeprefix('configs/'))
    shape = clip_shape(cfg)
    key = json.dumps(cfg.model.to_dict(), sort_keys=True, default=str) + str(shape)
    if key not in _cache:
        model = build_recognizer(cfg, torch.device('cpu'))
        _cache[key] = parameters(model), macs(model.backbone, torch.empty(1, *shape)).total
    return _cache[key]


def main() -> int:
    """Update the files; with ``--check``, only report outdated ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='change nothing; exit 1 if something is out of date')
    args = parser.parse_args()
    stale = []
    for entry in entries().values():
        counted = sizes(entry.config)
        if counted != (entry.parameters, entry.macs):
            stale.append(entry.name)
            if not args.check:
                _replace_sizes(entry.family, entry.name, counted)
    listed = {entry.config for entry in entries().values()}
    for name, path in config_names().items():
        config = f'configs/{path.relative_to(configs_folder()).as_posix()}'
        if config not in listed:
            stale.append(name)
            if not args.check:
                _append(config, name, sizes(config))
    if not args.check:
        entries.cache_clear()
        write_text(PAGE, page())
    print(f'{len(entries())} models; out of date{"" if args.check else " and written"}: {", ".join(stale) or "none"}')
    return 1 if args.check and stale else 0


def _replace_sizes(family: str, name: str, counted: tuple[int, int]) -> None:
    path = FOLDER / f'{family.lower()}.yml'
    line = re.compile(
        rf'(- Name: {re.escape(name)}\n(?:  .*\n)*?  Metadata: \{{.*)Parameters: \d+, FLOPs: \d+', re.MULTILINE
    )
    write_text(path, line.sub(rf'\g<1>Parameters: {counted[0]}, FLOPs: {counted[1]}', path.read_text()))


def _append(config: str, name: str, counted: tuple[int, int]) -> None:
    path = FOLDER / f'{config.split("/")[1].lower()}.yml'
    text = path.read_text() if path.is_file() else 'Models:\n'
    benchmark = _benchmark(name)
    same_data = [entry for entry in entries().values() if _benchmark(entry.name) == benchmark and entry.dataset]
    data = f'Training Data: {same_data[0].dataset}, ' if same_data else ''
    collection = re.search(r'^- Name: (.+)$', text, re.MULTILINE)
    within = f'  In Collection: {collection[1]}\n' if text.startswith(('#', 'Collections')) and collection else ''
    meta = f'{{{data}Parameters: {counted[0]}, FLOPs: {counted[1]}}}'
    write_text(path, f'{text}- Name: {name}\n{within}  Config: {config}\n  Metadata: {meta}\n')


def _benchmark(name: str) -> str:
    """The data set and its settings in a config's name: ``ntu60_xsub_hrnet`` of ``d5_ntu60_xsub_hrnet/j``."""
    found = re.search(r'(?:ntu60|ntu120|nwucla|kinetics|k400|gym|diving48|ucf101|hmdb51).*?(?=/|$)', name)
    return found[0] if found else name.partition('/')[0]


if __name__ == '__main__':
    raise SystemExit(main())
