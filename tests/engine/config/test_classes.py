"""The key ``classes``: from the data set's base config to the checkpoint."""

import pytest
import torch

from pyskl.apis import train
from pyskl.engine.config.load import load_config


def test_a_config_has_the_class_names_of_its_data_set():
    assert load_config('stgcn++_ntu60_xsub_hrnet/j').classes == 'ntu60'
    assert load_config('slowonly_r50_gym/joint').classes == 'finegym99'


def test_class_names_that_do_not_match_the_head_are_dropped():
    cfg = load_config('stgcn++_ntu60_xsub_hrnet/j', {'model.cls_head.num_classes': 10})
    assert cfg.classes is None


def test_an_unknown_list_of_classes_raises(tiny):
    tiny.write_config('total_epochs = 1', "total_epochs = 1\nclasses = 'ntu61'")
    with pytest.raises(ValueError, match="did you mean 'ntu60'"):
        load_config(tiny.config)


def test_a_checkpoint_contains_the_class_names(tiny):
    tiny.write_config('total_epochs = 1', "total_epochs = 1\nclasses = ['wave', 'raise hand', 'lower hand', 'clap']")
    cfg = load_config(tiny.config)
    cfg.work_dir = str(tiny.work_dir)
    train(cfg, validate=False, seed=0)
    meta = torch.load(tiny.work_dir / 'epoch_1.pth', weights_only=False)['meta']
    assert meta['classes'] == ['wave', 'raise hand', 'lower hand', 'clap']
