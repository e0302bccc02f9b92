"""Configs of heatmap networks: paths agree with contents, recipes are the published ones."""

import numpy as np
import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.config.load import PHASES, datasets_in
from pyskl.synthetic.dataset import make_annotation
from tests.configs.tree import POSEC3D, pipelines, step


def test_paths_agree_with_data_splits_classes_and_input(heatmap_configs):
    for name, cfg in heatmap_configs.items():
        _, folder, file = name.split('/')
        data, split, classes, _ = POSEC3D[folder]
        datasets = {phase: datasets_in(cfg.data[phase])[0] for phase in PHASES}
        training = split.replace('val', 'train').replace('test', 'train')
        assert {dataset.ann_file for dataset in datasets.values()} == {f'data/{data}_hrnet.pkl'}, name
        assert [datasets[phase].split for phase in PHASES] == [training, split, split], name
        assert cfg.model.cls_head.num_classes == classes, name
        kinds = {'slowonly': 'ResNet3dSlowOnly', 'c3d': 'C3D', 'x3d': 'X3D'}
        assert cfg.model.backbone.type == kinds[folder.split('_')[0]], name
        for pipeline in pipelines(cfg).values():
            target = step(pipeline, 'GeneratePoseTarget')
            assert (target.get('with_limb', False), target.get('skeletons')) == (
                (True, 'posec3d') if file == 'limb.py' else (False, None)
            ), name
        thresholds = (0.5, 0.0) if name.split('/')[1].endswith('k400') else (None, None)
        for dataset in datasets.values():
            assert (dataset.get('box_thr'), dataset.get('valid_ratio')) == thresholds, name
        balanced = [1] * 60 + [2] * 60 if 'ntu120_xsub' in name else None
        assert datasets['train'].get('class_prob') == balanced, name


def test_recipes_are_the_published_ones(heatmap_configs):
    for name, cfg in heatmap_configs.items():
        finetuned, kinetics = name.split('/')[1].endswith('k400p'), name.split('/')[1].endswith('k400')
        batch, lr, epochs = (16, 0.01, 12) if finetuned else (32, 0.4, 24)
        workers = 8 if kinetics else 4
        assert (cfg.data.videos_per_gpu, cfg.data.workers_per_gpu, cfg.data.train.times) == (batch, workers, 10), name
        assert cfg.data.test_dataloader.videos_per_gpu == 1, name
        assert cfg.total_epochs == epochs, name
        small_decay = kinetics or 'diving48' in name or 'hmdb51' in name
        assert cfg.optimizer == {
            'type': 'SGD',
            'lr': lr,
            'momentum': 0.9,
            'weight_decay': 1e-4 if small_decay else 3e-4,
        }, name
        assert cfg.optimizer_config.grad_clip == {'max_norm': 40, 'norm_type': 2}, name
        cosine = {'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False}
        assert cfg.lr_config == ({'policy': 'step', 'step': [9, 11]} if finetuned else cosine), name
        assert ('load_from' in cfg, cfg.get('load_from_ignore')) == (
            (True, 'cls_head') if finetuned else (False, None)
        ), name
        assert cfg.evaluation.metrics == ['top_k_accuracy', 'mean_class_accuracy'], name


def test_every_pipeline_gives_the_input_of_its_network(heatmap_configs):
    record = make_annotation(0, 1, 'coco')
    joints = np.concatenate([record['keypoint'], record['keypoint_score'][..., None]], -1)  # (M, T, V, 3)
    persons, frames = joints.shape[:2]
    boxes = {
        **{key: value for key, value in record.items() if not key.startswith('keypoint')},
        'keypoint': joints.swapaxes(0, 1).reshape(-1, *joints.shape[2:]),
        'frame_inds': np.arange(frames).repeat(persons),
    }
    seen = {}
    for name, cfg in heatmap_configs.items():
        size = 48 if name.endswith('s1_joint.py') else 56
        views = {'train': (1, size), 'val': (1, size + 8), 'test': (20, size + 8)}  # ten clips and their mirror images
        for phase, pipeline in pipelines(cfg).items():
            if str(pipeline) not in seen:
                kinetics = name.split('/')[1].endswith('k400')
                assert (pipeline[0].type == 'DecompressPose') == kinetics, name
                sample = Compose(pipeline)({**(boxes if kinetics else record), 'test_mode': phase != 'train'})
                seen[str(pipeline)] = sample['imgs'].shape, sample['imgs'].dtype, float(sample['imgs'].max())
            shape, dtype, most = seen[str(pipeline)]
            count, pixels = views[phase]
            assert tuple(shape) == (count, cfg.model.backbone.in_channels, 48, pixels, pixels), f'{name}: {phase}'
            assert dtype == torch.float32 and 0 < most <= 1, f'{name}: {phase}'


def test_limb_and_joint_configs_differ_in_generate_pose_target_only(heatmap_configs):
    for name, cfg in heatmap_configs.items():
        if not name.endswith('limb.py'):
            continue
        joint = heatmap_configs[name.replace('limb', 'joint')]
        assert (cfg.model, cfg.optimizer, cfg.total_epochs) == (joint.model, joint.optimizer, joint.total_epochs), name
        for phase in PHASES:
            limbs, joints = pipelines(cfg)[phase], pipelines(joint)[phase]
            differ = [a.type for a, b in zip(limbs, joints, strict=True) if a != b]
            assert differ == ['GeneratePoseTarget'], f'{name}: {phase}'
