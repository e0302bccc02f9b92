"""What the documents tell a reader to type exists, and where they lead is there."""

import os
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), *sorted((ROOT / 'configs').rglob('README.md'))]
COMMAND = re.compile(r'python (tools/[\w./]+\.py)([^\n`]*)')
OPTION = re.compile(r'(?<![^\s\[|(])--?[a-zA-Z][\w-]*')
LINK = re.compile(r'\]\(([^)\s]+)\)')
SHELL = re.compile(r'```(?:bash|shell)\n(.*?)```', re.S)


def in_words(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(tool, its options) of each command line; lines that go on are joined."""
    found = []
    for tool, rest in COMMAND.findall(path.read_text().replace('\\\n', ' ')):
        found.append((tool, OPTION.findall(re.sub(r"'[^']*'", ' ', rest))))
    return found


@lru_cache
def options(tool: str) -> set[str]:
    """What the parser of ``tool`` knows."""
    done = subprocess.run([sys.executable, ROOT / tool, '--help'], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(OPTION.findall(done.stdout))


def anchors(path: Path) -> set[str]:
    heads = re.findall(r'^#+ (.+)$', path.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', head.lower()).strip().replace(' ', '-') for head in heads}


def test_the_commands_of_a_line_are_found(tmp_path):
    (tmp_path / 'x.md').write_text(
        "`python tools/fuse.py --preds a.pkl`\npython tools/test.py C \\\n    --eval '--x' -C y\n"
    )
    assert commands(tmp_path / 'x.md') == [('tools/fuse.py', ['--preds']), ('tools/test.py', ['--eval', '-C'])]


@pytest.mark.parametrize('path', DOCS, ids=in_words)
def test_every_command_names_a_tool_and_options_that_it_has(path):
    for tool, said in commands(path):
        assert (ROOT / tool).is_file(), tool
        if said:
            assert set(said) <= options(tool), f'{tool}: {sorted(set(said) - options(tool))}'


@pytest.mark.parametrize('path', DOCS, ids=in_words)
def test_every_link_within_leads_to_a_file_and_a_heading(path):
    for link in LINK.findall(path.read_text()):
        if re.match(r'\w+:', link):
            continue
        name, _, anchor = link.partition('#')
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def dog(path: Path) -> str:
    """The shell blocks of the robot dog."""
    return ''.join(block for block in SHELL.findall(path.read_text()) if 'dog/' in block)


def test_the_readme_and_the_guide_show_the_same_example():
    assert dog(ROOT / 'README.md') == dog(ROOT / 'docs/data.md')


@pytest.mark.slow
def test_the_example_goes_from_csv_to_a_trained_network(tmp_path):
    for name in ('tools', 'configs', 'pyskl'):
        (tmp_path / name).symlink_to(ROOT / name)
    script = dog(ROOT / 'docs/data.md').replace('total_epochs = 4', 'total_epochs = 1')
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/python').write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (tmp_path / 'bin/python').chmod(0o755)
    env = {**os.environ, 'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}', 'PYSKL_CACHE': str(tmp_path / 'cache')}
    done = subprocess.run(['bash', '-e', '-c', script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert 'nothing is wrong' in done.stdout
    assert re.search(r'top1_acc: \d\.\d{4}', done.stdout)
    assert (tmp_path / 'dog/pictures/sheet.png').is_file()
