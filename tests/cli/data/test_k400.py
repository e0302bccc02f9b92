"""Converting PYSKL's Kinetics-400: the converted file gives the same samples as the kpfiles."""

import csv
import importlib
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import read_annotations

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'k400.py'
PIPELINE = [{'type': 'DecompressPose', 'squeeze': True}, {'type': 'UniformSampleFrames', 'clip_len': 8}]
PIPELINE += [{'type': 'PoseDecode'}]
COUNT = 12


def clip(number):
    """Annotation and joints of clip ``number``, with 20 frames of up to three boxes."""
    random = np.random.RandomState(number)
    frames = np.sort(np.concatenate([[3], random.randint(0, 20, random.randint(5, 30))])).astype(np.int16)
    keypoint = (random.rand(len(frames), 17, 3) * [340, 256, 1]).astype(np.float16)
    scores = random.rand(len(frames)).astype(np.float16)
    scores[0] = 0.95
    valid = {threshold: len(set(frames[scores >= threshold])) for threshold in (0.5, 0.6, 0.7, 0.8, 0.9)}
    annotation = {
        'frame_dir': f'video{number}', 'label': number % 3, 'img_shape': (256, 340), 'original_shape': (256, 340),
        'total_frames': 20, 'frame_inds': frames, 'box_score': scores, 'valid': valid,
        'raw_file': f'/mnt/k400/kpfiles/part{number % 3}.pkl',
    }  # fmt: skip
    return annotation, keypoint


class K400:
    """``k400_hrnet.pkl`` and ``kpfiles``; fields may be changed before ``write()``."""

    def __init__(self, folder):
        self.folder, self.ann, self.kpfiles = folder, folder / 'k400_hrnet.pkl', folder / 'kpfiles'
        self.out = folder / 'one.pkl'
        self.annotations, self.files = [], {f'part{i}.pkl': {} for i in range(3)}
        for number in range(COUNT):
            annotation, keypoint = clip(number)
            self.annotations.append(annotation)
            self.files[f'part{number % 3}.pkl'][annotation['frame_dir']] = {'keypoint': keypoint}
        names = [annotation['frame_dir'] for annotation in self.annotations]
        self.split = {'train': names[:8], 'val': names[8:]}
        self.write()

    def write(self):
        self.ann.write_bytes(pickle.dumps({'split': self.split, 'annotations': self.annotations}))
        self.kpfiles.mkdir(exist_ok=True)
        for name, content in self.files.items():
            (self.kpfiles / name).write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))

    def skipped(self):
        with open(self.out.with_suffix('.skipped.csv')) as file:
            return [(row['file'], row['kind'], row['reason']) for row in csv.DictReader(file)]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    (tmp_path / 'data').mkdir()
    return K400(tmp_path / 'data')


@pytest.fixture
def k400(monkeypatch):
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    return importlib.import_module('pyskl.cli.data.k400')


@pytest.fixture
def convert(k400, data, capfd, monkeypatch):
    """``convert(*options)`` -> (exit status, stdout, last line of stderr)."""

    def call(*options):
        arguments = [data.ann, data.kpfiles, *([] if '--out' in options else ['--out', data.out]), *options]
        monkeypatch.setattr(sys, 'argv', ['k400.py', *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            k400.run(k400.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, (captured.err.strip().splitlines() or [''])[-1]

    return call


def samples(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # memcached, kpfiles
        dataset = PoseDataset(path, PIPELINE, test_mode=True, box_thr=0.5, memcached=True, **options)
    return {dataset.names[i]: dataset[i] for i in range(len(dataset))}


@pytest.mark.parametrize('options', [{'split': 'val', 'valid_ratio': 0.0}, {'valid_ratio': 0.2}])
def test_the_converted_file_gives_the_same_samples_as_the_kpfiles(data, convert, options):
    status, output, _ = convert('--jobs', 2)
    assert status == 0, output
    expected, found = samples(data.ann, **options), samples(data.out, **options)
    assert set(found) == set(expected) and len(found) in (4, COUNT)
    for name, sample in expected.items():
        assert found[name]['label'] == sample['label']
        assert np.array_equal(found[name]['keypoint'], sample['keypoint'])
        assert np.array_equal(found[name]['keypoint_score'], sample['keypoint_score'])


def test_records_have_the_fields_for_decompressing(data, convert):
    status, output, _ = convert()
    assert status == 0
    assert output.splitlines()[0] == '12 clips, 3 classes, 17 joints (coco), 2D'
    assert 'split train: 8\nsplit val: 4\nskipped: 0 of 12\n' in output
    records, splits = read_annotations(data.out)
    names = [record['frame_dir'] for record in records]
    assert names[:5] == ['video0', 'video3', 'video6', 'video9', 'video1']  # kpfile by kpfile
    assert splits == {split: [name for name in names if name in members] for split, members in data.split.items()}
    annotation, keypoint = clip(3)
    assert set(records[1]) == set(annotation) - {'raw_file'} | {'keypoint'}
    assert records[1]['valid'] == annotation['valid'] and np.array_equal(records[1]['keypoint'], keypoint)
    assert sorted(path.name for path in data.folder.iterdir()) == [
        'k400_hrnet.pkl', 'kpfiles', 'one.pkl', 'one.skipped.csv',
    ]  # fmt: skip


def test_invalid_clips_are_listed_with_the_reason(data, convert):
    nobody, wrong_length = data.annotations[0], data.annotations[2]
    nobody['frame_inds'], nobody['box_score'] = np.zeros(0, int), np.zeros(0)
    data.files['part1.pkl'].pop('video1')
    wrong_length['frame_inds'] = wrong_length['frame_inds'][:-1]
    data.annotations[3]['raw_file'] = '../../etc/passwd'
    data.annotations[4]['raw_file'] = 'kpfiles/gone.pkl'
    data.files['part2.pkl']['video5']['keypoint'][0, 0, 0] = np.nan
    data.annotations.append(dict(data.annotations[6]))
    data.write()
    status, _, error = convert()
    assert (
        status == 1
        and error.startswith('error: 6 of 13 are garbled, more than --max-bad 1 %')
        and not data.out.exists()
    )
    assert convert('--max-bad', 50)[0] == 0
    found = {name: (kind, reason) for name, kind, reason in data.skipped()}
    assert found['video0'] == ('no box', 'no person was detected')
    for number, words in enumerate(
        ['', 'has no keypoint of it', 'each box needs one of each', 'points outside of', "gone.pkl' was not found in",
         '1 NaN or infinite', "a second clip with the name 'video6'"]
    ):  # fmt: skip
        assert words in found[f'video{number}'][1]
    records, splits = read_annotations(data.out)
    assert len(records) == 6
    assert {split: set(names) for split, names in splits.items()} == {
        'train': {'video6', 'video7'},
        'val': set(data.split['val']),
    }


@pytest.mark.parametrize('content', [b'', b'nonsense', pickle.dumps([1, 2]), pickle.dumps({'a': 1})[:-3]])
def test_clips_of_a_garbled_kpfile_are_skipped(data, convert, content):
    data.files['part1.pkl'] = content
    data.write()
    status, output, _ = convert('--max-bad', 40)
    assert status == 0 and 'skipped: 4 of 12, 4 garbled; ' in output
    assert {name for name, _, _ in data.skipped()} == {f'video{number}' for number in (1, 4, 7, 10)}


def test_an_interrupted_run_resumes(data, convert, k400, monkeypatch):
    monkeypatch.setattr(k400, 'CLIPS_A_PART', 4)
    opened = []
    read = k400.read_keypoint_file

    def interrupted(path, bar):
        opened.append(path.name)
        if len(opened) == 3:
            raise KeyboardInterrupt
        return read(path, bar)

    monkeypatch.setattr(k400, 'read_keypoint_file', interrupted)
    monkeypatch.setattr(k400, '_LAST', k400._LastFile())
    assert convert()[0] == 130
    assert not data.out.exists()
    assert convert()[0] == 0
    assert opened == ['part0.pkl', 'part1.pkl', 'part2.pkl', 'part2.pkl']
    assert len(read_annotations(data.out)[0]) == COUNT


def test_merged_shards_equal_the_whole(data, convert):
    for number in (1, 2, 3):
        assert convert('--shard', f'{number}/3')[0] == 0
    shares = [read_annotations(data.folder / f'one.shard-{number}-of-3.pkl')[0] for number in (1, 2, 3)]
    assert convert()[0] == 0
    whole = [record['frame_dir'] for record in read_annotations(data.out)[0]]
    assert [record['frame_dir'] for share in shares for record in share] == whole


def test_files_are_not_overwritten_and_invalid_arguments_raise_one_line(data, convert):
    data.out.write_bytes(b'mine')
    assert 'exists already; pass --overwrite' in convert()[2]
    assert data.out.read_bytes() == b'mine'
    assert convert('--out', data.ann, '--overwrite')[2].endswith('is the input ANN; choose another file')
    assert convert('--overwrite')[0] == 0
    data.kpfiles.rename(data.folder / 'elsewhere')
    assert 'is not a folder; give the folder of the kpfiles' in convert('--overwrite')[2]
