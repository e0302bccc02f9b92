"""Converting keypoint JSON of every format by the command line."""

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations
from pyskl.synthetic.dataset import make_annotation
from tests import pose_json
from tests.pose_json import SIZE, write

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / 'tools' / 'data' / 'from_keypoints.py'
FORMS = (*pose_json.ONE_FILE, 'openpose')


def walk(name, frames=12, joints=17, people=2, speed=3.0):
    """Two persons of which one walks; the second is missing in frames 4 to 6. Values are exact in float16."""
    body = np.random.RandomState(joints).randint(0, 100, (joints, 2)) * [1, 2]
    keypoint = np.zeros((people, frames, joints, 2), np.float32)
    for m in range(people):
        keypoint[m] = body + 300 * m + 20 + np.arange(frames)[:, None, None] * (speed if m == 0 else 0.5) * [1, 0]
    score = np.full((people, frames, joints), 0.875, np.float32)
    score[1:] = 0.75
    score[1:, 4:7] = 0
    return {'frame_dir': name, 'keypoint': keypoint, 'keypoint_score': score}


@pytest.fixture
def convert(tmp_path, capfd, monkeypatch):
    """``convert(*arguments)`` -> (exit status, stdout, stderr), in the folder of ``poses`` and ``labels.csv``."""
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    monkeypatch.chdir(tmp_path)
    tool = importlib.import_module('pyskl.cli.data.from_keypoints')

    def call(*arguments, labels='labels.csv', source='poses', out='X.pkl', split='random'):
        line = [source, '--labels', labels, '--split-by', split, '--out', out, *arguments]
        monkeypatch.setattr(sys, 'argv', ['from_keypoints.py', *map(str, line)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            tool.run(tool.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, captured.err

    return call


@pytest.fixture
def refused(convert, tmp_path):
    """``refused(*arguments, message=...)``: check for status 1, one line, and no output file."""

    def check(*arguments, message, **more):
        status, _, errors = convert(*arguments, **more)
        lines = [line for line in errors.splitlines() if line.startswith('error: ')]
        assert status == 1 and errors.splitlines()[-1:] == lines, errors
        assert message in lines[0]
        assert not (tmp_path / 'X.pkl').exists()

    return check


def label(folder, text):
    (folder / 'labels.csv').write_text(text)


@pytest.fixture
def poses(tmp_path):
    """Four clips in the format of MMPose, with two classes and two subjects."""
    for name in 'abcd':
        write('mmpose', tmp_path / 'poses', walk(name, speed=2.0 + ord(name) % 2))
    label(tmp_path, 'name,label,subject\na,wave,anna\nb,bow,anna\nc,wave,ben\nd,bow,ben\n')
    return tmp_path / 'poses'


@pytest.mark.parametrize('form', FORMS)
def test_every_format_gives_the_same_clip(tmp_path, convert, form):
    expected = walk('clip')
    write(form, tmp_path / 'poses', expected)
    write(form, tmp_path / 'poses', expected | {'frame_dir': 'other'})
    label(tmp_path, f'name,label,width,height\nclip,0,{SIZE[1]},{SIZE[0]}\nother,0,{SIZE[1]},{SIZE[0]}\n')
    more = ('--layout', 'coco') if form.startswith('openpose') else ()
    status, output, errors = convert(*more)
    assert status == 0, errors
    record = read_annotations(tmp_path / 'X.pkl')[0][0]
    assert list(record) == [
        'frame_dir', 'label', 'total_frames', 'img_shape', 'original_shape', 'keypoint', 'keypoint_score',
    ]  # fmt: skip
    assert (record['frame_dir'], record['label'], record['total_frames']) == ('clip', 0, 12)
    assert record['img_shape'] == record['original_shape'] == SIZE
    assert record['keypoint'].dtype == record['keypoint_score'].dtype == np.float16
    np.testing.assert_array_equal(record['keypoint_score'], expected['keypoint_score'])
    # The gap of the second person is interpolated.
    np.testing.assert_array_equal(record['keypoint'], expected['keypoint'].astype(np.float16))
    assert '2 clips, 1 classes, 17 joints (coco), 2D' in output and 'persons per clip: 2 in 2' in output
    assert 'skipped: 0 of 2' in output and 'note' not in output


def test_body_25_is_converted_to_the_18_joints_of_openpose(tmp_path, convert):
    expected = walk('clip', joints=25)
    write('openpose', tmp_path / 'poses', expected)
    write('openpose', tmp_path / 'poses', expected | {'frame_dir': 'b'})
    label(tmp_path, 'name,label\nclip,0\nb,0\n')
    status, output, errors = convert()
    assert status == 0 and '18 joints (openpose)' in output, errors
    keypoint = read_annotations(tmp_path / 'X.pkl')[0][1]['keypoint']
    # OpenPose's page: 8 is MidHip, which openpose lacks; 9 RHip is its 8, 15 REye its 14, 1 Neck its 1.
    for ours, theirs in ((1, 1), (8, 9), (14, 15)):
        np.testing.assert_array_equal(keypoint[:, :, ours], expected['keypoint'][:, :, theirs].astype(np.float16))


def test_a_person_with_only_joints_outside_the_layout_is_skipped(tmp_path, convert):
    expected = walk('toes', joints=25)
    expected['keypoint_score'][..., :19] = 0  # BODY_25: toes and heels from 19 on
    for record in (expected, walk('b', joints=25)):
        write('openpose', tmp_path / 'poses', record)
    label(tmp_path, 'name,label\ntoes,0\nb,0\n')
    assert convert(split='subject', labels='labels.csv')[0] == 1  # no clip has a subject
    (tmp_path / 'splits.txt').write_text('toes train\nb val\n')
    status, output, errors = convert(split='splits.txt')
    assert status == 0 and 'skipped: 1 of 2, 1 no person' in output, errors
    assert 'with a joint of layout openpose' in (tmp_path / 'X.skipped.csv').read_text()


def test_classes_splits_and_notes_without_image_sizes(poses, convert, tmp_path):
    status, output, errors = convert(split='subject')
    assert status == 0, errors
    records, splits = read_annotations(tmp_path / 'X.pkl')
    assert [record['label'] for record in records] == [1, 0, 1, 0]
    assert sorted(splits) == ['train', 'val'] and sorted(map(tuple, splits.values())) == [('a', 'b'), ('c', 'd')]
    assert (tmp_path / 'X.classes.txt').read_text() == 'bow\nwave\n'
    width, height = np.floor(walk('a', speed=3.0)['keypoint'].reshape(-1, 2).max(0)) + 1
    assert records[0]['img_shape'] == (height, width)
    assert 'note: 4 clips have no image size' in output
    assert '2 classes, numbered alphabetically: 0 bow, 1 wave' in output
    assert 'subjects in val: ' in output


def test_shards_together_equal_the_whole(poses, convert, tmp_path):
    label(tmp_path, 'name,label,subject\na,wave,anna\nb,bow,anna\nlost,bow,ben\nc,wave,ben\nd,bow,ben\n')
    assert convert('--max-bad', 50)[0] == 0
    for number in (1, 2, 3):
        assert convert('--shard', f'{number}/3', '--max-bad', 50)[0] == 0
    parts = [read_annotations(tmp_path / f'X.shard-{number}-of-3.pkl') for number in (1, 2, 3)]
    records, splits = read_annotations(tmp_path / 'X.pkl')
    assert [record['frame_dir'] for part, _ in parts for record in part] == list('abcd')
    assert {split: [name for _, part in parts for name in part[split]] for split in splits} == splits
    np.testing.assert_equal([record for part, _ in parts for record in part], list(records))
    merge = importlib.import_module('pyskl.cli.data.merge')
    shards = [str(tmp_path / f'X.shard-{number}-of-3.pkl') for number in (1, 2, 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['merge.py', *shards, '--out', str(tmp_path / 'M.pkl')])
        merge.main()
    assert (tmp_path / 'M.pkl').read_bytes() == (tmp_path / 'X.pkl').read_bytes()


def test_several_jobs_give_the_same_bytes(poses, convert, tmp_path):
    assert convert()[0] == 0
    assert convert('--jobs', 2, out='Y.pkl')[0] == 0
    assert (tmp_path / 'X.pkl').read_bytes() == (tmp_path / 'Y.pkl').read_bytes()


def test_skipped_clips_are_listed_with_the_reason(poses, convert, tmp_path):
    (poses / 'b.json').write_text('[{"frame_id": 0, "inst')
    (poses / 'c.json').write_text('[]')
    (poses / 'extra.json').write_text('[]')
    label(tmp_path, 'name,label,subject\na,0,anna\nb,1,anna\nc,0,ben\nd,1,ben\nlost,0,ben\nd,1,ben\ne,,ben\n')
    status, output, errors = convert('--max-bad', 100)
    assert status == 0, errors
    assert 'skipped: 6 of 8, 1 garbled, 1 no person, 4 unmatched; reasons in X.skipped.csv' in output
    with open(tmp_path / 'X.skipped.csv') as file:
        found = {row['file'].split()[-1]: (row['kind'], row['reason']) for row in csv.DictReader(file)}
    assert found['poses/b.json'][0] == 'garbled' and found['poses/b.json'][1].startswith('not JSON: ')
    assert found['poses/c.json'] == ('no person', 'it has no person')
    assert found['poses/extra.json'] == ('unmatched', "no row of labels.csv is named 'extra'")
    assert found['lost'] == ('unmatched', 'no clip with this name was found')
    assert found['7'] == ('unmatched', "name 'd' repeats line 5")
    assert found['8'] == ('unmatched', 'no label')
    assert 'more than --max-bad 1 %' in convert(out='Y.pkl')[2]


def test_frames_of_labels_csv_and_numbers_from_one(tmp_path, convert):
    folder = tmp_path / 'poses'
    folder.mkdir()
    found = pose_json.alphapose(walk('a'))
    for name, shift in (('zero', 0), ('one', 1), ('late', 4)):
        moved = [entry | {'image_id': f'frame_{int(entry["image_id"][:-4]) + shift:05d}.png'} for entry in found]
        (folder / f'{name}.json').write_text(json.dumps(moved))
    label(tmp_path, 'name,label,num_frames\nzero,0,\none,0,\nlate,0,20\n')
    assert convert()[0] == 0
    late, one, zero = read_annotations(tmp_path / 'X.pkl')[0]
    assert [record['total_frames'] for record in (zero, one, late)] == [12, 12, 20]
    np.testing.assert_array_equal(one['keypoint'], zero['keypoint'])
    np.testing.assert_array_equal(late['keypoint'][:, 4:16], zero['keypoint'])
    assert not late['keypoint_score'][:, :4].any() and not late['keypoint'][:, 16:].any()
    assert convert('--first-frame', 'lowest', out='Y.pkl')[0] == 0
    late = read_annotations(tmp_path / 'Y.pkl')[0][0]
    np.testing.assert_array_equal(late['keypoint'][:, :12], zero['keypoint'])


def test_image_ids_are_not_used_as_frame_numbers(tmp_path, convert, refused):
    (tmp_path / 'poses').mkdir()
    for name in 'ab':
        found = [entry | {'image_id': entry['image_id'] + 300_000} for entry in pose_json.coco_results(walk(name))]
        (tmp_path / 'poses' / f'{name}.json').write_text(json.dumps(found))
    label(tmp_path, 'name,label\na,0\nb,0\n')
    refused(message='persons are in frames 300000 to 300011 only; pass --first-frame lowest, or 0 if this is so')
    assert convert('--first-frame', 'lowest')[0] == 0
    assert read_annotations(tmp_path / 'X.pkl')[0][0]['total_frames'] == 12


def test_an_image_too_large_for_float16_gives_float32(tmp_path, convert):
    far = walk('far')
    far['keypoint'] += 3001
    write('mmpose', tmp_path / 'poses', walk('near'))
    write('mmpose', tmp_path / 'poses', far)
    label(tmp_path, 'name,label\nnear,0\nfar,1\n')
    assert convert()[0] == 0
    far_out, near = read_annotations(tmp_path / 'X.pkl')[0]
    assert (far_out['keypoint'].dtype, near['keypoint'].dtype) == (np.float32, np.float16)
    np.testing.assert_array_equal(far_out['keypoint'], far['keypoint'])


@pytest.mark.parametrize(
    ('files', 'name'),
    [
        (['clip/alphapose-results.json'], 'clip'),
        (['results_clip.json'], 'clip'),
        (['wave/clip.json'], 'clip'),
        (['wave/clip.json'], 'wave/clip.mp4'),
        ([f'clip/{t:012d}_keypoints.json' for t in range(12)], 'clip'),
        ([f'clip_{t:012d}_keypoints.json' for t in range(12)], 'clip'),
        ([f'x/clip_{t:012d}_keypoints.json' for t in range(12)], 'x/clip'),
    ],
)
def test_a_clip_is_named_after_its_file_or_folder(tmp_path, convert, files, name):
    frames = pose_json.openpose_frames(walk('clip'))
    write('mmpose', tmp_path / 'poses', walk('another'))
    for t, file in enumerate(files):
        path = tmp_path / 'poses' / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(frames[t] if len(files) > 1 else pose_json.alphapose(walk('clip'))))
    label(tmp_path, f'name,label\n{name},3\nanother,0\n')
    status, _, errors = convert('--layout', 'coco')
    assert status == 0, errors
    assert {r['frame_dir']: r['label'] for r in read_annotations(tmp_path / 'X.pkl')[0]} == {
        name.removesuffix('.mp4'): 3,
        'another': 0,
    }


def test_common_mistakes_raise_one_line(poses, tmp_path, refused):
    refused(source='pose', message='DIR pose does not exist; give the folder with the JSON files')
    refused(source='labels.csv', message='DIR labels.csv is a file; give the folder')
    (tmp_path / 'empty').mkdir()
    refused(source='empty', message='DIR empty and its subfolders have no .json file')
    refused(labels='label.csv', message='--labels label.csv does not exist')
    refused(labels='poses', message='--labels poses is a folder; name a file')
    refused(labels='poses/a.json', message="has no column 'name'; its first line must be a header such as name,label")
    refused(split='subjects', message='--split-by subjects must be subject, random, split, or an existing file')
    refused(out='poses', message='--out poses is a folder')
    refused('--layout', 'cocoo', message="unknown skeleton 'cocoo'")
    refused('--layout', 'nturgb+d', message='--layout nturgb+d has 3D joints')
    refused('--layout', 'openpose', message="17 joints (COCO) do not include the 18 joints of layout 'openpose'")
    refused('--format', 'openpose', message='its format is mmpose, not --format openpose')
    refused('--max-persons', 0, message='--max-persons must be 1 to 10000, got 0')
    refused('--first-frame', 'x', message='--first-frame must be a number, auto or lowest')
    label(tmp_path, 'name,label\nclip_a,0\nclip_b,1\n')
    message = "none of the 4 clips found is in labels.csv: found 'a', 'b', 'c', ..., which names 'clip_a', 'clip_b'"
    refused(message=message)
    label(tmp_path, 'name,label,width,height\na,0,30,30\nb,1,30,30\nc,0,30,30\nd,1,30,30\n')
    refused(message='are outside the image of 30 x 30; is its size right?')
    label(tmp_path, 'name,label,num_frames\na,0,9\nb,1,9\nc,0,9\nd,1,9\n')
    refused(message='a person is in frame 11, but there are 9 frames from frame 0 on')


def test_clips_of_two_layouts_raise_or_are_converted(poses, tmp_path, refused, convert):
    write('openpose', poses, walk('e', joints=25))
    label(tmp_path, 'name,label\na,0\nb,0\nc,1\nd,1\ne,1\n')
    refused(message='clips have several layouts: 4 of coco (such as a), 1 of openpose (such as e); pass --layout coco')
    status, output, _ = convert('--layout', 'coco')
    assert status == 0 and '5 clips, 2 classes, 17 joints (coco)' in output


def test_a_custom_skeleton(tmp_path, convert):
    for name in 'ab':
        write('alphapose', tmp_path / 'poses', walk(name, joints=5))
    label(tmp_path, 'name,label\na,0\nb,1\n')
    (tmp_path / 'star.yaml').write_text('joints: 5\nedges: [[1, 0], [2, 0], [3, 0], [4, 0]]\n')
    status, output, errors = convert('--layout', 'star.yaml')
    assert status == 0 and '5 joints (star)' in output, errors


def test_existing_files_are_replaced_only_with_overwrite(poses, convert, tmp_path):
    assert convert()[0] == 0
    assert '--out X.pkl exists' in convert()[2]
    assert convert('--overwrite')[0] == 0
    (tmp_path / 'X.pkl').unlink()
    (tmp_path / 'X.classes.txt').write_text('mine\n')
    assert 'X.classes.txt exists with other classes' in convert()[2]


TRAINING = """\
_base_ = '{config}'
model = dict(backbone=dict(base_channels=16), cls_head=dict(num_classes=2, in_channels=64))
data = dict(
    videos_per_gpu=4, workers_per_gpu=0,
    train=dict(times=1, dataset=dict(ann_file='X.pkl', split='train')),
    val=dict(ann_file='X.pkl', split='val'), test=dict(ann_file='X.pkl', split='val'))
total_epochs = 1
"""


@pytest.mark.slow
@pytest.mark.parametrize('config', ['stgcn++/stgcn++_ntu60_xsub_hrnet', 'Ske2Grid/d5_stgcn2cn_pyskl_ntu60_xsub_hrnet'])
def test_the_converted_file_can_be_trained_on(tmp_path, convert, config):
    clips = [make_annotation(0, index) for index in (*range(0, 40, 10), *range(1, 41, 10))]
    for clip in clips:
        write('alphapose', tmp_path / 'poses', clip)
    label(tmp_path, 'name,label\n' + ''.join(f'{clip["frame_dir"]},{clip["label"]}\n' for clip in clips))
    status, output, errors = convert('--val-share', 0.5)
    assert status == 0 and 'split val: 4' in output, errors
    (tmp_path / 'own.py').write_text(TRAINING.format(config=ROOT / 'configs' / config / 'j.py'))
    command = [sys.executable, str(ROOT / 'tools/train.py'), 'own.py', '--work-dir', 'run', '--test-last']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'run/epoch_1.pth').exists() and (tmp_path / 'run/last_pred.pkl').exists()
