import importlib
import json
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.store_writer import pack_annotations
from pyskl.engine.build import build_dataset
from pyskl.engine.config.load import load_config

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'check.py'


@pytest.fixture
def check(monkeypatch, capsys):
    """``check(*arguments)`` -> (exit status, lines of stdout, last line of stderr)."""
    tool = importlib.import_module('pyskl.cli.data.check')
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['check', *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            tool.run(tool.main)
        out, err = capsys.readouterr()
        return left.value.code, [line.strip() for line in out.splitlines()], err.strip().split('\n')[-1]

    return call


def test_a_valid_file_that_fits_its_config_has_no_problems(tiny, check):
    status, output, _ = check(tiny.clips, '--config', tiny.config)
    assert status == 0
    assert output[0] == f'{tiny.clips}: 12 clips, 17 joints, 2D: coco'
    assert '4 classes, 3 clips each' in output
    assert 'split xsub_val: 4' in output
    assert output[-1] == 'no problems found'


def test_all_mismatches_with_the_config_are_reported(tiny, check):
    tiny.write_config('num_classes=4', 'num_classes=3')
    tiny.annotations[1]['keypoint'][0, 0, 0] = np.nan
    tiny.split['xsub_val'] = []
    tiny.write_clips()
    status, output, _ = check(tiny.clips, '--config', tiny.config)
    assert status == 1
    assert '1: has NaN or infinite coordinates' in output
    assert any(line.startswith('2: has a label outside 0 to 2 (num_classes=3)') for line in output)
    assert sum('cannot be built' in line for line in output) == 2  # val and test, which have no clips


def test_channels_are_compared_with_the_network(tiny, check):
    tiny.write_config("feats=['j']", "feats=['j', 'b']")
    status, output, _ = check(tiny.clips, '--config', tiny.config)
    assert status == 1
    assert any('in_channels is 3' in line for line in output)


def shares(tiny):
    for annotation in tiny.annotations:
        height, width = annotation['img_shape']
        annotation['keypoint'] = annotation['keypoint'].astype(np.float32) / np.array([width, height], np.float32)


def percentages(tiny):
    for annotation in tiny.annotations:
        annotation['keypoint_score'] = annotation['keypoint_score'] * 100


def one_label_too_many(tiny):
    tiny.annotations[3]['label'] = 4


def swapped_size(tiny):
    for annotation in tiny.annotations:
        annotation['img_shape'] = annotation['img_shape'][::-1]
        annotation['keypoint'] = annotation['keypoint'] + np.float16([500, 0])


@pytest.mark.parametrize('spoil', [shares, percentages, one_label_too_many, swapped_size])
def test_check_and_training_report_the_same_problems(tiny, check, spoil):
    spoil(tiny)
    tiny.write_clips()
    status, output, _ = check(tiny.clips, '--config', tiny.config)
    assert status == 1
    (kind,) = [line for line in output if ': has ' in line]
    with pytest.raises(ValueError) as refused:
        build_dataset(load_config(tiny.config), 'train')
    assert kind.partition(': ')[2] in str(refused.value)
    if spoil is not one_label_too_many:  # without a config: status 2, misleading
        status, output, _ = check(tiny.clips)
        assert status == 2 and kind.partition(': ')[2] in ' '.join(output)


def test_the_splits_of_the_config_are_compared_in_any_file(tiny, check):
    tiny.annotations[8]['keypoint'] = tiny.annotations[0]['keypoint']
    tiny.annotations[8]['keypoint_score'] = tiny.annotations[0]['keypoint_score']
    tiny.annotations[8]['total_frames'] = tiny.annotations[0]['total_frames']
    tiny.write_clips()
    copy = tiny.folder / 'copy.pkl'
    copy.write_bytes(tiny.clips.read_bytes())
    status, output, _ = check(copy, '--config', tiny.config)
    assert status == 2
    assert any(line.startswith('1: clips of xsub_val (4) are copies of clips of xsub_train') for line in output)
    assert any('the config uses other files' in line for line in output)
    tiny.write_config("split='xsub_val'", "split='xsub_train'")
    assert '8: clips are in xsub_train and in xsub_train' in check(copy, '--config', tiny.config)[1]


def test_fix_and_report_are_not_overwritten(tiny, check):
    tiny.annotations[0]['total_frames'] += 5
    tiny.split['xsub_train'].append('nobody')
    tiny.write_clips()
    fixed, report = tiny.folder / 'fixed.pkl', tiny.folder / 'report.json'
    status, output, _ = check(tiny.clips, '--fix', fixed, '--json', report)
    assert status == 1
    assert f'wrote {fixed}: 12 of 12 clips' in output
    report_content = json.loads(report.read_text())
    assert report_content['status'] == 1
    assert [f['names'] for f in report_content['findings'] if 'that have no record' in f['what']] == [['nobody']]
    assert check(fixed, '--config', tiny.config)[0] == 0
    before = fixed.read_bytes()
    status, output, error = check(tiny.clips, '--fix', fixed)
    assert (status, output, fixed.read_bytes()) == (1, [], before)
    assert error.startswith(f'error: --fix {fixed} exists already; choose another file')
    assert 'never FILE' in check(fixed, '--fix', fixed, '--overwrite')[2]
    assert check(tiny.clips, '--fix', fixed, '--overwrite')[1][-1] == f'wrote {fixed}: 12 of 12 clips'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'annotations': []}, 'has no records'),
        ({'x': 1}, 'has no records'),
        (print, 'error: '),
    ],
)
def test_a_file_that_is_not_an_annotation_file_raises_one_line(tmp_path, check, content, message):
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps(content))
    status, out, error = check(path)
    assert (status, out) == (1, [])
    assert error.startswith('error: ') and message in error


def test_invalid_records_and_splits_are_reported(tmp_path, check):
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps({'split': {'train': 3}, 'annotations': [1, {}, {'keypoint': 'x', 'label': {}}]}))
    status, output, error = check(path, '--fix', tmp_path / 'y.pkl')
    assert status == 1
    assert {'1: splits that are not lists of names', '1: is not a dict', '1: has no keypoint'} <= set(output)
    assert error == f'error: no clip of {path} is valid after fixing; {tmp_path / "y.pkl"} is not written'


if 'PYSKL_NWUCLA_PKL' in os.environ:  # the converted data set, if it exists

    def test_the_copies_of_nwucla_are_found(check):
        status, output, _ = check(os.environ['PYSKL_NWUCLA_PKL'])
        assert status == 2
        assert '95: clips of xview_val (464) are copies of clips of xview_train; remove them from xview_val' in output


def test_a_store_is_checked_like_its_pickle(tiny, check):
    store = tiny.folder / 'clips.skl'
    with store.open('wb') as file:
        pack_annotations(tiny.clips, file)
    assert check(store)[1][1:] == check(tiny.clips)[1][1:]
    data = bytearray(store.read_bytes())
    data[1000] ^= 1
    store.write_bytes(data)
    status, _, error = check(store)
    assert status == 1 and 'clips.skl is damaged in 1 places, first in 0 (pyskl pack --verify lists' in error


def test_labels_from_1_are_reported_and_shifted_on_request(tiny, check):
    for annotation in tiny.annotations:
        annotation['label'] += 1
    tiny.write_clips()
    assert any('labels count from 1 to 4; ' in line for line in check(tiny.clips)[1])
    fixed = tiny.folder / 'fixed.pkl'
    output = check(tiny.clips, '--fix', fixed, '--first-label', '1')[1]
    assert '12: labels shifted by -1' in output
    assert check(fixed, '--config', tiny.config)[0] == 0
    assert 'a clip has label 1' in check(tiny.clips, '--fix', tiny.folder / 'x.pkl', '--first-label', '2')[2]
    assert '--first-label needs --fix' in check(tiny.clips, '--first-label', '1')[2]
