"""Keys of ``data``: data sets and loaders."""

import numpy as np
import pytest
from mmengine.config import Config

from pyskl.engine.config.data import dataset_config, loader_options, loader_settings, repeat_times
from pyskl.engine.loaders import build_loader


def config(**data):
    return Config({'data': data})


def test_loader_options_of_a_phase_override_the_common_ones():
    cfg = config(videos_per_gpu=16, workers_per_gpu=2, test_dataloader={'videos_per_gpu': 1})
    assert loader_options(cfg, 'train') == {
        'batch_size': 16, 'workers': 2, 'prefetch_factor': None, 'shuffle': True, 'drop_last': False,
        'persistent_workers': True,
    }  # fmt: skip
    assert loader_options(cfg, 'test')['batch_size'] == 1
    assert loader_options(cfg, 'test')['shuffle'] is False


def test_a_config_that_names_no_batch_takes_one_clip_in_the_process_itself():
    assert loader_options(config(), 'train') == {
        'batch_size': 1, 'workers': 0, 'prefetch_factor': None, 'shuffle': True, 'drop_last': False,
        'persistent_workers': True,
    }  # fmt: skip


def test_every_key_of_a_loader_is_read():
    own = {'shuffle': False, 'drop_last': True, 'persistent_workers': False, 'prefetch_factor': 4}
    found = loader_settings(config(videos_per_gpu=2, train_dataloader=own), 'train')
    assert (found.shuffle, found.drop_last, found.persistent_workers, found.prefetch_factor) == (False, True, False, 4)
    assert loader_settings(config(persistent_workers=False), 'val').persistent_workers is False


@pytest.mark.parametrize('phase', ['val', 'test'])
@pytest.mark.parametrize('key', ['shuffle', 'drop_last'])
def test_validation_and_test_loaders_may_not_shuffle_or_drop_clips(phase, key):
    with pytest.raises(ValueError, match=rf'data\.{phase}_dataloader\.{key} must be False'):
        loader_settings(config(**{f'{phase}_dataloader': {key: True}}), phase)


def test_an_unknown_key_lists_similar_keys():
    with pytest.raises(ValueError, match="data.train_dataloader has no key 'drop'; did you mean 'drop_last'"):
        loader_settings(config(train_dataloader={'drop': True}), 'train')


class Clips:
    """Seven samples; each sample is its index."""

    labels, times, class_prob = np.zeros(7, int), 1, None

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return {'keypoint': np.full(1, index), 'label': 0}


def batches(**options):
    loader = build_loader(Clips(), batch_size=3, workers=0, seed=0, **options)
    return [batch['keypoint'].flatten().tolist() for batch in loader]


def test_shuffle_and_drop_last_have_an_effect():
    assert batches(shuffle=False) == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches(shuffle=False, drop_last=True) == [[0, 1, 2], [3, 4, 5]]
    shuffled = batches(shuffle=True)
    assert sorted(sum(shuffled, [])) == list(range(7)) and shuffled != batches(shuffle=False)
    with pytest.raises(ValueError, match='drop_last=True leaves no batch: each process has 7 clips'):
        build_loader(Clips(), batch_size=8, workers=0, seed=0, shuffle=False, drop_last=True)


def test_workers_end_with_the_epoch_unless_persistent():
    loaders = [
        build_loader(Clips(), batch_size=3, workers=1, seed=0, shuffle=False, persistent_workers=stay)
        for stay in (True, False)
    ]
    assert [loader.persistent_workers for loader in loaders] == [True, False]


def test_a_list_of_data_sets_is_concatenated():
    cfg = config(train=[{'type': 'PoseDataset', 'ann_file': 'a'}, {'type': 'PoseDataset', 'ann_file': 'b'}])
    assert dataset_config(cfg, 'train')['type'] == 'ConcatDataset'
    assert repeat_times({'type': 'RepeatDataset', 'times': 5}) == 5
    assert repeat_times({'type': 'PoseDataset'}) == repeat_times(None) == 1
