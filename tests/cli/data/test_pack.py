"""Packing pickles to stores, unpacking, and their errors."""

import csv
import importlib
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import read_annotations
from pyskl.datasets.records.store import RecordStore
from tests.cli.conftest import content
from tests.cli.test_entry import heed_ctrl_c
from tests.datasets.records.test_store import same

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'pack.py'


@pytest.fixture
def pack(monkeypatch, capsys):
    """``pack(*arguments)`` -> (exit status, lines of stdout, stderr)."""
    tool = importlib.import_module('pyskl.cli.data.pack')
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['pack', *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            tool.run(tool.main)
        out, err = capsys.readouterr()
        return left.value.code, out.splitlines(), err

    return call


@pytest.fixture
def refused(tiny, pack):
    """``refused(arguments, *messages)``: check for status 1, one line, and no changed or new files."""

    def check(arguments, *messages):
        before = content(tiny.folder)
        status, out, err = pack(*arguments)
        lines = [line for line in err.splitlines() if line.startswith('error: ')]
        assert status == 1 and out == [] and len(lines) == 1
        assert all(part in lines[0] for part in messages), lines[0]
        assert content(tiny.folder) == before

    return check


def everything(dataset):
    return [dataset[i] for i in range(len(dataset))]


def test_a_store_gives_the_samples_of_its_pickle(tiny, pack):
    status, output, _ = pack(tiny.clips, tiny.folder / 'clips.skl')
    assert status == 0
    assert output[0] == '12 clips, 4 classes, 17 joints, 2D' and 'clips per class: 3' in output
    assert output[-4:] == [
        'split xsub_train: 8',
        'split xsub_val: 4',
        'skipped: 0 of 12',
        f'wrote {tiny.folder / "clips.skl"}',
    ]
    for split in (None, 'xsub_train', 'xsub_val'):
        plain, stored = (PoseDataset(tiny.folder / name, split=split) for name in ('clips.pkl', 'clips.skl'))
        assert same(everything(plain), everything(stored)) and plain.names == stored.names
        assert plain.labels.tolist() == stored.labels.tolist()


def kinds(folder):
    """Files with every kind of record, and arguments of a data set for each."""
    random = np.random.RandomState(0)
    flat = {'keypoint': random.rand(1, 4, 17, 2), 'keypoint_score': random.rand(1, 4, 17), 'total_frames': 4}
    deep = {'keypoint': random.rand(2, 5, 25, 3).astype(np.float16), 'total_frames': 5}
    boxes = {'frame_inds': np.array([0, 0, 2]), 'total_frames': 3, 'box_score': np.array([0.9, 0.5, 0.7], np.float32)}
    (folder / 'k.pkl').write_bytes(pickle.dumps({'k': {'keypoint': random.rand(3, 17, 3).astype(np.float16)}}))
    extra = {'note': None, 'rate': 29.97, 'tags': ['a', (1, 2.5)], 'img_shape': [1080, 1920], 'fps': np.float32(30)}
    return [
        ([{'frame_dir': 'a', 'label': 1, 'img_shape': (1080, 1920), **flat}], {}),
        ([{'frame_dir': 'a', 'label': np.int64(1), **deep}], {}),
        ([{'frame_dir': 'a', 'label': 1, **deep, **extra}], {'data_prefix': 'x'}),
        ([{'frame_dir': 'a', 'label': [0, 2], **deep}], {'multi_class': True, 'num_classes': 3}),
        ([{'frame_dir': 'a', 'label': 1, 'keypoint': random.rand(3, 17, 3), 'valid': {0.5: 3}, **boxes}], {}),
        (
            [{'frame_dir': 'k', 'label': 1, 'raw_file': 'k.pkl', 'valid': {0.5: np.int64(3)}, **boxes}],
            {'valid_ratio': 0.5, 'box_thr': 0.5},
        ),
    ]


@pytest.mark.filterwarnings('ignore:.*are read from 1 kpfiles')
@pytest.mark.parametrize('number', range(6))
def test_every_kind_of_record_is_equal_after_packing_and_unpacking(tmp_path, pack, number):
    records, arguments = kinds(tmp_path)[number]
    source, store, back = (tmp_path / name for name in ('x.pkl', 'x.skl', 'back.pkl'))
    source.write_bytes(pickle.dumps(records))
    assert pack(source, store)[0] == 0
    assert pack(store, back)[0] == 0
    assert same(pickle.loads(back.read_bytes()), records)
    first, *others = (everything(PoseDataset(path, **arguments)) for path in (source, store, back))
    assert all(same(first, other) for other in others)


def shards_of(path, *sizes):
    """Write the records of a pickle as shards of these sizes."""
    records, splits = read_annotations(path)
    shards, start = [], 0
    for number, size in enumerate(sizes, 1):
        own = records[start : start + size]
        names = {record['frame_dir'] for record in own}
        shard = path.with_name(f'x.shard-{number}-of-{len(sizes)}.pkl')
        shard.write_bytes(
            pickle.dumps({'split': {s: [n for n in m if n in names] for s, m in splits.items()}, 'annotations': own})
        )
        shards.append(shard)
        start += size
    return shards


def test_packed_shards_equal_the_packed_whole_in_any_order(tiny, pack):
    count = len(read_annotations(tiny.clips)[0])
    one, nothing, two = shards_of(tiny.clips, 3, 0, count - 3)
    assert pack(tiny.clips, tiny.folder / 'whole.skl')[0] == 0
    assert pack(two, nothing, one, tiny.folder / 'joined.skl')[0] == 0
    whole, joined = (RecordStore(tiny.folder / f'{name}.skl', verify=True) for name in ('whole', 'joined'))
    assert joined.split_names() == whole.split_names()
    assert len(joined) == count
    for ours, theirs in zip(joined, whole, strict=True):
        same(ours, theirs)


def test_shards_that_do_not_match_raise(tiny, refused):
    count = len(read_annotations(tiny.clips)[0])
    one, two = shards_of(tiny.clips, 3, count - 3)
    refused((one, tiny.folder / 'x.skl'), '1 of 2 shards are missing: 2')
    two.write_bytes(one.read_bytes())
    refused((one, two, tiny.folder / 'x.skl'), 'clip ', f'is in {one} and in {two}')
    two.write_bytes(pickle.dumps(read_annotations(tiny.clips)[0][3:]))
    refused((one, two, tiny.folder / 'x.skl'), f'{two} has no splits; they must have the same splits')


def test_the_skipped_table_of_the_pickle_is_not_changed(tiny, pack):
    records, splits = read_annotations(tiny.clips)
    records[0]['keypoint'] = np.full_like(records[0]['keypoint'], np.nan)
    tiny.clips.write_bytes(pickle.dumps({'split': splits, 'annotations': records}))
    (tiny.folder / 'x.skipped.csv').write_text('file,kind,reason\n')
    assert pack(tiny.clips, tiny.folder / 'x.skl', '--max-bad', 50)[0] == 0
    assert (tiny.folder / 'x.skipped.csv').read_text() == 'file,kind,reason\n'
    assert 'NaN' in (tiny.folder / 'x.skl.skipped.csv').read_text()


def test_unpacking_preserves_the_splits(tiny, pack, monkeypatch):
    monkeypatch.chdir(tiny.folder)
    assert pack(tiny.clips, 'clips.skl')[0] == 0
    assert pack('clips.skl', 'back.pkl')[0] == 0
    assert same(pickle.loads(Path('back.pkl').read_bytes())['split'], tiny.split)
    assert same(*(list(read_annotations(name)[0]) for name in ('clips.skl', 'back.pkl')))


def test_precomputed_transforms_are_skipped_in_training(tiny, pack):
    status, output, _ = pack(tiny.clips, tiny.folder / 'clips.skl', '--config', tiny.config)
    assert status == 0
    assert output[-2:] == ['precomputed: PreNormalize2D()', f'wrote {tiny.folder / "clips.skl"}']
    record = RecordStore(tiny.folder / 'clips.skl').record(0)
    assert record['keypoint'].dtype == np.float32 and record['keypoint'].shape[-1] == 3
    assert 'keypoint_score' not in record and record['coord_dims'] == 2
    PoseDataset(tiny.folder / 'clips.skl', [{'type': 'PreNormalize2D'}])
    with pytest.raises(ValueError, match=r'after PreNormalize2D\(\), but .* PreNormalize2D\(threshold=None\)'):
        PoseDataset(tiny.folder / 'clips.skl', [{'type': 'PreNormalize2D', 'threshold': None}])


def test_transforms_can_be_precomputed_once(tiny, pack, refused):
    one, two = tiny.folder / 'one.skl', tiny.folder / 'two.skl'
    assert pack(tiny.clips, one)[0] == 0 and pack(one, two, '--config', tiny.config)[0] == 0
    refused((two, tiny.folder / 'three.skl', '--config', tiny.config), 'has precomputed transforms already')
    refused((two, tiny.folder / 'x.pkl'), 'has clips processed by PreNormalize2D(), which cannot be undone')


def test_a_config_without_common_transforms_raises(tiny, refused):
    tiny.write_config("dict(type='PreNormalize2D'), ", '')
    refused((tiny.clips, tiny.folder / 'x.skl', '--config', tiny.config), 'RandomRot', 'pack without --config')


def test_clips_that_do_not_fit_the_config_raise(tiny, refused):
    tiny.write_config('PreNormalize2D', 'PreNormalize3D')
    output = ('PreNormalize3D expects 3D joints', tiny.annotations[0]['frame_dir'])
    refused((tiny.clips, tiny.folder / 'x.skl', '--config', tiny.config), *output)


def test_invalid_clips_are_skipped_up_to_max_bad(tiny, pack):
    tiny.annotations[3]['total_frames'] = 7
    tiny.write_clips()
    status, output, err = pack(tiny.clips, tiny.folder / 'x.skl')
    assert status == 1 and not (tiny.folder / 'x.skl').exists()
    assert '1 of 12 are garbled, more than --max-bad 1 %' in err and 'has total_frames=7' in err
    status, output, _ = pack(tiny.clips, tiny.folder / 'x.skl', '--max-bad', 10)
    assert status == 0 and 'split xsub_train: 7' in output
    assert any(line.startswith('skipped: 1 of 12, 1 garbled') for line in output)
    (row,) = list(csv.DictReader((tiny.folder / 'x.skl.skipped.csv').open()))
    assert row['file'] == tiny.annotations[3]['frame_dir'] and 'has total_frames=7' in row['reason']
    assert len(PoseDataset(tiny.folder / 'x.skl', split='xsub_train')) == 7


def test_existing_files_and_wrong_kinds_of_files_raise(tiny, pack, refused):
    target = tiny.folder / 'x.skl'
    assert pack(tiny.clips, target)[0] == 0
    refused((tiny.clips, target), 'exists already; choose another file')
    refused((tiny.clips, tiny.clips, '--overwrite'), 'never SOURCE')
    refused((tiny.clips, tiny.folder), 'is a folder')
    refused((tiny.clips, tiny.folder / 'y.pkl'), 'is a pickle: the output must be a store, X.skl')
    refused((target, tiny.folder / 'y.skl'), 'is a store: the output must be a pickle, X.pkl')
    refused((target, tiny.folder / 'y.pkl', '--config', tiny.config), 'without --config')
    refused((tiny.folder / 'nothing.pkl', target), 'does not exist')
    refused((tiny.clips,), 'the output file is missing', 'clips.skl')
    refused((tiny.clips, tiny.folder / 'y.skl', '--max-bad', 101), '--max-bad must be 0 to 100')
    refused((tiny.clips, '--verify'), 'is not a store')
    refused((target, tiny.folder / 'y.skl', '--verify'), 'needs a single store')
    before = target.read_bytes()
    assert pack(tiny.clips, target, '--overwrite')[0] == 0
    assert target.read_bytes() == before


@pytest.mark.parametrize('length', [0, 1, 100, 5000])
def test_a_truncated_pickle_leaves_no_output(tiny, refused, length):
    tiny.clips.write_bytes(tiny.clips.read_bytes()[:length])
    refused((tiny.clips, tiny.folder / 'x.skl'), 'is not a valid pickle')


def test_verify_finds_the_damaged_clip(tiny, pack):
    target = tiny.folder / 'x.skl'
    assert pack(tiny.clips, target)[0] == 0
    status, output, _ = pack(target, '--verify')
    assert status == 0 and output == [f'{target}: 12 clips, all checksums are correct']
    data = bytearray(target.read_bytes())
    data[data.index(RecordStore(target).record(4)['keypoint'].tobytes())] ^= 4
    target.unlink()
    target.write_bytes(data)
    status, output, _ = pack(target, '--verify')
    assert status == 1
    assert output == [
        f'{target} is damaged; copy it again, or pack {tiny.clips} again',
        'tables: 0',
        'clips: 1',
        f'    {tiny.annotations[4]["frame_dir"]}',
    ]
    status, _, err = pack(target, tiny.folder / 'y.pkl')
    assert status == 1 and 'is damaged: record number 4' in err and not (tiny.folder / 'y.pkl').exists()


def test_ctrl_c_leaves_no_output(tmp_path):
    records = [{'frame_dir': str(i), 'label': 0, 'keypoint': np.zeros((1, 3, 25, 3))} for i in range(15000)]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(records))
    command = [sys.executable, TOOL, tmp_path / 'x.pkl', tmp_path / 'x.skl']
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    while process.poll() is None and not any(p.stat().st_size > 10**6 for p in tmp_path.glob('.pyskl-*')):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert 'error: interrupted' in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ['x.pkl']
