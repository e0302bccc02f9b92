"""The command ``pyskl``: help, commands and completion."""

import subprocess
import sys
from pathlib import Path

import pytest

import pyskl
from pyskl.cli.commands import available
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


def test_the_help_lists_every_available_command_once():
    names = [line[16:29].strip() for line in overview().splitlines()[2:]]
    assert [name for name in names if name] == [*available(), 'data NAME']
    assert all((ROOT / f'{command.path.replace(".", "/")}.py').is_file() for command in available().values())


def test_version_prints_the_version(capsys, monkeypatch):
    call(monkeypatch, '--version')
    assert capsys.readouterr().out == f'pyskl {pyskl.__version__}\n'


def test_the_usage_shows_the_command_as_typed(capsys, monkeypatch):
    with pytest.raises(SystemExit):
        call(monkeypatch, 'fuse', '--help')
    assert capsys.readouterr().out.startswith('usage: pyskl fuse ')


def test_the_overview_imports_no_command():
    code = (
        "import sys; sys.argv = ['pyskl']\nfrom pyskl.cli.main import main\nmain()\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)
