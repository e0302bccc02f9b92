import csv
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations
from tests.converters.test_kinetics_skeleton import content, person

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'kinetics_skeleton.py'
LABELS = {'abseiling': 0, 'air drumming': 1, 'yoga': 2}
ONE = person(0.5, 0.25, 0.75)


@pytest.fixture
def run(capfd, monkeypatch):
    """``run(*arguments, tool='merge')`` -> (exit status, stdout, last line of stderr)."""
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)

    def call(*arguments, tool='kinetics_skeleton'):
        module = importlib.import_module(f'pyskl.cli.data.{tool}')
        monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            module.run(module.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, (captured.err.strip().splitlines() or [''])[-1]

    return call


def write_split(folder, split, clips, **entries):
    """``clips``: content by name; ``entries``: (has_skeleton, label) by name."""
    (folder / f'kinetics_{split}').mkdir(parents=True)
    for name, raw in clips.items():
        (folder / f'kinetics_{split}' / f'{name}.json').write_bytes(raw)
    table = {
        name: {'has_skeleton': has, 'label': label, 'label_index': LABELS[label]}
        for name, (has, label) in entries.items()
    }
    (folder / f'kinetics_{split}_label.json').write_text(json.dumps(table))


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / 'raw'
    yoga = {'label': 'yoga', 'index': 2}
    write_split(
        folder,
        'train',
        {'b': content((0, ONE), (9,)), 'a-_1': content((1, ONE, ONE), **yoga), 'c': content((0, ONE), **yoga)},
        **{'b': (True, 'abseiling'), 'a-_1': (True, 'yoga'), 'c': (True, 'yoga')},
    )
    write_split(folder, 'val', {'v': content((4, ONE), label='air drumming', index=1)}, v=(True, 'air drumming'))
    return folder


def table(path):
    with open(path) as file:
        return [(Path(row['file']).stem, row['kind'], row['reason']) for row in csv.DictReader(file)]


def test_both_splits_are_written_to_one_file(raw, tmp_path, run):
    out = tmp_path / 'k.pkl'
    status, output, _ = run(raw, '--out', out)
    assert status == 0
    records, splits = read_annotations(out)
    assert splits == {'train': ['a-_1', 'b', 'c'], 'val': ['v']}
    assert [record['label'] for record in records] == [2, 0, 2, 1]
    first, second, *_ = records
    assert first['keypoint'].shape == (2, 2, 18, 2) and second['keypoint'].shape == (1, 10, 18, 2)
    assert first['keypoint'].dtype == first['keypoint_score'].dtype == np.float16
    assert first['keypoint'][1, 1, 17].tolist() == [170, 64]  # of 340 x 256
    assert first['keypoint_score'][1, :, 17].tolist() == [0, 0.75]
    assert first['img_shape'] == (256, 340) and second['total_frames'] == 10
    assert '4 clips, 3 classes, 18 joints (openpose), 2D\n' in output
    assert (tmp_path / 'k.classes.txt').read_text().splitlines() == list(LABELS)


def test_skipped_files_are_listed_with_the_reason(raw, tmp_path, run):
    table_file = raw / 'kinetics_train_label.json'
    entries = json.loads(table_file.read_text())
    entries['empty'] = entries['gone'] = entries['other'] = entries['cut'] = entries['b']
    entries['none'] = {**entries['b'], 'has_skeleton': False}
    table_file.write_text(json.dumps(entries))
    for name, raw_clip in {
        'empty': content((0,), (1, person(0, 0, 0))),
        'none': content(),
        'cut': content((0, ONE))[:-9],
        'other': content((0, ONE), label='yoga', index=2),
        'unlisted': content((0, ONE)),
    }.items():
        (raw / 'kinetics_train' / f'{name}.json').write_bytes(raw_clip)
    out = tmp_path / 'k.pkl'
    status, _, error = run(raw, '--out', out)
    assert status == 1 and '3 of 10 are garbled' in error
    status, output, _ = run(raw, '--out', out, '--max-bad', 30)
    assert status == 0 and 'skipped: 6 of 10, 3 garbled, 1 no file, 1 no person, 1 no skeleton; ' in output
    assert table(tmp_path / 'k.skipped.csv') == [
        ('cut', 'garbled', 'not JSON'),
        ('empty', 'no person', 'no frame has a person, though the label file says has_skeleton true'),
        ('gone', 'no file', 'is in the label file only'),
        ('none', 'no skeleton', 'the label file says has_skeleton false'),
        ('other', 'garbled', "is 'yoga' (2), in the label file 'abseiling' (0)"),
        ('unlisted', 'garbled', 'is not in the label file'),
    ]
    assert read_annotations(out)[1] == {'train': ['a-_1', 'b', 'c'], 'val': ['v']}


def test_merged_shards_equal_the_whole(raw, tmp_path, run):
    assert run(raw, '--out', tmp_path / 'whole.pkl', '--jobs', '2')[0] == 0
    out = tmp_path / 'k.pkl'
    for i in (1, 2, 3):
        assert run(raw, '--out', out, '--shard', f'{i}/3')[0] == 0
    assert run(*tmp_path.glob('k.shard-*-of-3.pkl'), '--out', out, tool='merge')[0] == 0
    assert out.read_bytes() == (tmp_path / 'whole.pkl').read_bytes()


def test_a_single_split_and_more_persons_are_possible(raw, tmp_path, run):
    for path in (*(raw / 'kinetics_train').iterdir(), raw / 'kinetics_train_label.json'):
        path.unlink()
    (raw / 'kinetics_train').rmdir()
    (raw / 'kinetics_val' / 'v.json').write_bytes(content((0, ONE, ONE, ONE), label='air drumming', index=1))
    out = tmp_path / 'k.pkl'
    assert run(raw, '--out', out, '--persons-out', 3, '--dtype', 'float32')[0] == 0
    (record,), splits = read_annotations(out)
    assert splits == {'val': ['v']} and record['keypoint'].shape[0] == 3 and record['keypoint'].dtype == np.float32


def test_invalid_arguments_raise_one_line(raw, tmp_path, run):
    out = tmp_path / 'k.pkl'
    (tmp_path / 'empty').mkdir()
    for arguments, why in (
        ((raw / 'none',), 'is not a folder; give the folder with kinetics_train/'),
        ((tmp_path / 'empty',), 'has neither kinetics_train/ with kinetics_train_label.json'),
        ((raw, '--persons-out', 6), '--persons-out must be 1 to --persons-in (5), got 6'),
    ):
        status, _, error = run(*arguments, '--out', out)
        assert status == 1 and why in error
    table_file = raw / 'kinetics_val_label.json'
    table_file.write_text(table_file.read_text().replace(': 1}', ': 2}'))
    assert "contradict each other: label_index 2 is 'yoga' and 'air drumming'" in run(raw, '--out', out)[2]
    table_file.write_text('{"../v": {}}')
    assert f"label file {table_file}: '../v' is not a valid video id" in run(raw, '--out', out)[2]
    table_file.unlink()
    assert 'kinetics_val_label.json does not; a split needs both' in run(raw, '--out', out)[2]
    assert not out.exists()
