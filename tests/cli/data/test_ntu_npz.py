import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.annotations import write_annotations

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'ntu_npz.py'


@pytest.fixture
def convert(capfd, monkeypatch):
    """``convert(*arguments)`` -> (exit status, stdout, last line of stderr)."""
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    tool = importlib.import_module('pyskl.cli.data.ntu_npz')

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['ntu_npz.py', *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            tool.run(tool.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, (captured.err.strip().splitlines() or [''])[-1]

    return call


def save(path, *names, dtype=np.float32, **more):
    records = []
    for i, name in enumerate(names):
        keypoint = np.random.RandomState(i).uniform(-1, 1, (1, 3, 25, 3)).astype(dtype)
        records.append(
            {'frame_dir': name, 'label': int(name[-3:]) - 1, 'total_frames': 3, 'keypoint': keypoint, **more}
        )
    write_annotations(path, records)
    return path


def test_ntu60_and_ntu120_are_written_to_separate_files(tmp_path, convert):
    old = save(tmp_path / 'a.pkl', 'S001C001P001R001A001', 'S001C002P003R001A060')
    new = save(tmp_path / 'b.pkl', 'S001C001P001R001A001', 'S018C002P003R001A061')
    status, output, _ = convert(old, '--out', tmp_path / 'npz')
    assert status == 0 and 'float16' not in output
    assert f'wrote {tmp_path / "npz" / "NTU60_CV.npz"}: 1 train, 1 test\n' in output
    assert convert(new, '--out', tmp_path / 'npz')[0] == 0
    names = ['NTU120_CSet.npz', 'NTU120_CSub.npz', 'NTU60_CS.npz', 'NTU60_CV.npz']
    assert sorted(path.name for path in (tmp_path / 'npz').iterdir()) == names
    with np.load(tmp_path / 'npz' / 'NTU120_CSet.npz') as arrays:
        assert arrays['y_train'].shape == (1, 120) and arrays['y_train'].argmax() == 60


def test_rounded_coordinates_and_dropped_samples_are_reported(tmp_path, convert):
    path = tmp_path / 'a.pkl'
    keypoint = np.ones((1, 3, 25, 3), np.float16)
    keypoint[0, 0, 1] = 0, 2, 1  # a spine, and no hips
    save(path, 'S001C001P001R001A001', keypoint=keypoint)
    status, output, _ = convert(path, '--out', tmp_path / 'npz', '--aligned')
    assert status == 0 and 'is float16, so coordinates are rounded' in output
    assert 'NTU60_CS_aligned.npz: 1 train, 0 test; 1 with NaN, which InfoGCN skips\n' in output
    assert 'NTU60_CS.npz: 1 train, 0 test\n' in output


def test_invalid_arguments_raise_one_line(tmp_path, convert):
    good = save(tmp_path / 'a.pkl', 'S001C001P001R001A001')
    bad = save(tmp_path / 'b.pkl', 'S001C001P001R001A001', label=7)
    other = save(tmp_path / 'c.pkl', 'S001C001P001R001A001')
    write_annotations(other, [{'frame_dir': 'walk', 'label': 0, 'keypoint': np.ones((1, 3, 25, 3))}])
    (tmp_path / 'file').touch()
    (tmp_path / 'npz').mkdir()
    (tmp_path / 'npz' / 'NTU60_CV.npz').write_text('mine')
    for arguments, why in (
        ((bad, '--out', tmp_path / 'x'), 'label 7 does not match action 1'),
        ((other, '--out', tmp_path / 'x'), "was not written by pyskl data ntu: 'walk'"),
        ((good, '--out', tmp_path / 'file'), 'is a file; it must be a folder'),
        ((tmp_path / 'none.pkl', '--out', tmp_path / 'x'), 'does not exist'),
        ((good, '--out', tmp_path / 'npz'), 'NTU60_CV.npz exists already; pass --overwrite'),
    ):
        status, _, error = convert(*arguments)
        assert status == 1 and why in error
    assert not (tmp_path / 'x').exists() and len(list((tmp_path / 'npz').iterdir())) == 1
    assert convert(good, '--out', tmp_path / 'npz', '--overwrite')[0] == 0


def test_a_missing_pickle_raises_one_line(tmp_path, convert):
    status, _, error = convert(tmp_path / 'a.pkl', '--out', tmp_path / 'npz')
    assert status == 1
    assert error == f'error: {tmp_path / "a.pkl"} does not exist; give a pickle written by pyskl data ntu'
