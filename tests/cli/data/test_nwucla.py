import csv
import importlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'nwucla.py'


@pytest.fixture
def nwucla(monkeypatch):
    return importlib.import_module('pyskl.cli.data.nwucla')


def clip(frames=3, label=1, start=0.0):
    skeletons = (np.arange(frames * 60.0).reshape(frames, 20, 3) + start) / 8  # eighths are exact in float32
    return {'file_name': 'x', 'skeletons': skeletons.tolist(), 'label': label}


FILES = {
    'a01_s01_e00_v01.json': clip(3),
    'a01_s01_e00_v02.json': clip(5, start=1),
    'a02_s01_e00_v03.json': clip(2, label=2),
    'a01_s01_e00_v03.json': clip(5, start=1),  # the content of v02
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'all_sqe'
    path.mkdir()
    for name, content in FILES.items():
        (path / name).write_text(json.dumps(content))
    return path


def convert(*args):
    done = subprocess.run([sys.executable, str(TOOL), *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.strip().splitlines()[-1:]


def test_annotations_are_sorted_with_labels_from_zero(folder, tmp_path):
    out = tmp_path / 'new' / 'nwucla.pkl'
    status, _, _ = convert(folder, '--out', out)
    data = pickle.loads(out.read_bytes())
    assert status == 0
    assert [a['frame_dir'] for a in data['annotations']] == [name[:-5] for name in sorted(FILES)]
    assert [a['label'] for a in data['annotations']] == [0, 0, 0, 1]
    first = data['annotations'][0]
    assert first['keypoint'].shape == (1, 3, 20, 3) and first['keypoint'].dtype == np.float32
    assert first['total_frames'] == 3
    assert first['keypoint'][0, 2, 19].tolist() == [177 / 8, 178 / 8, 179 / 8]
    assert sorted(os.listdir(out.parent)) == ['nwucla.pkl', 'nwucla.skipped.csv']  # no temporary file is left


def test_splits_are_by_view_and_duplicates_are_found(folder, tmp_path):
    out = tmp_path / 'nwucla.pkl'
    _, output, _ = convert(folder, '--out', out)
    assert pickle.loads(out.read_bytes())['split'] == {
        'xview_train': ['a01_s01_e00_v01', 'a01_s01_e00_v02'],
        'xview_val': ['a01_s01_e00_v03', 'a02_s01_e00_v03'],
        'xview_val_dedup': ['a02_s01_e00_v03'],
    }
    assert '1 xview_val clips are byte-identical to a training clip' in output
    assert 'a01_v03 = a01_v02: 1' in output
    assert 'frames: 2 min, 4 median, 5 max, 15 total' in output


def test_archive_and_folder_give_the_same_file(folder, tmp_path):
    archive = tmp_path / 'all_sqe.tar.xz'
    with tarfile.open(archive, 'w:xz') as tar:
        tar.add(folder, 'all_sqe')
    for source in (folder, archive):
        assert convert(source, '--out', tmp_path / f'{source.name}.pkl')[0] == 0
    assert (tmp_path / 'all_sqe.pkl').read_bytes() == (tmp_path / 'all_sqe.tar.xz.pkl').read_bytes()


def test_only_regular_json_members_are_read(nwucla, tmp_path):
    archive = tmp_path / 'x.tar'
    with tarfile.open(archive, 'w') as tar:
        link = tarfile.TarInfo('../a01_s01_e00_v01.json')
        link.type, link.linkname = tarfile.SYMTYPE, '/etc/passwd'
        tar.addfile(link)
        for name in ('../../a01_s01_e00_v02.json', 'readme.txt'):
            member = tarfile.TarInfo(name)
            member.size = 2
            tar.addfile(member, io.BytesIO(b'{}'))
    assert list(nwucla.clips_in_archive(archive)) == [('a01_s01_e00_v02.json', b'{}')]


def test_large_members_are_not_read_and_large_archives_raise(nwucla, tmp_path, monkeypatch):
    archive = tmp_path / 'x.tar'
    with tarfile.open(archive, 'w') as tar:
        member = tarfile.TarInfo('a01_s01_e00_v01.json')
        member.size = 100
        tar.addfile(member, io.BytesIO(b'0' * 100))
    monkeypatch.setattr(nwucla, 'MAX_CLIP_BYTES', 99)
    assert list(nwucla.clips_in_archive(archive)) == [('a01_s01_e00_v01.json', None)]
    monkeypatch.setattr(nwucla, 'MAX_ARCHIVE_BYTES', 99)
    with pytest.raises(ValueError, match='unpacks to more than'):
        list(nwucla.clips_in_archive(archive))


NAME = 'a01_s01_e00_v01.json'


@pytest.mark.parametrize(
    ('name', 'content', 'why'),
    [
        ('a01_s01.json', b'{}', 'name does not have the form'),
        ('a01_s01_e00_v04.json', b'{}', 'view 1 to 3'),
        (NAME, None, 'larger than 8 MB'),
        (NAME, b'{"skeletons": [[', 'not JSON'),
        (NAME, b'\xff\xfe\xff', 'not JSON'),
        (NAME, b'[' * 100_000, 'not JSON'),
        (NAME, b'[1]', "'skeletons' and 'label'"),
        (NAME, json.dumps(clip(label=11)).encode(), "label must be 1 to 10, got '11'"),
        (NAME, json.dumps(clip(label=True)).encode(), "label must be 1 to 10, got 'True'"),
        (NAME, json.dumps(clip(frames=0)).encode(), r'\(T, 20, 3\)'),
        (NAME, json.dumps({'skeletons': [[[0, 0, 0]] * 19], 'label': 1}).encode(), r'int64 \(1, 19, 3\)'),
        (NAME, json.dumps({'skeletons': [[[0, 0, 0]] * 19 + [[0, 0]]], 'label': 1}).encode(), 'ragged'),
        (NAME, json.dumps({'skeletons': [[['1', '2', '3']] * 20], 'label': 1}).encode(), 'must be numbers'),
        (NAME, json.dumps({'skeletons': [[[0, 0, float('nan')]] * 20], 'label': 1}).encode(), 'NaN'),
        (NAME, json.dumps({'skeletons': [[[0, 0, 1e300]] * 20], 'label': 1}).encode(), 'NaN or infinite'),
    ],
)
def test_a_garbled_clip_has_a_reason(nwucla, name, content, why):
    with pytest.raises(ValueError, match=why):
        nwucla.parse_clip(name, content)


def test_garbled_files_are_skipped_listed_and_counted(folder, tmp_path):
    (folder / 'a03_s01_e00_v01.json').write_text('{')
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'a01_s01_e00_v01.json').write_text(json.dumps(clip()))
    status, _, errors = convert(folder, '--out', tmp_path / 'x.pkl')
    assert status == 1
    assert '2 of 6 are garbled, more than --max-bad 1 %; the first: ' in errors[0]
    status, output, _ = convert(folder, '--out', tmp_path / 'x.pkl', '--max-bad', 40)
    assert status == 0
    assert '4 clips, 2 classes, 20 joints (nw-ucla), 3D' in output
    assert 'skipped: 2 of 6, 2 garbled; ' in output
    with open(tmp_path / 'x.skipped.csv') as file:
        assert [(Path(row['file']).name, row['reason']) for row in csv.DictReader(file)] == [
            ('a03_s01_e00_v01.json', 'not JSON'),
            ('a01_s01_e00_v01.json', "a second clip with the name 'a01_s01_e00_v01'"),
        ]


@pytest.mark.parametrize('packed', [False, True])
def test_merged_shards_equal_the_whole(folder, tmp_path, packed):
    (folder / 'a03_s01_e00_v01.json').write_text('{')
    source = folder
    if packed:
        source = tmp_path / 'x.tar'
        with tarfile.open(source, 'w') as tar:
            tar.add(folder, 'all_sqe')
    whole, parts = tmp_path / 'whole' / 'x.pkl', tmp_path / 'parts' / 'x.pkl'
    assert convert(source, '--out', whole, '--max-bad', 40, '--jobs', 2)[0] == 0
    for i in (1, 2, 3):  # the copy and its original fall into different shards
        assert convert(source, '--out', parts, '--max-bad', 40, '--shard', f'{i}/3')[0] == 0
    merge = [sys.executable, str(TOOL.parent / 'merge.py'), *map(str, parts.parent.glob('*.pkl')), '--out', str(parts)]
    subprocess.run(merge, check=True, capture_output=True)
    for name in ('x.pkl', 'x.skipped.csv'):
        assert (parts.parent / name).read_bytes() == (whole.parent / name).read_bytes()


def test_an_existing_file_is_replaced_only_with_overwrite(folder, tmp_path):
    out = tmp_path / 'x.pkl'
    out.write_bytes(b'mine')
    status, _, errors = convert(folder, '--out', out)
    assert (status, out.read_bytes()) == (1, b'mine')
    assert errors == [f'error: --out {out} exists already; pass --overwrite to replace it, or choose another file']
    assert convert(folder, '--out', out, '--overwrite')[0] == 0
    assert len(pickle.loads(out.read_bytes())['annotations']) == 4


def test_a_source_without_clips_raises_one_line(tmp_path):
    folder = tmp_path / 'empty'
    folder.mkdir()
    status, _, errors = convert(folder, '--out', tmp_path / 'x.pkl')
    assert (status, errors) == (1, [f'error: {folder} has no clip, such as a01_s01_e00_v01.json'])
    (folder / 'a01_s01_e00_v01.json').write_text('{')
    status, _, errors = convert(folder, '--out', tmp_path / 'x.pkl', '--max-bad', 100)
    assert (status, errors) == (
        1,
        [f'error: none of 1 files gives a clip; see the reasons in {tmp_path / "x.skipped.csv"}'],
    )
    assert not (tmp_path / 'x.pkl').exists()


def test_invalid_and_truncated_archives_raise_one_line(folder, tmp_path):
    whole = tmp_path / 'whole.tar.xz'
    with tarfile.open(whole, 'w:xz') as tar:
        tar.add(folder, 'all_sqe')
    (tmp_path / 'cut.tar.xz').write_bytes(whole.read_bytes()[:-100])
    (tmp_path / 'foreign.tar.xz').write_bytes(b'no archive at all')
    for name in ('cut.tar.xz', 'foreign.tar.xz'):
        status, _, errors = convert(tmp_path / name, '--out', tmp_path / 'x.pkl')
        assert status == 1
        assert errors[0].startswith(f'error: {tmp_path / name} is not a folder or a complete tar archive')
    status, _, errors = convert(tmp_path / 'missing', '--out', tmp_path / 'x.pkl')
    assert (status, 'No such file' in errors[0]) == (1, True)


if 'PYSKL_NWUCLA' in os.environ:  # the published archive, if it exists

    def test_published_archive(nwucla):
        clips = [nwucla.read_clip(item) for item in nwucla.find_clips(Path(os.environ['PYSKL_NWUCLA']))]
        splits, repeats = nwucla.make_splits(clips)
        assert {name: len(members) for name, members in splits.items()} == {
            'xview_train': 1020,
            'xview_val': 464,
            'xview_val_dedup': 369,
        }
        # All clips of 'pick up with two hands' and 'drop trash' in view 3 equal those of the same name in view 2.
        assert all(train == f'{val[:-1]}2' for val, train in repeats.items())
        assert {name[:3] for name in repeats} == {'a02', 'a03'}
