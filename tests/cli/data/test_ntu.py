import csv
import importlib
import os
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records.annotations import read_annotations, record_problem
from tests.ntu_text import clip_text, person

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'ntu.py'
FILES = {
    'S001C001P001R001A001': clip_text(20, 1, seed=1),
    'S001C002P003R001A050': clip_text(16, 2, seed=2),
    'S002C003P038R002A060': clip_text(14, 1, seed=4),
    'S018C001P103R001A061': clip_text(13, 1, seed=5),
    'S019C001P104R001A120': clip_text(12, 2, seed=6),
}

WRITTEN = {
    classes: [f'ntu{classes}_3danno.{kind}' for kind in ('absent.txt', 'pkl', 'skipped.csv')] for classes in (60, 120)
}


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / 'raw'
    for name, content in FILES.items():
        path = folder / ('old' if name < 'S018' else 'new') / f'{name}.skeleton'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def ntu(monkeypatch):
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    return importlib.import_module('pyskl.cli.data.ntu')


@pytest.fixture
def convert(ntu, capfd, monkeypatch):
    """``convert(*arguments)`` -> (exit status, stdout, last line of stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['ntu.py', *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            ntu.run(ntu.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, (captured.err.strip().splitlines() or [''])[-1]

    return call


@pytest.fixture
def merged(ntu, monkeypatch):
    """``merged(*arguments)``: run merge.py."""
    merge = importlib.import_module('pyskl.cli.data.merge')

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['merge.py', *map(str, arguments)])
        merge.main()

    return call


def table(out, classes=120):
    with open(out / f'ntu{classes}_3danno.skipped.csv') as file:
        return [(Path(row['file']).stem, row['kind'], row['reason']) for row in csv.DictReader(file)]


def test_both_pickles_have_the_published_layout(raw, tmp_path, convert):
    out = tmp_path / 'new' / 'nturgbd'
    status, output, _ = convert(raw, '--out', out)
    assert status == 0
    assert sorted(os.listdir(out)) == WRITTEN[120] + WRITTEN[60]
    records, splits = read_annotations(out / 'ntu60_3danno.pkl')
    assert [r['frame_dir'] for r in records] == list(FILES)[:3]
    assert [r['label'] for r in records] == [0, 49, 59]
    assert [r['total_frames'] for r in records] == [20, 16, 14]
    assert [r['keypoint'].shape for r in records] == [(1, 20, 25, 3), (2, 16, 25, 3), (1, 14, 25, 3)]
    assert set(records[0]) == {'frame_dir', 'label', 'keypoint', 'total_frames'}
    np.testing.assert_array_equal(records[0]['keypoint'][0], person(20, 1).astype(np.float16))
    assert splits['xview_train'] == list(FILES)[1:3] and set(splits) == {
        'xsub_train', 'xsub_val', 'xview_train', 'xview_val',
    }  # fmt: skip
    records, splits = read_annotations(out / 'ntu120_3danno.pkl')
    assert [r['frame_dir'] for r in records] == list(FILES)
    assert splits['xset_train'] == list(FILES)[2:4]
    assert splits['xsub_val'] == [list(FILES)[1], list(FILES)[4]]
    assert 'NTU120: 5 clips, 5 classes, 25 joints (nturgb+d), 3D\n' in output
    assert 'frames: 14 min, 16 median, 20 max, 50 total' in output
    assert 'persons per clip: 1 in 2, 2 in 1' in output
    assert 'split xsub_train: 2 (published: 40091, -40089)' in output
    assert 'no files of 57 actions: A002-A049, A051-A059\n' in output
    assert 'no files of 15 setups: S003-S017\n' in output
    assert 'skipped: 0 of 3\n' in output and 'skipped: 0 of 5\n' in output


def test_splits_are_compared_with_the_published_sizes(raw, tmp_path, ntu, convert, monkeypatch):
    counts = {'xsub_train': 2, 'xsub_val': 1, 'xview_train': 2, 'xview_val': 2}
    monkeypatch.setitem(ntu.PUBLISHED_COUNTS, 60, counts)
    _, output, _ = convert(raw / 'old', '--out', tmp_path / 'out')
    assert 'split xview_train: 2 (as published)\n' in output
    assert 'split xview_val: 1 (published: 2, -1)\n' in output


def test_processes_do_not_change_the_files(raw, tmp_path, ntu, convert, monkeypatch):
    monkeypatch.setattr(ntu, 'FILES_A_PART', 2)
    for jobs in (1, 2):
        assert convert(raw, '--out', tmp_path / str(jobs), '--jobs', jobs)[0] == 0
    for name in WRITTEN[60] + WRITTEN[120]:
        assert (tmp_path / '1' / name).read_bytes() == (tmp_path / '2' / name).read_bytes()


def test_only_existing_sets_are_written(raw, tmp_path, convert):
    assert convert(raw / 'old', '--out', tmp_path / 'o')[0] == 0
    assert convert(raw / 'new', '--out', tmp_path / 'n', '--dtype', 'float32')[0] == 0
    assert sorted(os.listdir(tmp_path / 'o')) == WRITTEN[60]
    assert sorted(os.listdir(tmp_path / 'n')) == WRITTEN[120]
    assert read_annotations(tmp_path / 'n' / 'ntu120_3danno.pkl')[0][0]['keypoint'].dtype == np.float32


def test_missing_empty_garbled_and_duplicate_files_are_skipped_and_reported(raw, tmp_path, convert):
    missing = tmp_path / 'missing.txt'
    missing.write_text('The missing skeletons:\n\nS001C001P001R001A001\nS018C001P103R001A061.skeleton\n')
    (raw / 'S003C001P001R001A001.skeleton').write_bytes(b'2\r\n0\r\n0\r\n')
    (raw / 'S003C001P001R001A002.skeleton').write_bytes(FILES['S001C001P001R001A001'][:5000])
    (raw / 'z').mkdir()
    (raw / 'z' / 'S002C003P038R002A060.skeleton').write_bytes(b'a copy')
    (raw / 'S001C001P001R001A061.skeleton').write_bytes(FILES['S001C001P001R001A001'])
    out = tmp_path / 'out'
    status, output, _ = convert(raw, '--out', out, '--missing', missing, '--max-bad', 50)
    assert status == 0
    rows = table(out)
    assert [row[:2] for row in rows] == [
        ('S001C001P001R001A061', 'garbled'),
        ('S003C001P001R001A001', 'no body'),
        ('S003C001P001R001A002', 'garbled'),
        ('S018C001P103R001A061', 'listed as missing'),
        ('S001C001P001R001A001', 'listed as missing'),
        ('S002C003P038R002A060', 'garbled'),
    ]
    assert rows[5][2] == 'a second file of this name'
    assert 'skipped: 6 of 9, 3 garbled, 2 listed as missing, 1 no body' in output
    assert [row[0] for row in table(out, 60)] == [row[0] for row in rows if row[0] < 'S018']
    assert 'skipped: 5 of 7, 3 garbled, 1 listed as missing, 1 no body' in output


def test_too_many_garbled_files_stop_the_run_which_resumes_after_fixing(raw, tmp_path, ntu, convert, monkeypatch):
    monkeypatch.setattr(ntu, 'FILES_A_PART', 1)
    bad, out = raw / 'new' / 'S019C001P104R001A120.skeleton', tmp_path / 'out'
    bad.write_bytes(b'7\r\n')
    status, _, error = convert(raw, '--out', out)
    assert status == 1
    assert error == (
        f'error: 1 of 5 are garbled, more than --max-bad 1 %; the first: {bad}: '
        f'announces 7 frames but has 0; {out / "ntu.skipped.csv"} lists all'
    )
    assert sorted(os.listdir(out)) == ['.ntu.pkl.parts', 'ntu.skipped.csv']
    bad.write_bytes(FILES[bad.stem])
    parsed = []
    monkeypatch.setattr(
        ntu, 'read_clip', lambda item, real=ntu.read_clip, **rest: parsed.append(item[0]) or real(item, **rest)
    )
    assert convert(raw, '--out', out)[0] == 0
    assert parsed == [bad]
    assert table(out) == []
    assert sorted(os.listdir(out)) == WRITTEN[120] + WRITTEN[60]


def test_an_interrupted_run_resumes(raw, tmp_path, ntu, convert, monkeypatch):
    monkeypatch.setattr(ntu, 'FILES_A_PART', 1)
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    assert convert(raw, '--out', whole)[0] == 0
    real_parse, real_write, parsed = ntu.read_clip, ntu.write_pickle, []

    def parse_three(item, **rest):
        parsed.append(item)
        if len(parsed) == 4:
            raise KeyboardInterrupt
        return real_parse(item, **rest)

    def write_one(path, *rest):
        if '120' in path.name:
            raise KeyboardInterrupt
        return real_write(path, *rest)

    monkeypatch.setattr(ntu, 'read_clip', parse_three)
    assert convert(raw, '--out', out)[::2] == (130, 'error: interrupted')
    assert os.listdir(out) == ['.ntu.pkl.parts']
    torn = sorted((out / '.ntu.pkl.parts').iterdir())[0]
    torn.write_bytes(torn.read_bytes()[:100])
    monkeypatch.setattr(ntu, 'write_pickle', write_one)
    assert convert(raw, '--out', out)[0] == 130
    assert len(parsed) == 4 + 3  # two parts were complete, one truncated, two missing
    monkeypatch.setattr(ntu, 'write_pickle', real_write)
    assert convert(raw, '--out', out)[0] == 0  # files of the interrupted run do not prevent another
    assert len(parsed) == 7
    for name in os.listdir(whole):
        assert (whole / name).read_bytes() == (out / name).read_bytes()


def test_merged_shards_equal_the_whole(raw, tmp_path, convert, merged):
    (raw / 'S003C001P001R001A001.skeleton').write_bytes(b'2\r\n0\r\n0\r\n')
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    assert convert(raw, '--out', whole)[0] == 0
    for i in (1, 2, 3, 4):  # the first has no clip of NTU120's own, the last none of NTU60
        status, output, _ = convert(raw, '--out', out, '--shard', f'{i}/4')
        assert status == 0 and 'published' not in output
    for classes in (60, 120):
        shards = sorted(out.glob(f'ntu{classes}_*.shard-*-of-4.pkl'))
        assert len(shards) == 4
        merged(*shards, '--out', out / f'ntu{classes}_3danno.pkl')
        for name in WRITTEN[classes]:
            assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_absent_clips_of_recordings_are_listed(raw, tmp_path, convert):
    missing, out = tmp_path / 'missing.txt', tmp_path / 'out'
    missing.write_text('S002C001P038R001A001\n')
    _, output, _ = convert(raw / 'old', '--out', out, '--missing', missing)
    assert 'recordings (a performer in a setup): 3 of 158\n' in output
    absent = (out / 'ntu60_3danno.absent.txt').read_text().split()
    assert len(absent) == 3 * 360 - 3 - 1
    assert absent[0] == 'S001C001P001R001A002'
    assert '1076 clips of these recordings are absent (S001 718, S002 358); ' in output


def test_npz_is_written_with_full_precision(raw, tmp_path, convert):
    out, npz = tmp_path / 'out', tmp_path / 'npz'
    status, output, _ = convert(raw / 'old', '--out', out, '--npz', npz, '--aligned')
    assert status == 0
    names = ['NTU60_CS.npz', 'NTU60_CS_aligned.npz', 'NTU60_CV.npz', 'NTU60_CV_aligned.npz']
    assert sorted(os.listdir(npz)) == names
    assert f'wrote {npz / "NTU60_CS.npz"}: 2 train, 1 test\n' in output
    assert read_annotations(out / 'ntu60_3danno.pkl')[0][0]['keypoint'].dtype == np.float16
    walk = person(20, 1)
    with np.load(npz / 'NTU60_CS.npz') as arrays:
        np.testing.assert_array_equal(arrays['x_train'][0, :20, :75].reshape(20, 25, 3), walk - walk[0, 1])
    status, _, error = convert(raw / 'old', '--out', tmp_path / 'other', '--npz', npz)
    assert status == 1 and 'NTU60_CS.npz exists already; pass --overwrite' in error


def test_files_of_an_interrupted_run_are_replaced_and_others_raise(raw, tmp_path, ntu, convert, monkeypatch):
    out, npz, real = tmp_path / 'out', tmp_path / 'npz', ntu.write_set

    def write_first(records, classes, folder, aligned, done):
        def stop(path):
            done(path)
            raise KeyboardInterrupt

        real(records, classes, folder, aligned, stop)

    monkeypatch.setattr(ntu, 'write_set', write_first)
    assert convert(raw / 'old', '--out', out, '--npz', npz)[0] == 130
    assert os.listdir(npz) == ['NTU60_CS.npz'] and (out / 'ntu60_3danno.pkl').exists()
    monkeypatch.setattr(ntu, 'write_set', real)
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'NTU60_CS.npz').write_text('mine')
    assert 'NTU60_CS.npz exists' in convert(raw / 'old', '--out', out, '--npz', other)[2]
    assert convert(raw / 'old', '--out', out, '--npz', npz)[0] == 0
    assert sorted(os.listdir(npz)) == ['NTU60_CS.npz', 'NTU60_CV.npz']
    assert 'ntu60_3danno.pkl exists' in convert(raw / 'old', '--out', out)[2]


def test_other_thresholds_convert_again(raw, tmp_path, ntu, convert, monkeypatch):
    def persons(*options):
        assert convert(raw, '--out', tmp_path / 'out', '--overwrite', *options)[0] == 0
        return [len(r['keypoint']) for r in read_annotations(tmp_path / 'out' / 'ntu120_3danno.pkl')[0]]

    assert persons() == [1, 2, 1, 1, 2]
    assert persons('--length', '5', '--motion-high', '0.001') == [1, 1, 1, 1, 1]
    monkeypatch.setattr(ntu.shutil, 'rmtree', lambda folder: None)
    assert persons('--motion-high', '0.001') == [1, 1, 1, 1, 1]
    assert persons() == [1, 2, 1, 1, 2]


def test_an_existing_file_is_replaced_only_with_overwrite(raw, tmp_path, convert):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'ntu120_3danno.pkl').write_bytes(b'mine')
    status, _, error = convert(raw, '--out', out)
    assert (status, os.listdir(out)) == (1, ['ntu120_3danno.pkl'])
    assert error.startswith(f'error: {out / "ntu120_3danno.pkl"} exists already; pass --overwrite to replace it')
    assert (out / 'ntu120_3danno.pkl').read_bytes() == b'mine'
    assert convert(raw, '--out', out, '--overwrite')[0] == 0
    assert len(pickle.loads((out / 'ntu120_3danno.pkl').read_bytes())['annotations']) == 5


@pytest.mark.parametrize(
    ('options', 'why'),
    [
        (['--jobs', '0'], '--jobs must be at least 1, got 0'),
        (['--max-bad', 'nan'], '--max-bad must be 0 to 100 (percent), got nan'),
        (['--motion-low', '-1'], '--motion-low must be at least 0, got -1'),
        (['--missing', 'README.md'], '--missing README.md has no name such as S001C001P001R001A001'),
        (['--missing', 'none.txt'], 'is not a file; give a list'),
        (
            ['--npz', 'x', '--shard', '1/2'],
            '--npz and --shard exclude each other; pass --dtype float32, merge the shards',
        ),
        (['--npz', 'README.md'], '--npz README.md is a file'),
        (['--aligned'], '--aligned needs --npz DIR'),
    ],
)
def test_invalid_options_of_ntu_raise(raw, tmp_path, convert, monkeypatch, options, why):
    monkeypatch.chdir(tmp_path)
    Path('README.md').write_text('no names')
    status, _, error = convert(raw, '--out', tmp_path / 'out', *options)
    assert status == 1 and why in error
    assert not (tmp_path / 'out').exists()


def test_invalid_folders_raise(raw, tmp_path, convert):
    file = tmp_path / 'file'
    file.touch()
    (tmp_path / 'empty').mkdir()
    assert 'RAW_DIR' in convert(file, '--out', tmp_path / 'out')[2]
    assert f'--out {file} is a file' in convert(raw, '--out', file)[2]
    assert 'has no .skeleton file' in convert(tmp_path / 'empty', '--out', tmp_path / 'out')[2]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_files_give_a_record_or_a_reason(data):
    tool = importlib.import_module('pyskl.cli.data.ntu')
    content = bytearray(FILES['S001C002P003R001A050'])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        to = min(len(content), at + data.draw(st.sampled_from([0, 1, 2, 3000])))
        content[at:to] = data.draw(st.sampled_from([b'', b'9', b' ', b'\n', b'-', b'e9', b'e30', b'.', b'\0', b'nan']))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'S001C002P003R001A050.skeleton'
        path.write_bytes(content)
        try:
            record = tool.read_clip((path, ''), tool.PUBLISHED, 'float16', 'float16')
        except ValueError as why:  # the size of the table of skipped files
            assert str(why)
            return
    assert record_problem(record) is None
    assert record['keypoint'].shape[0] <= 2 and record['keypoint'].shape[1] <= 16


def test_a_missing_list_of_missing_clips_raises(raw, tmp_path, convert):
    status, _, error = convert(raw, '--out', tmp_path / 'out', '--missing', tmp_path / 'no.txt')
    assert status == 1
    assert error == f'error: --missing {tmp_path / "no.txt"} is not a file; give a list of clips to skip, one per line'
