"""ST-GCN on Kinetics-skeleton: the recipe is the published one."""

import numpy as np
import pytest
import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.config.load import PHASES, datasets_in
from pyskl.models.graphs import build_adjacency
from tests.configs.tree import STREAMS, pipelines, step

NAME = 'stgcn/stgcn_kinetics_skeleton'


@pytest.fixture(scope='module')
def streams(configs):
    return {stream: configs[f'{NAME}/{stream}.py'] for stream in STREAMS}


def record(persons=1, frames=4, seed=0):
    """Joints in an image of 256 x 340 with scores of 0.5; joint 3 is absent (zeros)."""
    keypoint = np.random.RandomState(seed).randint(1, 256, (persons, frames, 18, 2)).astype(np.float16)
    score = np.full((persons, frames, 18), 0.5, np.float16)
    keypoint[..., 3, :] = score[..., 3] = 0
    return {
        'frame_dir': 'x', 'label': 7, 'total_frames': frames, 'keypoint': keypoint, 'keypoint_score': score,
        'img_shape': (256, 340),
    }  # fmt: skip


def test_data_and_classes_are_those_of_kinetics(streams):
    for stream, cfg in streams.items():
        datasets = [datasets_in(cfg.data[phase])[0] for phase in PHASES]
        assert [dataset.split for dataset in datasets] == ['train', 'val', 'val']
        assert {dataset.ann_file for dataset in datasets} == {'data/kinetics/kinetics_skeleton.pkl'}
        assert cfg.model.cls_head.num_classes == 400
        for pipeline in pipelines(cfg).values():
            assert (step(pipeline, 'GenSkeFeat').dataset, step(pipeline, 'GenSkeFeat').feats) == ('openpose', [stream])


def test_the_schedule_is_the_published_one(streams):
    for cfg in streams.values():
        assert cfg.optimizer.to_dict() == {
            'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 1e-4, 'nesterov': True,
        }  # fmt: skip
        assert (cfg.total_epochs, cfg.data.train.times, cfg.data.videos_per_gpu) == (50, 1, 64)
        assert cfg.lr_config == {'policy': 'step', 'step': [20, 30, 40]}
        assert cfg.model.backbone.get('tcn_dropout', 0) == 0
    graph = build_adjacency(**streams['j'].model.backbone.graph_cfg)
    assert [int((subset > 0).sum()) for subset in graph] == [18, 25, 9]  # as in the published buffer


def test_testing_uses_all_frames_and_does_not_move_joints(streams):
    for phase in ('val', 'test'):
        sample = Compose(pipelines(streams['j'])[phase])(record())
        keypoint = sample['keypoint']
        assert keypoint.shape == (1, 2, 300, 18, 3) and keypoint.dtype == torch.float32
        x, y = record()['keypoint'][0, 0, 0].tolist()
        assert keypoint[0, 0, 0, 0].tolist() == pytest.approx([x / 340 - 0.5, y / 256 - 0.5, 0.5], abs=1e-6)
        assert not keypoint[0, 0, 0, 3].any() and not keypoint[0, 0, 4:].any() and not keypoint[0, 1].any()


def test_training_crops_150_frames_and_moves_absent_joints_and_persons_too(streams):
    np.random.seed(1)
    keypoint = Compose(pipelines(streams['j'])['train'])(record(frames=280))['keypoint'][0]
    assert keypoint.shape == (2, 150, 18, 3)
    shift = keypoint[1, :, 0, :2]  # the absent person was at (0, 0), so its position is the shift
    assert shift.any() and (keypoint[1, :, :, :2] == shift[:, None]).all() and not keypoint[1, ..., 2].any()
    np.testing.assert_allclose(keypoint[0, :, 3, :2], shift, atol=1e-6)
    np.testing.assert_allclose(shift[75], (shift[74] + shift[76]) / 2, atol=1e-6)


def test_bones_and_motion_are_computed_after_the_random_move(streams):
    for stream in ('b', 'jm', 'bm'):
        np.random.seed(1)
        keypoint = Compose(pipelines(streams[stream])['train'])(record(persons=2, frames=200))['keypoint'][0]
        assert keypoint.shape == (2, 150, 18, 3) and torch.isfinite(keypoint).all()
        if stream == 'b':
            assert not keypoint[:, :, 0, :2].any()  # the nose is its own parent
