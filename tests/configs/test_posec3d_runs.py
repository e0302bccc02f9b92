"""Configs of heatmap networks train for one short epoch on synthetic clips; only the pickle is needed, at its path."""

import pickle

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import read_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.train import train
from pyskl.models import build_model
from tests.configs.tree import CONFIGS, POSEC3D

FRAMES = 8  # of a clip, in place of 48
SPLITS = {  # of PYSKL's pickles
    'nturgbd/ntu60': ('xsub_train', 'xsub_val', 'xview_train', 'xview_val'),
    'gym/gym': ('train', 'val'),
    'diving48/diving48': ('train', 'test'),
    'ucf101/ucf101': ('train1', 'test1', 'train2', 'test2', 'train3', 'test3'),
    'hmdb51/hmdb51': ('train1', 'test1', 'train2', 'test2', 'train3', 'test3'),
    'k400/k400': ('train', 'val'),
}
RUNS = [
    f'{folder}/{file}'
    for folder, (data, _, _, files) in POSEC3D.items()
    if data in SPLITS and 'xview' not in folder
    for file in files
]


def clip(number, classes, boxes):
    """A record of PYSKL's pickles and ``None``, or a record of k400_hrnet.pkl and the joints of its kpfile."""
    random = np.random.RandomState(number)
    record = {
        'frame_dir': f'clip_{number}', 'label': number % classes, 'img_shape': (240, 320), 'original_shape': (240, 320),
        'total_frames': 20,
    }  # fmt: skip
    walk = 100 + 8 * random.randn(20, 1, 2).cumsum(0) + 40 * random.rand(20, 17, 2)  # (T, V, 2)
    score = random.rand(20, 17, 1)
    if not boxes:
        record.update(keypoint=walk[None].astype(np.float16), keypoint_score=score[None, ..., 0].astype(np.float16))
        return record, None
    record.update(
        frame_inds=np.arange(20, dtype=np.int16), box_score=random.rand(20).astype(np.float16),
        valid=dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 10), raw_file='kpfiles/a.pkl',
    )  # fmt: skip
    return record, np.concatenate([walk, score], -1).astype(np.float16)


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:.*kpfiles')
@pytest.mark.parametrize('run', RUNS)
def test_a_config_trains_for_one_epoch_without_overrides_of_its_paths(run, tmp_path, monkeypatch):
    folder, file = run.split('/')
    data, _, classes, _ = POSEC3D[folder]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    ann_file = tmp_path / 'data' / f'{data}_hrnet.pkl'
    ann_file.parent.mkdir(parents=True)
    clips = [clip(number, classes, boxes=folder.endswith('k400')) for number in range(3)]
    names = [record['frame_dir'] for record, _ in clips]
    split = {name: names[:2] if 'train' in name else names[2:] for name in SPLITS[data]}
    ann_file.write_bytes(pickle.dumps({'split': split, 'annotations': [record for record, _ in clips]}))
    (ann_file.parent / 'kpfiles').mkdir()
    joints = {record['frame_dir']: {'keypoint': keypoint} for record, keypoint in clips}
    (ann_file.parent / 'kpfiles/a.pkl').write_bytes(pickle.dumps(joints))

    cfg = load_config(
        CONFIGS / 'posec3d' / folder / f'{file}.py',
        {'data.videos_per_gpu': 2, 'data.workers_per_gpu': 0, 'data.train.times': 1, 'total_epochs': 1},
    )
    for pipeline in (cfg.data.train.dataset.pipeline, cfg.data.val.pipeline):
        next(step for step in pipeline if step.type == 'UniformSampleFrames').clip_len = FRAMES
    if 'load_from' in cfg:  # in place of the Kinetics-400 checkpoint: this network with 400 classes
        kinetics = {**cfg.model.to_dict(), 'cls_head': {**cfg.model.cls_head, 'num_classes': 400}}
        torch.save({'state_dict': build_model(kinetics).state_dict()}, tmp_path / 'k400.pth')
        cfg.load_from = str(tmp_path / 'k400.pth')
    train(cfg, seed=0)
    weights = read_checkpoint(f'{cfg.work_dir}/latest.pth')['state_dict']
    assert weights['cls_head.fc_cls.weight'].shape[0] == classes
    assert all(torch.isfinite(value).all() for value in weights.values())
    assert (tmp_path / cfg.work_dir / 'best_top1_acc_epoch_1.pth').exists()
