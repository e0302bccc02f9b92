"""PoseDataset: which records it selects, in which order, and what raises before training."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.store_writer import pack_annotations
from pyskl.registry import DATASETS

PIPELINE = [
    {'type': 'PreNormalize2D'},
    {'type': 'GenSkeFeat', 'dataset': 'coco', 'feats': ['j']},
    {'type': 'UniformSample', 'clip_len': 10, 'num_clips': 2},
    {'type': 'PoseDecode'},
    {'type': 'FormatGCNInput', 'num_person': 2},
    {'type': 'Collect', 'keys': ['keypoint', 'label'], 'meta_keys': []},
    {'type': 'ToTensor', 'keys': ['keypoint']},
]


@pytest.fixture
def path(tmp_path, make_record):
    path = tmp_path / 'x.pkl'
    records = [make_record(name, frames=5 + i, label=i) for i, name in enumerate('abcd')]
    write_annotations(path, records, {'train': ['d', 'b'], 'val': ['a', 'c'], 'nobody': []})
    return path


def raw(path, records, split=None):
    """Write records without validation."""
    path.write_bytes(pickle.dumps(records if split is None else {'split': split, 'annotations': records}))
    return path


def test_a_split_has_the_order_of_the_file(path):
    dataset = PoseDataset(path, split='train')
    assert dataset.names == ['b', 'd'] and dataset.labels.tolist() == [1, 3] and len(dataset) == 2
    assert [dataset[i]['frame_dir'] for i in (0, 1, -1)] == ['b', 'd', 'd']
    assert len(PoseDataset(path)) == 4
    with pytest.raises(IndexError, match='sample 2 of a dataset of 2'):
        dataset[2]


def test_a_config_gives_samples_for_a_network(path):
    config = {'type': 'PoseDataset', 'ann_file': str(path), 'split': 'val', 'pipeline': PIPELINE, 'test_mode': True}
    dataset = DATASETS.build(config)
    sample = dataset[1]
    assert sample['keypoint'].shape == (2, 2, 10, 17, 3) and sample['keypoint'].dtype == torch.float32
    assert sample['label'] == 2
    assert torch.equal(sample['keypoint'], dataset[1]['keypoint'])


def test_the_stored_record_is_never_changed(path):
    dataset = PoseDataset(path, PIPELINE)
    before = dataset.record(0)['keypoint'].copy()
    dataset[0]
    assert np.array_equal(dataset.record(0)['keypoint'], before)
    with pytest.raises(ValueError, match='read-only'):
        dataset.record(0)['keypoint'][:] = 0


@pytest.mark.parametrize('start_method', ['fork', 'spawn'])
def test_workers_return_the_same_samples_as_the_process_itself(path, start_method):
    dataset = PoseDataset(path, PIPELINE, test_mode=True)
    loader = DataLoader(dataset, batch_size=2, num_workers=2, multiprocessing_context=start_method)
    found = torch.cat([batch['keypoint'] for batch in loader])
    assert torch.equal(found, torch.stack([dataset[i]['keypoint'] for i in range(4)]))


def test_an_unknown_split_raises_with_the_known_ones(path, tmp_path, make_record):
    with pytest.raises(ValueError, match=r"no split 'trian'; did you mean 'train'\? \(splits: \['nobody', 'train', 'v"):
        PoseDataset(path, split='trian')
    with pytest.raises(ValueError, match="split 'nobody' of .* has no clips"):
        PoseDataset(path, split='nobody')
    with pytest.raises(ValueError, match="has no splits, got split='train'; remove split"):
        PoseDataset(raw(tmp_path / 'list.pkl', [make_record()]), split='train')


def test_an_invalid_record_raises_only_if_its_split_is_used(tmp_path, make_record):
    records = [make_record('good'), make_record('bad', total_frames=9), make_record('worse', total_frames=8)]
    path = raw(tmp_path / 'x.pkl', records, {'train': ['good'], 'val': ['bad', 'worse']})
    assert len(PoseDataset(path, split='train')) == 1
    with pytest.raises(ValueError, match=r"x\.pkl': record 'bad' has total_frames=9 .*make them equal \(and 1 more\)"):
        PoseDataset(path, split='val')


def test_labels_outside_num_classes_raise_on_construction(path, tmp_path, make_record):
    PoseDataset(path, num_classes=4)
    with pytest.raises(ValueError, match=r"record 'c' has a label outside 0 to 1 .*\(label 2\) \(and 1 more: 'd'\)"):
        PoseDataset(path, num_classes=2)
    unlabelled = raw(tmp_path / 'y.pkl', [make_record(label=None)])
    with pytest.raises(ValueError, match=r'has no label \(-1 means none\)'):
        PoseDataset(unlabelled, num_classes=2)
    assert len(PoseDataset(unlabelled, num_classes=2, test_mode=True)) == 1


def test_check_names_clips_that_do_not_fit_the_network(path, tmp_path, make_record):
    flat = PoseDataset(path)
    flat.check(num_joints=17, num_classes=4, dims=2)
    with pytest.raises(ValueError, match=r"'a' does not have the 25 joints .* \(keypoint \(1, 5, 17, 2\)\)"):
        flat.check(num_joints=25)
    with pytest.raises(ValueError, match='has 2D joints, but .* is 3D; use a 2D layout and PreNormalize2D'):
        flat.check(dims=3)
    deep = PoseDataset(raw(tmp_path / 'd.pkl', [make_record(dims=3, keypoint=np.full((1, 4, 25, 3), -1.0))]))
    deep.check(num_joints=25, dims=3)
    with pytest.raises(
        ValueError, match='has a third channel that is not a score .*; for 3D joints use a 3D layout and PreNorm'
    ):
        deep.check(dims=2)
    scored = PoseDataset(raw(tmp_path / 's.pkl', [make_record(dims=3)]))  # third channel in [0, 1]: (x, y, score)
    scored.check(dims=2)


def test_valid_ratio_selects_clips_with_enough_confident_frames(tmp_path, make_record):
    def boxes(name, valid):
        return make_record(name, valid={0.5: valid, 0.9: 0}, box_score=np.array([0.4, 0.5, 0.6]))

    path = raw(tmp_path / 'x.pkl', [boxes('all', 4), boxes('half', 2), boxes('few', 1)])
    kept = PoseDataset(path, valid_ratio=0.5, box_thr=0.5)
    assert kept.names == ['all', 'half']
    assert kept[0]['anno_inds'].tolist() == [False, True, True]
    assert 'valid' not in kept[0] and 'box_score' not in kept[0]
    assert len(PoseDataset(path, valid_ratio=0.0, box_thr=0.5)) == 3  # PYSKL: 0.0 filters nothing
    assert 'anno_inds' not in PoseDataset(path, valid_ratio=0.0, box_thr=0.5)[0]
    with pytest.raises(ValueError, match='no record .* satisfies valid_ratio'):
        PoseDataset(path, valid_ratio=0.5, box_thr=0.9)
    with pytest.raises(ValueError, match=r'valid_ratio needs a box_thr of .*, got 0\.3'):
        PoseDataset(path, valid_ratio=0.5, box_thr=0.3)
    with pytest.raises(ValueError, match="needs records with 'valid' and 'box_score'"):
        PoseDataset(raw(tmp_path / 'y.pkl', [make_record()]), valid_ratio=0.5, box_thr=0.5)
    with pytest.raises(
        ValueError, match=r"needs valid\[0\.6\] and total_frames, but record 'all' of .* has valid=\{0\.5: 4"
    ):
        PoseDataset(path, valid_ratio=0.5, box_thr=0.6)


def test_several_labels_become_a_multi_hot_vector(tmp_path, make_record):
    path = raw(tmp_path / 'x.pkl', [make_record(label=[0, 3]), make_record(label=[1])])
    dataset = PoseDataset(path, multi_class=True, num_classes=4)
    assert dataset[0]['label'].tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match='has a label outside num_classes=3'):
        PoseDataset(path, multi_class=True, num_classes=3)
    with pytest.raises(ValueError, match='multi_class=True needs num_classes'):
        PoseDataset(path, multi_class=True)


def test_arguments_of_old_configs_are_accepted(path):
    with pytest.warns(UserWarning, match='memcached is ignored'):
        dataset = PoseDataset(path, memcached=True, mc_cfg=('localhost', 22077), data_prefix='clips', start_index=1)
    sample = dataset[0]
    assert (sample['frame_dir'], sample['start_index'], sample['modality']) == ('clips/a', 1, 'Pose')
    assert dataset.names[0] == 'a'


def test_a_missing_file_raises_with_its_path():
    with pytest.raises(FileNotFoundError, match="ann_file 'no/such.pkl' cannot be read"):
        PoseDataset('no/such.pkl')


def test_a_pickled_dataset_holds_no_list_of_its_clips(tmp_path, make_record):
    records = [make_record(f'{i:04d}') for i in range(2000)]
    path = raw(tmp_path / 'x.pkl', records, {'train': [r['frame_dir'] for r in records[::2]]})
    for dataset in (PoseDataset(path), PoseDataset(path, split='train')):
        data = pickle.dumps(dataset)
        again = pickle.loads(data)
        assert len(data) < 1500 and len(again) == len(dataset)
        assert again[-1]['frame_dir'] == dataset[-1]['frame_dir'] == dataset.names[-1]


def test_a_store_is_an_annotation_file_whatever_its_name(path, tmp_path):
    with (tmp_path / 'packed').open('wb') as file:
        pack_annotations(path, file)
    dataset = PoseDataset(tmp_path / 'packed', split='train')
    assert dataset.names == ['b', 'd'] and dataset.labels.tolist() == [1, 3]


def test_a_damaged_record_raises_when_it_is_read(path, tmp_path):
    store = tmp_path / 'x.skl'
    with store.open('wb') as file:
        pack_annotations(path, file)
    data = bytearray(store.read_bytes())
    data[200] ^= 1  # in the block of record 0
    store.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.skl' is damaged: record number 0"):
        PoseDataset(store, split='val', verify=True)[0]
    assert PoseDataset(store, split='train', verify=True)[0]['frame_dir'] == 'b'


def test_a_subset_with_the_splits_of_the_full_set_warns_once(tmp_path, make_record):
    lists = {'train': ['a', 'b', 'x', 'y'], 'val': ['z']}
    path = raw(tmp_path / 'x.pkl', [make_record('a'), make_record('b')], lists)
    for _ in range(2):  # also from the shared form
        with pytest.warns(
            UserWarning, match="2 clips of split 'train' have no record and are skipped; 2 clips remain"
        ) as warnings:
            assert PoseDataset(path, split='train').names == ['a', 'b']
        assert len(warnings) == 1
    with pytest.raises(
        ValueError, match="split 'val' .* has no clips: none of the 1 clips it names has a record; .*check.py --fix"
    ):
        PoseDataset(path, split='val')
    with pytest.raises(ValueError, match=r"1 clips of split 'train' have no annotation \(1 annotations\)"):
        PoseDataset(raw(tmp_path / 'y.pkl', [make_record('a')], {'train': ['b']}), split='train')
