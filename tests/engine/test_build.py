"""Data and network are compared before training."""

import pickle

import numpy as np
import pytest
import torch
from mmengine.config import Config

from pyskl.engine.build import build_dataset, build_recognizer, inference_dataset
from pyskl.engine.config.load import load_config

CONFIG = """
model = dict(
    type='Recognizer3D',
    backbone=dict(type='C3D', in_channels=17, base_channels=2, num_stages=3, temporal_downsample=False),
    cls_head=dict(type='I3DHead', num_classes=3, in_channels=16))
train_pipeline = [
    dict(type='UniformSampleFrames', clip_len=4), dict(type='PoseDecode'),
    dict(type='Resize', scale=(16, 16), keep_ratio=False), dict(type='GeneratePoseTarget'),
    dict(type='FormatShape', input_format='NCTHW_Heatmap'), dict(type='Collect', keys=['imgs', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['imgs', 'label'])]
val_pipeline = train_pipeline
data = dict(train=dict(type='PoseDataset', ann_file='@', split='train'), val=dict(type='PoseDataset', ann_file='@'))
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """``build(phase, old, new, ..., **fields)``: data set and network of the config after text replacements."""
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))

    def of(phase, *changes, dims=2, **fields):
        record = {
            'frame_dir': 'clip', 'label': 2, 'total_frames': 5, 'img_shape': (90, 120),
            'keypoint': np.random.RandomState(0).rand(1, 5, 17, dims) * 80 - 40 * (dims == 3), **fields,
        }  # fmt: skip
        (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'split': {'train': ['clip']}, 'annotations': [record]}))
        text = CONFIG.replace('@', str(tmp_path / 'x.pkl'))
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / 'x.py').write_text(text)
        cfg = load_config(tmp_path / 'x.py')
        recognizer = build_recognizer(cfg, torch.device('cpu'), seed=0)
        return build_dataset(cfg, phase, recognizer), recognizer

    return of


LIMBS = "dict(type='GeneratePoseTarget', with_kp=False, with_limb=True, skeletons=((0, 1), (1, 2)))"
DEVICE = ('val_pipeline', "heatmap_on = 'device'\nval_pipeline")


def test_a_fitting_config_and_the_model_are_not_changed(build):
    torch.manual_seed(0)
    for changes in ((), DEVICE):
        dataset, recognizer = build('train', *changes)
        assert len(dataset) == 1 and recognizer.training


@pytest.mark.parametrize('rank', [0, 1])
def test_only_rank_zero_warns_about_the_data(build, monkeypatch, recwarn, rank):
    monkeypatch.setattr('pyskl.engine.build.world', lambda: (rank, 2))
    build('train', "split='train'", "split='train', memcached=True")
    warned = [str(warning.message) for warning in recwarn if 'memcached' in str(warning.message)]
    assert len(warned) == (1 if rank == 0 else 0)


@pytest.mark.parametrize(
    ('phase', 'changes', 'words'),
    [
        ('train', ('in_channels=17', 'in_channels=3'),
         r'data\.train: the pipeline draws 17 joints, but model\.backbone\.in_channels is 3; set '
         r'model\.backbone\.in_channels=17, or change with_kp, with_limb or skeletons of GeneratePoseTarget'),
        ('val', ("dict(type='GeneratePoseTarget')", LIMBS),
         r'data\.val: the pipeline draws 2 limbs, but .*in_channels is 17; set model\.backbone\.in_channels=2, or'),
        ('train', ('in_channels=17', 'in_channels=3', *DEVICE),
         r'17, 4\), \(B, M, T, V, C\); model\.heatmaps has V=3 joints'),
        ('train', ("dict(type='GeneratePoseTarget')", LIMBS, *DEVICE), r'model\.heatmaps draws 2 limbs, but'),
        ('train', ('clip_len=4', 'clip_len=4, num_clips=2'),
         r'data\.train: the pipeline yields 2 clips per sample, but training needs one; set num_clips=1 and '),
        ('train', ("'GeneratePoseTarget'", "'GeneratePoseTarget', double=True"), 'yields 2 clips per sample'),
        ('train', ("keys=['imgs', 'label']", "keys=['keypoint', 'label']"),
         r'data\.train\.pipeline must yield imgs of shape \(views, K, T, H, W\), got None; does it have Gen'),
        ('train', ('num_classes=3', 'num_classes=2'), r"record 'clip' has a label outside 0 to 1 .*\(label 2\)"),
    ],
)  # fmt: skip
def test_a_mismatch_names_both_numbers_and_the_key_to_change(build, phase, changes, words):
    with pytest.raises(ValueError, match=words) as caught:
        build(phase, *changes)
    assert '\n' not in str(caught.value)


def test_annotations_that_cannot_be_drawn_raise_before_training(build):
    with pytest.raises(ValueError, match=r"'clip' has a third channel that is not a score .*; heatmaps need 2D"):
        build('train', dims=3)
    with pytest.raises(ValueError, match=r'the pipeline draws 13 joints, but model.backbone.in_channels is 17'):
        build('train', keypoint=np.random.rand(1, 5, 13, 2) * 80)
    with pytest.raises(ValueError, match=r"data.val: 1 of 1 clips have no label, first 'clip'; label them"):
        build('val', label=-1)


def test_the_pipeline_of_a_single_clip_is_that_of_the_test_or_else_of_the_validation():
    val, test = [{'type': 'PoseDecode'}], [{'type': 'PreNormalize2D'}]
    data = {phase: {'type': 'PoseDataset', 'pipeline': steps} for phase, steps in (('val', val), ('test', test))}
    assert inference_dataset(Config({'data': data}))['pipeline'] == test
    assert inference_dataset(Config({'data': {'val': data['val']}, 'test_pipeline': test}))['pipeline'] == val
    assert inference_dataset(Config({'test_pipeline': test, 'val_pipeline': val})) == {'pipeline': test}
    assert inference_dataset(Config({'val_pipeline': val})) == {'pipeline': val}
    assert inference_dataset(Config({})) is None
