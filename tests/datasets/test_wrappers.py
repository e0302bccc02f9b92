"""Repeated and concatenated datasets return the right sample."""

import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.wrappers import ConcatDataset, RepeatDataset
from pyskl.registry import DATASETS


@pytest.fixture
def config(tmp_path, make_record):
    path = tmp_path / 'x.pkl'
    records = [make_record(name, label=i) for i, name in enumerate('abcde')]
    write_annotations(path, records, {'train': ['a', 'b', 'c'], 'val': ['d', 'e']})
    return {'type': 'PoseDataset', 'ann_file': str(path), 'split': 'train'}


def names_of_samples(dataset):
    return [dataset[i]['frame_dir'] for i in range(len(dataset))]


def test_repeating_wraps_around(config):
    dataset = DATASETS.build({'type': 'RepeatDataset', 'dataset': {**config, 'class_prob': [1, 2]}, 'times': 2})
    assert names_of_samples(dataset) == list('abcabc') == dataset.names
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.times == 2 and dataset.class_prob == [1, 2]
    assert RepeatDataset(dataset, 3).times == 6
    with pytest.raises(IndexError):
        dataset[6]


def test_joining_keeps_each_sample_in_its_place(config):
    dataset = ConcatDataset([config, {**config, 'split': 'val'}, RepeatDataset(PoseDataset(config['ann_file']), 2)])
    expected = list('abcdeabcdeabcde')
    assert names_of_samples(dataset) == expected == dataset.names
    assert dataset.labels.tolist() == ['abcde'.index(name) for name in expected]
    assert dataset[-1]['frame_dir'] == 'e'


def test_test_mode_reaches_the_dataset_inside(config):
    assert RepeatDataset(config, 2, test_mode=True)[0]['test_mode'] is True
    assert ConcatDataset([config], test_mode=True)[0]['test_mode'] is True
    assert RepeatDataset(config, 2)[0]['test_mode'] is False


def test_checks_reach_the_datasets_inside(config):
    for dataset in (RepeatDataset(config, 2), ConcatDataset([config])):
        with pytest.raises(ValueError, match='num_classes=2'):
            dataset.check(num_classes=2)


def test_invalid_arguments_raise(config):
    with pytest.raises(ValueError, match='times must be an integer of at least 1, got 0'):
        RepeatDataset(config, 0)
    with pytest.raises(ValueError, match='datasets must be a list'):
        ConcatDataset([])
