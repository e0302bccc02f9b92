"""Complete runs of a tiny network on heatmaps drawn by the loader and by the model."""

import pickle

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import read_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.test import test as run_test
from pyskl.engine.train import train

COMMON = """
head = [dict(type='PoseDecode'), dict(type='PoseCompact', hw_ratio=1., allow_imgpad=True)]
train_head = [dict(type='UniformSampleFrames', clip_len=6)] + head + [
    dict(type='Resize', scale=(-1, 20)), dict(type='RandomResizedCrop', area_range=(0.56, 1.0)),
    dict(type='Resize', scale=(14, 14), keep_ratio=False), dict(type='Flip')]
test_head = [dict(type='UniformSampleFrames', clip_len=6, num_clips=2)] + head + [
    dict(type='Resize', scale=(16, 16), keep_ratio=False)]
model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ResNet3dSlowOnly', in_channels=17, base_channels=4, num_stages=2, out_indices=[1], stage_blocks=[1, 1],
        conv1_stride=(1, 1), pool1_stride=(1, 1), inflate=(0, 1), spatial_strides=(2, 2), temporal_strides=(1, 2)),
    cls_head=dict(type='I3DHead', num_classes=3, in_channels=32, dropout=0.),
    test_cfg=dict(average_clips='prob', max_testing_views=2))
optimizer = dict(type='SGD', lr=0.05, momentum=0.9)
optimizer_config = dict(grad_clip=dict(max_norm=40, norm_type=2))
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 1
checkpoint_config = dict(interval=1)
evaluation = dict(interval=1, metrics=['top_k_accuracy', 'mean_class_accuracy'])
log_config = dict(interval=1, hooks=[dict(type='TextLoggerHook')])
"""
DATA = """
data = dict(
    videos_per_gpu=4, workers_per_gpu=0, test_dataloader=dict(videos_per_gpu=1),
    train=dict(type='PoseDataset', ann_file='@', split='train', pipeline=train_pipeline),
    val=dict(type='PoseDataset', ann_file='@', split='val', pipeline=test_pipeline),
    test=dict(type='PoseDataset', ann_file='@', split='val', pipeline=test_pipeline))
"""
BY_LOADER = """
tail = [dict(type='FormatShape', input_format='NCTHW_Heatmap'), dict(type='Collect', keys=['imgs', 'label'],
        meta_keys=[]), dict(type='ToTensor', keys=['imgs', 'label'])]
train_pipeline = train_head + [dict(type='GeneratePoseTarget')] + tail
test_pipeline = test_head + [dict(type='GeneratePoseTarget', double=True)] + tail
"""
BY_MODEL = """
tail = [dict(type='FormatGCNInput', num_person=2), dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
        dict(type='ToTensor', keys=['keypoint', 'label'])]
train_pipeline = train_head + tail
test_pipeline = test_head + tail
model['heatmaps'] = dict(layout='coco', train_size=14, test_size=16, double=True)
"""


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    random = np.random.RandomState(0)
    annotations = [
        {
            'frame_dir': f'clip{i}', 'label': i % 3, 'total_frames': 12, 'img_shape': (1080, 1920),
            'keypoint': (random.rand(1 + i % 2, 12, 17, 2) * 1000).astype(np.float16),
            'keypoint_score': random.rand(1 + i % 2, 12, 17).astype(np.float16),
        }
        for i in range(12)
    ]  # fmt: skip
    names = [a['frame_dir'] for a in annotations]
    path = tmp_path / 'clips.pkl'
    path.write_bytes(pickle.dumps({'split': {'train': names[:8], 'val': names[8:]}, 'annotations': annotations}))
    return path


def run(clips, name, text):
    """Train and test; return weights and scores."""
    config = clips.parent / f'{name}.py'
    config.write_text(COMMON + text + DATA.replace('@', str(clips)))
    cfg = load_config(str(config), {})
    cfg.work_dir = str(clips.parent / name)
    train(cfg, seed=0)
    checkpoint, scores = clips.parent / name / 'latest.pth', clips.parent / f'{name}.pkl'
    run_test(cfg, str(checkpoint), out=str(scores))
    return read_checkpoint(checkpoint)['state_dict'], np.array(pickle.loads(scores.read_bytes()))


def test_drawing_on_the_device_gives_the_weights_and_scores_of_drawing_in_the_loader(clips):
    weights, scores = run(clips, 'loader', BY_LOADER)
    drawn_weights, drawn_scores = run(clips, 'model', BY_MODEL)
    assert scores.shape == (4, 3)
    assert np.allclose(scores.sum(1), 1, atol=1e-5)
    assert np.allclose(scores, drawn_scores, atol=1e-4)
    assert weights.keys() == drawn_weights.keys()
    assert all(torch.allclose(weights[key], drawn_weights[key], atol=1e-4) for key in weights)


@pytest.mark.parametrize('target', ['', ", with_kp=False, with_limb=True, skeletons='posec3d'"])
def test_heatmap_on_device_changes_no_weight_and_no_score(clips, target):
    text = BY_LOADER.replace("type='GeneratePoseTarget'", f"type='GeneratePoseTarget'{target}")
    weights, scores = run(clips, 'worker', text)
    drawn_weights, drawn_scores = run(clips, 'device', f"{text}heatmap_on = 'device'\n")
    assert (scores.shape, len(np.unique(scores, axis=0))) == ((4, 3), 4)
    assert np.abs(scores - drawn_scores).max() < 1e-5
    assert weights.keys() == drawn_weights.keys()
    assert max((weights[key] - drawn_weights[key]).abs().max() for key in weights) < 1e-4


# Thumb, index, middle, ring and little finger of two sides, and a wrist: not a built-in skeleton.
LEFT, RIGHT = [1, 3, 5, 7, 18], [2, 4, 6, 8, 19]
BONES = [[0, 1], [0, 2], [1, 3], [2, 4], [17, 18], [17, 19], [0, 20]]
OWN = {
    'joints': (21, ''),
    'limbs': (len(BONES), f', with_kp=False, with_limb=True, skeletons={BONES}'),
}


@pytest.mark.parametrize('name', OWN)
def test_a_skeleton_given_by_lists_only_is_drawn_equally_on_the_device(clips, name):
    content = pickle.loads(clips.read_bytes())
    for record in content['annotations']:
        record['keypoint'], record['keypoint_score'] = (
            np.concatenate([record[key], record[key][:, :, :4] * 0.5], 2) for key in ('keypoint', 'keypoint_score')
        )
    clips.write_bytes(pickle.dumps(content))
    channels, target = OWN[name]
    sides = f', left_kp={LEFT}, right_kp={RIGHT}'
    text = BY_LOADER.replace("type='GeneratePoseTarget'", f"type='GeneratePoseTarget'{target}{sides}")
    text += f"model['backbone']['in_channels'] = {channels}\n"
    text = text.replace('train_head + [', f"train_head[:-1] + [dict(type='Flip'{sides})] + [")
    weights, scores = run(clips, 'worker', text)
    drawn_weights, drawn_scores = run(clips, 'device', f"{text}heatmap_on = 'device'\n")
    assert np.abs(scores - drawn_scores).max() < 1e-5
    assert max((weights[key] - drawn_weights[key]).abs().max() for key in weights) < 1e-4
