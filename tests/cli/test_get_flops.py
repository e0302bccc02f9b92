"""Parameters and MACs by the command line."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STGCN = str(ROOT / 'configs/stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j.py')
X3D = str(ROOT / 'configs/posec3d/x3d_shallow_ntu60_xsub/joint.py')


@pytest.fixture
def get_flops(capsys, monkeypatch):
    """``get_flops(*arguments)`` -> (exit status, lines on stdout, lines on stderr)."""

    def call(*arguments):
        module = importlib.import_module('pyskl.cli.get_flops')
        monkeypatch.setattr(sys, 'argv', ['get_flops.py', *arguments])
        with pytest.raises(SystemExit) as left:
            module.run(module.main)
        captured = capsys.readouterr()
        return left.value.code, captured.out.splitlines(), captured.err.splitlines()

    return call


def test_one_config_prints_three_lines(get_flops):
    status, lines, _ = get_flops(STGCN)
    assert status == 0
    assert lines == [
        'clip (M, T, V, C): (2, 100, 17, 3)',
        'parameters: 3.089 M (3.073 M in the backbone)',
        'backbone: 3.82 GMACs (3.81 without batch norms)',
    ]
    _, lines, _ = get_flops(X3D, '--shape', '17', '48', '56', '56')
    assert lines[0] == 'clip (C, T, H, W): (17, 48, 56, 56)'
    assert lines[2] == 'backbone: 0.59 GMACs (0.57 without batch norms)'


def test_several_configs_print_a_table(get_flops):
    status, lines, _ = get_flops(STGCN, X3D, '--cfg-options', 'model.cls_head.num_classes=10')
    assert status == 0
    assert len(lines) == 4 and all(line.count('|') == 6 for line in lines)
    assert lines[2] == f'| `{STGCN}` | 2 x 100 x 17 x 3 | 3.076 M | 3.82 | 3.81 |'
    assert lines[3].startswith(f'| `{X3D}` | 17 x 48 x 64 x 64 | ')


def test_an_invalid_shape_raises_one_line(get_flops):
    status, _, errors = get_flops(STGCN, '--shape', '2', '100', '25', '3')
    assert (status, len(errors)) == (1, 1)
    assert errors[0].startswith('error: keypoint is (1, 2, 100, 25, 3)')
    status, _, errors = get_flops(STGCN, 'configs/none.py')
    assert (status, len(errors)) == (1, 1)
    assert 'configs/none.py' in errors[0]
