"""Converting arrays by the command line."""

import csv
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from pyskl.datasets.records.annotations import read_annotations

ROOT = Path(__file__).resolve().parents[3]
LEG = 'joints: [hip, knee, foot]\nbones: [[knee, hip], [foot, knee]]\ndims: {dims}\n'


def call(folder: Path, *options: str) -> tuple[int, str, str]:
    """Exit status, output, errors of from_arrays.py, called in ``folder``."""
    tool = [sys.executable, str(ROOT / 'tools/data/from_arrays.py'), *options]
    done = subprocess.run(tool, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def walk(frames: int, dims: int, seed: int = 0) -> np.ndarray:
    """``(T, 3, dims)``, all nonzero."""
    return np.random.RandomState(seed).uniform(1, 2, (frames, 3, dims))


@pytest.fixture
def utd(tmp_path) -> Path:
    """Files like those of UTD-MHAD: a{action}_s{subject}_t{take}_skeleton.mat, joints x coordinates x frames."""
    (tmp_path / 'leg.yaml').write_text(LEG.format(dims=3))
    (tmp_path / 'Skeleton').mkdir()
    for action in (1, 2):
        for subject in (1, 2, 3):
            clip = walk(10 * action + subject, 3, seed=subject).transpose(1, 2, 0)
            path = tmp_path / 'Skeleton' / f'a{action}_s{subject}_t1_skeleton.mat'
            scipy.io.savemat(path, {'d_skel': clip}, do_compression=True)
    return tmp_path


UTD = (
    '--pattern', 'Skeleton/*_skeleton.mat', '--key', 'd_skel', '--axes', 'VCT', '--layout', 'leg.yaml',
    '--name', r'a(?P<label>\d+)_s(?P<subject>\d+)_t\d+', '--first-label', '1',
)  # fmt: skip
BY_SUBJECT = ('--split-by', 'subject', '--val-subjects', '2', '--out', 'utd.pkl')


def test_mat_files_by_subject(utd):
    status, output, errors = call(utd, *UTD, *BY_SUBJECT)
    assert status == 0, errors
    records, splits = read_annotations(utd / 'utd.pkl')
    assert [(r['frame_dir'], r['label'], r['total_frames']) for r in records] == [
        ('a1_s1_t1_skeleton', 0, 11), ('a1_s2_t1_skeleton', 0, 12), ('a1_s3_t1_skeleton', 0, 13),
        ('a2_s1_t1_skeleton', 1, 21), ('a2_s2_t1_skeleton', 1, 22), ('a2_s3_t1_skeleton', 1, 23),
    ]  # fmt: skip
    assert splits['val'] == ['a1_s2_t1_skeleton', 'a2_s2_t1_skeleton']
    assert len(splits['train']) == 4
    np.testing.assert_array_equal(records[1]['keypoint'][0], walk(12, 3, seed=2).astype(np.float32))
    assert '6 clips, 2 classes, 3 joints (leg), 3D' in output
    assert 'skipped: 0 of 6' in output


def test_shards_together_equal_the_whole_and_have_consistent_splits(utd):
    assert call(utd, *UTD, *BY_SUBJECT)[0] == 0
    records, splits = read_annotations(utd / 'utd.pkl')
    parts = []
    for i in (1, 2):
        assert call(utd, *UTD, *BY_SUBJECT, '--shard', f'{i}/2')[0] == 0
        parts.append(read_annotations(utd / f'utd.shard-{i}-of-2.pkl'))
    assert [r['frame_dir'] for part, _ in parts for r in part] == [r['frame_dir'] for r in records]
    assert {name: [n for _, part in parts for n in part[name]] for name in splits} == splits


def test_split_by_view(utd):
    options = [*UTD]
    options[options.index('--name') + 1] = r'a(?P<label>\d+)_s(?P<view>\d+)_t'
    status, _, errors = call(utd, *options, '--split-by', 'view', '--val-views', '3', '--out', 'x.pkl')
    assert status == 0, errors
    assert read_annotations(utd / 'x.pkl')[1]['val'] == ['a1_s3_t1_skeleton', 'a2_s3_t1_skeleton']


@pytest.fixture
def tables(tmp_path) -> Path:
    """A CSV file per clip with a row per frame: time, then x and y of each joint."""
    (tmp_path / 'leg.yaml').write_text(LEG.format(dims=2))
    (tmp_path / 'clips').mkdir()
    with (tmp_path / 'labels.csv').open('w') as file:
        file.write('name,label\n')
        for i in range(10):
            clip = np.hstack([np.arange(12)[:, None], 100 * walk(12, 2, seed=i).reshape(12, 6)])
            np.savetxt(
                tmp_path / 'clips' / f'c{i}.csv', clip, delimiter=',', header='time,hx,hy,kx,ky,fx,fy', comments=''
            )
            file.write(f'c{i},{"jump" if i % 2 else "run"}\n')
    return tmp_path


CSV = ('--pattern', 'clips/*.csv', '--key', '1:', '--axes', 'T(VC)', '--layout', 'leg.yaml', '--labels', 'labels.csv')
AT_RANDOM = ('--split-by', 'random', '--out', 'mine.pkl')


def test_csv_files_with_a_table_of_labels(tables):
    status, output, errors = call(tables, *CSV, *AT_RANDOM, '--size', '240x320')
    assert status == 0, errors
    records, splits = read_annotations(tables / 'mine.pkl')
    assert [record['label'] for record in records] == [1, 0] * 5  # jump, run
    assert (tables / 'mine.classes.txt').read_text() == 'jump\nrun\n'
    assert records[0]['img_shape'] == (240, 320)
    assert records[0]['keypoint'].shape == (1, 12, 3, 2)
    assert records[0]['keypoint_score'].tolist() == np.ones((1, 12, 3)).tolist()
    np.testing.assert_allclose(records[3]['keypoint'][0], 100 * walk(12, 2, seed=3), rtol=1e-6)
    assert sorted(map(len, splits.values())) == [2, 8]


def test_nan_joints_raise_or_become_undetected_on_request(tables):
    path = tables / 'clips/c1.csv'
    rows = path.read_text().splitlines()
    rows[2] = ','.join([*rows[2].split(',')[:3], '', '', *rows[2].split(',')[5:]])  # the knee of the second frame
    path.write_text('\n'.join(rows))
    status, _, errors = call(tables, *CSV, *AT_RANDOM)
    assert status == 1
    assert '1 joints are NaN; pass --nan-to-zero to treat them as undetected' in errors
    assert call(tables, *CSV, *AT_RANDOM, '--nan-to-zero')[0] == 0
    record = read_annotations(tables / 'mine.pkl')[0][1]
    assert record['keypoint'][0, 1, 1].tolist() == [0, 0]
    assert record['keypoint_score'][0].sum() == 12 * 3 - 1
    assert record['keypoint_score'][0, 1, 1] == 0


def test_with_score_reads_the_last_coordinate(tables):
    clip = np.concatenate([walk(5, 2), np.full((5, 3, 1), 0.25)], axis=2)
    (tables / 'clips/c0.json').write_text(json.dumps({'joints': clip.tolist()}))
    options = ['--pattern', 'clips/c0.json', '--key', 'joints', '--axes', 'TVC', '--layout', 'leg.yaml', '--with-score']
    options += ['--name', '(?P<label>c)', '--split-by', 'split.csv', '--out', 'one.pkl', '--dtype', 'float16']
    (tables / 'split.csv').write_text('name,split\nc0,train\n')
    status, _, errors = call(tables, *options)
    assert status == 0, errors
    (record,), splits = read_annotations(tables / 'one.pkl')
    assert record['keypoint'].shape == (1, 5, 3, 2)
    assert set(record['keypoint_score'].ravel().tolist()) == {0.25}
    assert record['keypoint'].dtype == np.float16
    assert splits == {'train': ['c0'], 'val': []}


def test_one_file_of_many_padded_clips(tmp_path):
    (tmp_path / 'leg.yaml').write_text(LEG.format(dims=3))
    clips = np.zeros((4, 20, 2, 3, 3), np.float32)  # N T M V C
    for number, frames in enumerate((5, 20, 7, 9)):
        clips[number, :frames, 0] = walk(frames, 3, seed=number)
    clips[1, :20, 1] = walk(20, 3, seed=9)
    np.savez(tmp_path / 'set.npz', x=clips.reshape(4, 20, 18), y=np.eye(3)[[0, 2, 1, 0]])
    options = ['--pattern', 'set.npz', '--key', 'x', '--axes', 'NT(MVC)', '--label-key', 'y', '--layout', 'leg.yaml']
    status, _, errors = call(tmp_path, *options, '--split-by', 'random', '--out', 'x.pkl')
    assert status == 0, errors
    records, _ = read_annotations(tmp_path / 'x.pkl')
    assert [r['frame_dir'] for r in records] == [f'set/{i:06d}' for i in range(4)]
    assert [r['label'] for r in records] == [0, 2, 1, 0]
    assert [r['keypoint'].shape[:2] for r in records] == [(1, 5), (2, 20), (1, 7), (1, 9)]
    np.testing.assert_array_equal(records[1]['keypoint'][1], walk(20, 3, seed=9).astype(np.float32))


def test_a_pattern_expanded_by_the_shell_raises(utd):
    options = [*UTD]
    options[1:2] = ['Skeleton/a1_s1_t1_skeleton.mat', 'Skeleton/a1_s2_t1_skeleton.mat']
    status, _, errors = call(utd, *options, *BY_SUBJECT)
    assert (status, errors) == (1, "error: --pattern got 2 files from the shell; put it in quotes: 'raw/*.csv'\n")


def test_a_garbled_file_is_listed_and_the_others_are_converted(utd):
    (utd / 'Skeleton/a1_s1_t1_skeleton.mat').write_bytes(b'MATLAB 5.0')
    scipy.io.savemat(utd / 'Skeleton/a2_s1_t1_skeleton.mat', {'d_skel': np.ones((3, 4, 9))})
    status, output, errors = call(utd, *UTD, *BY_SUBJECT, '--max-bad', '40')
    assert status == 0, errors
    assert 'skipped: 2 of 6, 2 garbled; reasons in utd.skipped.csv' in output
    rows = {Path(row[0]).name: row[2] for row in list(csv.reader((utd / 'utd.skipped.csv').open()))[1:]}
    assert rows['a1_s1_t1_skeleton.mat'].startswith('not a valid MAT file')
    assert (
        rows['a2_s1_t1_skeleton.mat']
        == 'shape (3, 4, 9): axis C of --axes VCT has length 4, but the skeleton requires C 3'
    )
    assert len(read_annotations(utd / 'utd.pkl')[0]) == 4


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'--pattern': 'Skelton/*.mat'}, 'matches no file; put it in quotes'),
        ({'--axes': 'VT'}, "axes 'VT' must contain T, V and C"),
        ({'--layout': 'coc'}, "unknown skeleton 'coc'"),
        ({'--name': r'b(?P<label>\d+)'}, "matches no clip; the first is named 'a1_s1_t1_skeleton'"),
        ({'--name': r'(?P<subject>\d)'}, 'exactly one of --labels, --label-key and --name'),
        ({'--key': 'skel'}, "6 of 6 are garbled.*no key 'skel'; it has d_skel"),
        ({'--val-subjects': '9'}, "--val-subjects names '9', which no clip has; the subjects are 1, 2, 3"),
        ({'--first-label': '2'}, 'label -1 must be 0 to'),
        ({'--scale': '0'}, '--scale must be a number other than 0'),
        ({'--size': '3'}, '--size must be height x width'),
    ],
)
def test_invalid_options_of_from_arrays_raise_one_line(utd, change, message):
    options = dict(zip((*UTD, *BY_SUBJECT)[::2], (*UTD, *BY_SUBJECT)[1::2], strict=True)) | change
    status, _, errors = call(utd, *(word for pair in options.items() for word in pair))
    assert status == 1
    (line,) = [line for line in errors.splitlines() if not line.startswith('clips')]
    assert re.search(message, line), line


def table(folder, name, columns):
    (folder / f'{name}.csv').write_text('\n'.join(','.join(f'{x:.3f}' for x in row) for row in columns))


@pytest.mark.parametrize(
    ('coords', 'layout', 'order'),
    [('x,y,-,score', 'leg2.yaml', (0, 1)), ('x,y,z,-', 'leg3.yaml', (0, 1, 2)), ('-,score,y,x', 'leg2.yaml', (3, 2))],
)
def test_tables_with_more_columns_than_the_layout_has(tmp_path, coords, layout, order):
    for dims in (2, 3):
        (tmp_path / f'leg{dims}.yaml').write_text(LEG.format(dims=dims))
    clips = np.random.RandomState(0).uniform(0.1, 1, (2, 5, 3, 4)).round(3)
    for name, clip in zip(('walk_1', 'jump_2'), clips, strict=True):
        table(tmp_path, name, clip.reshape(5, 12))
    options = ('--pattern', '*.csv', '--axes', 'T(VC)', '--layout', layout, '--name', '(?P<label>[a-z]+)', '--split-by',
               'random', f'--coords={coords}', '--out', 'o.pkl')  # fmt: skip
    status, _, errors = call(tmp_path, *options)
    assert status == 0, errors
    jump, walk_ = read_annotations(tmp_path / 'o.pkl')[0]
    np.testing.assert_array_equal(walk_['keypoint'][0], clips[0][..., list(order)].astype(np.float32))
    if 'score' in coords:
        column = coords.split(',').index('score')
        np.testing.assert_array_equal(jump['keypoint_score'][0], clips[1][..., column].astype(np.float16))
    else:
        assert 'keypoint_score' not in jump


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--coords', 'x,y,z,-'), 'the layout is 2D; write - instead of z, or choose a 3D layout'),
        (('--coords', 'x,y,w'), '--coords must name x, y, z, score'),
        (('--coords', 'x,-'), '--coords must name x, y, z, score'),
        (('--coords', 'x,y,score', '--with-score'), '--with-score and --coords exclude each other'),
    ],
)
def test_invalid_coords_raise_one_line(tmp_path, more, message):
    (tmp_path / 'leg.yaml').write_text(LEG.format(dims=2))
    options = ('--pattern', '*.csv', '--axes', 'T(VC)', '--layout', 'leg.yaml', '--name', '(?P<label>[a-z]+)',
               '--split-by', 'random', '--out', 'o.pkl')  # fmt: skip
    status, _, errors = call(tmp_path, *options, *more)
    assert status == 1 and message in errors and errors.count('\n') == 1


def test_stgcn_arrays_with_their_label_pickle(tmp_path):
    clips = np.random.RandomState(0).rand(4, 3, 6, 25, 2).astype(np.float32) + 1
    np.save(tmp_path / 'train_data.npy', clips)
    names = [f'S001C001P00{person}R001A00{action}.skeleton' for person in (1, 2) for action in (1, 2)]
    labels = [0, 1, 0, 1]
    (tmp_path / 'train_label.pkl').write_bytes(pickle.dumps((names, labels)))
    options = ('--pattern', 'train_data.npy', '--axes', 'NCTVM', '--layout', 'nturgb+d', '--labels', 'train_label.pkl',
               '--name', r'P(?P<subject>\d+)', '--split-by', 'subject', '--val-subjects', '002',
               '--out', 'o.pkl')  # fmt: skip
    status, _, errors = call(tmp_path, *options)
    assert status == 0, errors
    records, splits = read_annotations(tmp_path / 'o.pkl')
    assert [(r['frame_dir'], r['label']) for r in records] == [
        (name.removesuffix('.skeleton'), label) for name, label in zip(names, labels, strict=True)
    ]
    assert splits['val'] == [name.removesuffix('.skeleton') for name in names[2:]]
    np.testing.assert_array_equal(records[1]['keypoint'], clips[1].transpose(3, 1, 2, 0))
    (tmp_path / 'train_label.pkl').write_bytes(pickle.dumps((names[:3], labels[:3])))
    assert 'has 3 labels for 4 clips' in call(tmp_path, *options, '--overwrite')[2]
    (tmp_path / 'train_label.pkl').write_bytes(pickle.dumps({'a': 1}))
    assert 'must be (names, labels), lists of equal length, got dict' in call(tmp_path, *options, '--overwrite')[2]
    keyed = [option for option in options[:8] + options[-2:] if option not in ('--labels', 'train_label.pkl')]
    assert (
        'a .npy file has one array only; give its labels as --labels'
        in call(tmp_path, *keyed, '--split-by', 'random', '--label-key', 'x', '--overwrite')[2]
    )
