import os
import subprocess
import sys

import pytest


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
