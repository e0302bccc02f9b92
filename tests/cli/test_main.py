"""The command ``pyskl``: what it lists, finds and refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pyskl
from pyskl.cli.commands import COMMANDS, DATA_COMMANDS, available, split
from pyskl.cli.main import main, overview

ROOT = Path(__file__).resolve().parents[2]


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['pyskl', *words])
    return main()


def test_the_help_fits_one_screen(capsys, monkeypatch):
    assert call(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 27 and max(map(len, lines)) <= 80
    assert call(monkeypatch, '--help') == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_every_command_has_one_line_and_those_without_a_module_have_none():
    names = [line[16:29].strip() for line in overview().splitlines()[2:]]
    assert [name for name in names if name] == [*available(), 'data NAME']
    assert all((ROOT / f'{command.path.replace(".", "/")}.py').is_file() for command in available().values())


def test_the_version_is_written_once(capsys, monkeypatch):
    call(monkeypatch, '--version')
    assert capsys.readouterr().out == f'pyskl {pyskl.__version__}\n'


@pytest.mark.parametrize(
    ('words', 'found'),
    [
        (['train', 'x.py'], ('train', 'pyskl.cli.train', ['x.py'])),
        (['data', 'ntu', '--out', 'x'], ('data ntu', 'pyskl.cli.data.ntu', ['--out', 'x'])),
        (['data', 'from_arrays'], ('data from-arrays', 'pyskl.cli.data.from_arrays', [])),
        (['browse', 'x'], ('browse', 'pyskl.cli.data.browse', ['x'])),
    ],
)
def test_commands_are_found(words, found):
    assert split(words) == found


@pytest.mark.parametrize(
    ('words', 'hint'),
    [
        (['tset'], "no command 'tset'; did you mean 'pyskl test'"),
        (['data', 'from-arays'], "did you mean 'pyskl data from-arrays'"),
        (['zzz'], '`pyskl --help` lists them'),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest(words, hint):
    with pytest.raises(ValueError, match=hint):
        split(words)


def test_the_usage_of_a_command_is_what_was_typed(capsys, monkeypatch):
    with pytest.raises(SystemExit):
        call(monkeypatch, 'fuse', '--help')
    assert capsys.readouterr().out.startswith('usage: pyskl fuse ')


def test_the_overview_imports_no_command():
    code = (
        "import sys; sys.argv = ['pyskl']\nfrom pyskl.cli.main import main\nmain()\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)


def completions(line, tmp_path):
    pytest.importorskip('argcomplete')
    out = tmp_path / 'out'
    environment = {
        '_ARGCOMPLETE': '1', 'COMP_LINE': line, 'COMP_POINT': str(len(line)), 'COMP_TYPE': '9',
        '_ARGCOMPLETE_STDOUT_FILENAME': str(out),
    }  # fmt: skip
    subprocess.run([sys.executable, '-m', 'pyskl'], env={**os.environ, **environment}, check=True, timeout=60)
    return [word.strip() for word in out.read_text().split('\013')]


def test_the_shell_completes_commands_and_options(tmp_path):
    assert completions('pyskl tr', tmp_path) == ['train']
    assert completions('pyskl data from-v', tmp_path) == ['from-videos']
    assert completions('pyskl train --val', tmp_path) == ['--validate']


def test_every_tool_is_a_command():
    modules = {command.path for command in (*COMMANDS, *DATA_COMMANDS)}
    doors = [path for path in (ROOT / 'tools').rglob('*.py') if 'pyskl.cli' in path.read_text()]
    opened = {name for path in doors for name in re.findall(r'from (pyskl\.cli\.\S+) import main', path.read_text())}
    assert len(opened) == len(doors) and opened <= modules
