"""Commands, options, paths and links of the documents exist, and their examples run."""

import os
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from pyskl.apis import load_config, train
from pyskl.cli.commands import COMMANDS, DATA_COMMANDS, available

ROOT = Path(__file__).resolve().parents[1]
DOCS = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md')),
    *sorted((ROOT / 'docs').glob('*.md')),
    *sorted((ROOT / 'configs').rglob('README.md')),
]
COMMAND = re.compile(
    r'(?:python (?=tools/)|(?<=[`\n])(?=pyskl [a-z]))(tools/[\w./]+\.py|pyskl data [\w-]+|pyskl [\w-]+)([^\n`#]*)'
)
PATH = re.compile(r'`((?:configs|tools|docs|pyskl|tests|benchmarks|examples)/[\w./+-]*\w)(?:/?)`')
OPTION = re.compile(r'(?<![^\s\[|(])--?[a-zA-Z][\w-]*')
LINK = re.compile(r'\]\(([^)\s]+)\)')
SHELL = re.compile(r'```(?:bash|shell)\n(.*?)```', re.S)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(tool, its options) of each command line; continued lines are joined."""
    pairs = []
    for tool, rest in COMMAND.findall(path.read_text().replace('\\\n', ' ')):
        pairs.append((tool, OPTION.findall(re.sub(r"'[^']*'", ' ', rest))))
    return pairs


@lru_cache
def options(tool: str) -> set[str]:
    """Options of the parser of ``tool``."""
    command = [ROOT / tool] if tool.endswith('.py') else ['-m', *tool.split()]
    process = subprocess.run([sys.executable, *command, '--help'], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return set(OPTION.findall(process.stdout))


def anchors(path: Path) -> set[str]:
    heads = re.findall(r'^#+ (.+)$', path.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', head.lower()).strip().replace(' ', '-') for head in heads}


def test_commands_finds_tools_and_options(tmp_path):
    (tmp_path / 'x.md').write_text(
        "`python tools/fuse.py --preds a.pkl`\npython tools/test.py C \\\n    --eval '--x' -C y\n"
        '`pyskl data ntu --out x`\n'
    )
    assert commands(tmp_path / 'x.md') == [
        ('tools/fuse.py', ['--preds']),
        ('tools/test.py', ['--eval', '-C']),
        ('pyskl data ntu', ['--out']),
    ]


def known(tool: str) -> bool:
    """Whether a script or a command of ``pyskl`` exists."""
    if tool.endswith('.py'):
        return (ROOT / tool).is_file()
    table, name = (DATA_COMMANDS, tool[11:]) if tool.startswith('pyskl data ') else (COMMANDS, tool[6:])
    return name in {command.name for command in table} | {'data'}


@pytest.mark.parametrize('path', DOCS, ids=relative)
def test_every_command_and_option_in_a_document_exists(path):
    for tool, used in commands(path):
        assert known(tool), tool
        built = tool.endswith('.py') or tool.startswith('pyskl data') or tool[6:] in available()
        if used and built and tool != 'pyskl launch':  # options after its command belong to that command
            assert set(used) <= options(tool), f'{tool}: {sorted(set(used) - options(tool))}'


def test_every_path_in_a_document_exists():
    missing = []
    for path in DOCS:
        text = path.read_text()
        if path.name == 'migration.md':
            text = re.sub(r'^\|[^|]*\|', '', text, flags=re.M)  # the column of other toolboxes' commands
        for name in PATH.findall(text):
            if not (ROOT / name).exists() and not (path.parent / name).exists():
                missing.append(f'{relative(path)}: {name}')
    assert not missing, missing


@pytest.mark.parametrize('path', DOCS, ids=relative)
def test_every_relative_link_leads_to_a_file_and_heading(path):
    for link in LINK.findall(path.read_text()):
        if re.match(r'\w+:', link):
            continue
        name, _, anchor = link.partition('#')
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def dog(path: Path) -> str:
    """The shell blocks of the robot dog example."""
    return ''.join(block for block in SHELL.findall(path.read_text()) if 'dog/' in block)


def python_blocks(name: str) -> list[str]:
    return re.findall(r'```python\n(.*?)```', (ROOT / f'docs/{name}.md').read_text(), re.S)


def test_the_network_of_the_docs_trains(tiny, monkeypatch):
    module, config = python_blocks('new-network')
    (tiny.folder / 'mynet.py').write_text(module)
    monkeypatch.syspath_prepend(str(tiny.folder))
    tiny.config.write_text(f'{tiny.config.read_text()}\n{config}')
    cfg = load_config(tiny.config)
    cfg.work_dir = str(tiny.work_dir)
    train(cfg, validate=False, seed=0)
    assert (tiny.work_dir / 'latest.pth').exists()


def test_the_transform_and_metric_of_the_docs_compute_the_stated_values():
    own: dict = {}
    exec(python_blocks('new-transform')[0], own)
    step = np.array([0.0, 0, 3, 3]).reshape(1, 4, 1, 1)
    assert own['Smooth'](window=3).transform({'keypoint': step})['keypoint'].ravel().tolist() == [0, 1, 2, 3]
    exec(python_blocks('new-metric')[0], own)
    assert own['worst_class_accuracy'](np.eye(2)[[0, 0, 0]], np.array([0, 0, 1])) == 0.0


def test_the_skeleton_and_the_grid_of_the_docs_build():
    exec(python_blocks('new-skeleton')[0], {})
    exec(python_blocks('new-grid')[1], {})


def test_the_site_builds_without_warnings(tmp_path):
    pytest.importorskip('mkdocs')
    pytest.importorskip('mkdocstrings')
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', str(tmp_path / 'site')]
    environment = {**os.environ, 'NO_MKDOCS_2_WARNING': '1'}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stdout + process.stderr
    assert (tmp_path / 'site/configs/index.html').is_file() and (tmp_path / 'site/data/index.html').is_file()


@pytest.mark.slow
def test_the_example_of_the_docs_trains_a_network_from_csv_files(tmp_path):
    for name in ('tools', 'configs', 'pyskl'):
        (tmp_path / name).symlink_to(ROOT / name)
    script = dog(ROOT / 'docs/data.md').replace('total_epochs = 4', 'total_epochs = 1')
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/python').write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (tmp_path / 'bin/python').chmod(0o755)
    env = {**os.environ, 'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}', 'PYSKL_CACHE': str(tmp_path / 'cache')}
    process = subprocess.run(['bash', '-e', '-c', script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    assert 'no problems found' in process.stdout
    assert re.search(r'top1_acc: \d\.\d{4}', process.stdout)
    assert (tmp_path / 'dog/pictures/sheet.png').is_file()
