import importlib
import pickle
import sys
from pathlib import Path

import pytest


@pytest.fixture
def fuse(tmp_path, monkeypatch, capsys):
    """``fuse('--preds', ...)`` in a temporary folder -> (exit status, lines of stdout, lines of stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    module = importlib.import_module('pyskl.cli.fuse')

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['fuse.py', *arguments])
        with pytest.raises(SystemExit) as left:
            module.run(module.main)
        out, err = capsys.readouterr()
        return left.value.code, out.splitlines(), err.splitlines()

    return call


def write(name, rows):
    rows = [{'frame_dir': clip, 'label': label, 'score': score} for clip, label, score in rows]
    Path(name).write_bytes(pickle.dumps(rows))


def write_streams():
    """A is correct for the first two clips, B for the last two, each with high confidence; their sum for all four."""
    write('A.pkl', [('a', 0, [9, 1]), ('b', 1, [1, 9]), ('c', 0, [4, 6]), ('d', 1, [6, 4])])
    write('B.pkl', [('d', 1, [1, 9]), ('c', 0, [9, 1]), ('b', 1, [6, 4]), ('a', 0, [4, 6])])


def test_fusing_two_streams_that_are_each_half_correct(fuse):
    write_streams()
    status, out, _ = fuse('--preds', 'A.pkl', 'B.pkl', '--weights', '1', '1')
    assert status == 0
    assert out[0] == '4 clips, 2 classes'
    assert out[2].split() == ['1', '50.00', '-', '50.00', 'A.pkl']
    assert out[3].split() == ['1', '50.00', '-', '50.00', 'B.pkl']
    assert out[4].split() == ['100.00', '-', '100.00', 'fused']


def test_a_weight_of_zero_ignores_a_stream(fuse):
    write_streams()
    assert fuse('--preds', 'A.pkl', 'B.pkl', '--weights', '1', '0')[1][-1].split()[0] == '50.00'


def test_weights_are_searched_on_another_split(fuse):
    write_streams()
    write('A2.pkl', [('e', 0, [9, 1]), ('f', 1, [1, 9])])
    write('B2.pkl', [('e', 0, [0, 30]), ('f', 1, [30, 0])])
    status, out, _ = fuse('--preds', 'A.pkl', 'B.pkl', '--search', 'A2.pkl', 'B2.pkl')
    assert status == 0
    first, second = (float(line.split()[0]) for line in out[2:4])
    assert 8 * first > 30 * second
    status, _, err = fuse('--preds', 'A.pkl', 'B.pkl', '--search', 'A.pkl', 'B.pkl')
    assert status == 1
    assert err == [
        "error: --search and --preds share 4 clips, the first is 'a'; search the weights on a different split "
        'from the reported one'
    ]


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['--weights', '1'], '1 weights for 2 files'),
        (['--search', 'A.pkl'], '--search needs as many files as --preds, 2, got 1'),
        (['--search', 'A.pkl', 'B.pkl', '--weights', '1', '1'], '--weights and --search exclude each other'),
        (['--split', 'val'], '--split needs --ann'),
    ],
)
def test_invalid_options_raise_one_line(fuse, more, message):
    write_streams()
    status, out, err = fuse('--preds', 'A.pkl', 'B.pkl', *more)
    assert (status, out, len(err)) == (1, [], 1)
    assert message in err[0]
