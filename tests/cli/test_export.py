"""Errors of the export before any work, and its output if the packages are installed.

The scores of a file with its pipeline are compared in tests/examples/test_onnx_stream.py.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pyskl.cli.export import check, parse_args
from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import load_config

ROOT = Path(__file__).resolve().parents[2]
STGCN = str(ROOT / 'configs/stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j.py')


@pytest.fixture
def export(capsys, monkeypatch):
    """``export(*arguments)`` -> (exit status, lines on stderr), as if onnxscript was not installed."""

    def call(*arguments):
        module = importlib.import_module('pyskl.cli.export')
        monkeypatch.setattr(sys, 'argv', ['export_onnx.py', *map(str, arguments)])
        monkeypatch.setattr(module, 'NEEDED', ('a_package_that_nobody_has',))
        with pytest.raises(SystemExit) as left:
            module.run(module.main)
        return left.value.code, capsys.readouterr().err.splitlines()

    return call


def test_a_missing_package_is_named_with_the_install_command(export, tmp_path):
    status, lines = export(STGCN, 'net.pth', '--out', tmp_path / 'net.onnx')
    assert status == 1
    assert lines == ['error: the export needs a_package_that_nobody_has; run pip install a_package_that_nobody_has']


def test_an_out_that_exists_or_cannot_be_written_raises(export, tmp_path):
    taken = tmp_path / 'taken.onnx'
    taken.write_text('mine')
    (tmp_path / 'folder.onnx').mkdir()
    for out, words in (
        (taken, 'exists already; pass --overwrite'),
        (tmp_path / 'folder.onnx', 'is a folder'),
        (tmp_path / 'none' / 'net.onnx', 'does not exist'),
        (tmp_path / 'net.pth', 'must end in .onnx'),
    ):
        status, lines = export(STGCN, 'net.pth', '--out', out)
        assert status == 1 and len(lines) == 1 and words in lines[0]
    status, lines = export(STGCN, '--out', tmp_path / 'net.onnx')
    assert 'needs a checkpoint: pyskl export CONFIG CHECKPOINT' in lines[0]
    status, lines = export(STGCN, 'net.pth', '--out', taken, '--overwrite')
    assert 'the export needs' in lines[0]  # the output name is valid, only the package is missing
    assert taken.read_text() == 'mine'


@pytest.mark.parametrize(
    'options',
    [
        ['--clips', '0'],
        ['--network-only', '--shape', '2', '0', '17', '3'],
        ['--shape', '2', '100', '17', '3'],
        ['--network-only', '--float16'],
        ['--network-only', '--classes', 'ntu60'],
        ['--mode', 'loss'],
    ],
)
def test_invalid_options_raise(export, options):
    status, lines = export(STGCN, 'net.pth', '--out', 'net.onnx', *options)
    assert status == 2
    assert 'error' in lines[-1]


def test_an_onnx_that_cannot_be_imported_raises_one_line(export, tmp_path, monkeypatch):
    (tmp_path / 'onnx').mkdir()
    (tmp_path / 'onnx' / '__init__.py').write_text("raise ImportError('no runtime_version in protobuf')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'onnx', raising=False)
    monkeypatch.setattr('pyskl.cli.export.NEEDED', ('onnx',))
    with pytest.raises(ValueError, match=r'onnx cannot be imported \(no runtime_version in protobuf\); run pip'):
        check(parse_args([STGCN, 'net.pth', '--out', str(tmp_path / 'net.onnx')]))


@pytest.fixture
def weights(tiny):
    """``net.pth`` of the tiny network."""
    pytest.importorskip('onnx', exc_type=ImportError)
    model = build_recognizer(load_config(str(tiny.config)), torch.device('cpu'))
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tiny.folder / 'net.pth')
    return 'net.pth'


def test_a_random_test_pipeline_is_refused_by_its_transform(tiny, weights, refused):
    tiny.write_config('val_pipeline = train_pipeline[:1] + train_pipeline[2:]', 'val_pipeline = train_pipeline')
    refused(
        'export',
        [tiny.config, weights, '--out', 'net.onnx'],
        'the test pipeline holds RandomRot, which the graph cannot hold; export --network-only writes the network',
    )


def test_the_network_alone_takes_batches_of_any_size(tiny, weights, tool):
    onnxruntime = pytest.importorskip('onnxruntime')
    status, output = tool('export', tiny.config, weights, '--out', 'net.onnx', '--network-only', '--clips', '2')
    assert status == 0, output
    session = onnxruntime.InferenceSession('net.onnx', providers=['CPUExecutionProvider'])
    assert [(x.name, x.shape[1:]) for x in session.get_inputs()] == [('keypoint', [2, 2, 8, 17, 3])]
    scores = session.run(None, {'keypoint': np.ones((5, 2, 2, 8, 17, 3), np.float32)})[0]
    assert scores.shape == (5, 4) and scores.sum(1) == pytest.approx(1)
    assert b'pyskl/' not in (tiny.folder / 'net.onnx').read_bytes()  # the exporter's stack traces
