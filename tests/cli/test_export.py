"""What export_onnx.py refuses before any work; the export itself needs packages that are no requirement."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STGCN = str(ROOT / 'configs/stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j.py')


@pytest.fixture
def export(capsys, monkeypatch):
    """``export(*arguments)`` -> (exit status, lines on stderr), where onnxscript is not installed."""

    def call(*arguments):
        module = importlib.import_module('pyskl.cli.export')
        monkeypatch.setattr(sys, 'argv', ['export_onnx.py', *map(str, arguments)])
        monkeypatch.setattr(module, 'NEEDED', ('a_package_that_nobody_has',))
        with pytest.raises(SystemExit) as left:
            module.run(module.main)
        return left.value.code, capsys.readouterr().err.splitlines()

    return call


def test_a_missing_package_is_named_with_what_installs_it(export, tmp_path):
    status, lines = export(STGCN, 'net.pth', '--out', tmp_path / 'net.onnx')
    assert status == 1
    assert lines == ['error: the export needs a_package_that_nobody_has: pip install a_package_that_nobody_has']


def test_an_out_that_is_taken_or_cannot_be_written_is_refused(export, tmp_path):
    taken = tmp_path / 'taken.onnx'
    taken.write_text('mine')
    (tmp_path / 'folder.onnx').mkdir()
    for out, words in (
        (taken, 'exists; give another name, or --overwrite'),
        (tmp_path / 'folder.onnx', 'is a folder'),
        (tmp_path / 'none' / 'net.onnx', 'there is no folder'),
        (tmp_path / 'net.pth', 'does not end with .onnx'),
    ):
        status, lines = export(STGCN, 'net.pth', '--out', out)
        assert status == 1 and len(lines) == 1 and words in lines[0]
    status, lines = export(STGCN, 'net.pth', '--out', taken, '--overwrite')
    assert 'the export needs' in lines[0]  # the name is free to take, the package is what is missing
    assert taken.read_text() == 'mine'


@pytest.mark.parametrize('options', [['--clips', '0'], ['--shape', '2', '0', '17', '3'], ['--mode', 'loss']])
def test_impossible_options_are_refused(export, options):
    status, lines = export(STGCN, 'net.pth', '--out', 'net.onnx', *options)
    assert status == 2
    assert 'error' in lines[-1]
