"""``python -m pyskl`` is the command ``pyskl``."""

import runpy
import sys

import pytest


@pytest.mark.parametrize('module', ['pyskl', 'pyskl.cli'])
def test_python_m_pyskl_is_the_command(module, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [module, '--help'])
    with pytest.raises(SystemExit) as left:
        runpy.run_module(module, run_name='__main__')
    assert left.value.code in (0, None)
    assert capsys.readouterr().out.startswith('usage: pyskl ')
