"""Configs of graph networks: paths agree with contents, recipes are the published ones."""

import re
from pathlib import Path

import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.config.load import PHASES, datasets_in
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.dataset import make_annotation
from tests.configs.tree import QUICKSTART, layout_of, pipelines, step


def test_every_pipeline_gives_the_input_of_its_network(graph_configs):
    records = {layout: make_annotation(0, 1, layout) for layout in ('coco', 'nturgb+d', 'nw-ucla')}
    seen = set()
    for name, cfg in graph_configs.items():
        layout = layout_of(cfg)
        persons = 1 if layout == 'nw-ucla' or name in QUICKSTART else 2
        for phase, pipeline in pipelines(cfg).items():
            if (str(pipeline), phase) in seen:
                continue
            seen.add((str(pipeline), phase))
            clips = 10 if phase == 'test' and 'vanilla' not in name else 1
            sampling = step(pipeline, 'UniformSample', 'UniformSampleDecode', 'PadTo')
            frames = sampling.get('clip_len', sampling.get('length'))
            sample = Compose(pipeline)({**records[layout], 'test_mode': phase != 'train'})
            assert frames == cfg.model.backbone.get('T', {'SGN': 30}.get(cfg.model.backbone.type, frames)), name
            shape = (clips, persons, frames, get_skeleton(layout).num_joints, cfg.model.backbone.get('in_channels', 3))
            assert tuple(sample['keypoint'].shape) == shape, f'{name}: {phase}'
            assert sample['keypoint'].dtype == torch.float32, f'{name}: {phase}'
            assert torch.isfinite(sample['keypoint']).all(), f'{name}: {phase}'


def test_paths_agree_with_classes_layout_splits_and_stream(graph_configs):
    for name, cfg in graph_configs.items():
        if name in QUICKSTART:
            continue
        if 'nwucla' in name:
            classes, layout, first, files = 10, 'nw-ucla', 'PreNormalize3D', 'data/nwucla/nwucla.pkl'
            splits = ('xview_train', 'xview_val', 'xview_val')
        else:
            number, protocol, kind = re.search(r'ntu(\d+)_(\w+?)_(3dkp|hrnet)/', name).groups()
            layout, first, suffix = {
                'hrnet': ('coco', 'PreNormalize2D', 'hrnet'),
                '3dkp': ('nturgb+d', 'PreNormalize3D', '3danno'),
            }[kind]
            classes, files = int(number), f'data/nturgbd/ntu{number}_{suffix}.pkl'
            splits = (f'{protocol}_train', f'{protocol}_val', f'{protocol}_val')
        datasets = [datasets_in(cfg.data[phase])[0] for phase in PHASES]
        assert cfg.model.cls_head.num_classes == classes, name
        assert layout_of(cfg) == layout, name
        assert tuple(dataset.split for dataset in datasets) == splits, name
        assert {dataset.ann_file for dataset in datasets} == {files}, name
        for pipeline in pipelines(cfg).values():
            assert pipeline[0].type == first, name
            streams = step(pipeline, 'GenSkeFeat')
            assert (streams.dataset, list(streams.feats)) == (layout, [Path(name).stem]), name
            if first == 'PreNormalize2D':  # Ske2Grid's release masks nothing
                assert pipeline[0].get('threshold', 0.01) == (None if name.startswith('Ske2Grid') else 0.01), name


def test_recipes_are_the_published_ones(graph_configs):
    for name, cfg in graph_configs.items():
        if 'ntu' not in name:
            continue
        vanilla, grid = 'vanilla' in name, name.startswith('Ske2Grid')
        epochs, times, workers = {'dgstgcn': (150, 1, 4), 'strong_aug': (24, 5, 2)}.get(name.split('/')[0], (16, 5, 2))
        assert (cfg.total_epochs, cfg.data.train.times, cfg.data.workers_per_gpu) == (epochs, times, workers), name
        assert cfg.data.videos_per_gpu == 16, name
        assert cfg.optimizer.to_dict() == {
            'type': 'SGD', 'lr': 0.05 if grid else 0.1, 'momentum': 0.9,
            'weight_decay': 1e-4 if vanilla else 5e-4, 'nesterov': not vanilla,
        }, name  # fmt: skip
        if vanilla:
            assert cfg.lr_config == {'policy': 'step', 'step': [2, 10]}, name
            frames = [step(pipeline, 'PadTo') for pipeline in pipelines(cfg).values()]
            assert all((padding.length, padding.mode) == (300, 'zero') for padding in frames), name
        else:
            assert cfg.lr_config == {'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False}, name
            kind = 'UniformSampleDecode' if name.startswith('dgstgcn') else 'UniformSample'
            clips = {phase: step(pipeline, kind) for phase, pipeline in pipelines(cfg).items()}
            assert {clip.clip_len for clip in clips.values()} == {30 if name.startswith('sgn') else 100}, name
            assert [clips[phase].get('num_clips', 1) for phase in PHASES] == [1, 1, 10], name
        assert all(step(pipeline, 'FormatGCNInput').num_person == 2 for pipeline in pipelines(cfg).values()), name


def test_only_strong_augmentation_and_dgstgcn_rotate_or_scale_joints_of_ntu(graph_configs):
    for name, cfg in graph_configs.items():
        if 'ntu' not in name:
            continue
        family, (aligned, angle) = name.split('/')[0], {'xview': (True, 0.3)}.get(name.split('_')[1], (False, 0.2))
        for phase, pipeline in pipelines(cfg).items():
            theta = [transform.theta for transform in pipeline if transform.type == 'RandomRot']
            scale = [transform.scale for transform in pipeline if transform.type == 'RandomScale']
            training = phase == 'train'
            strong = family == 'strong_aug' and training
            assert scale == ([0.1] if strong else []), f'{name}: {phase}'
            expected = [0.3] if strong else [angle] if family == 'dgstgcn' and training else []
            assert theta == expected, f'{name}: {phase}'
            expected = aligned if family == 'dgstgcn' else True
            assert pipeline[0].get('align_spine', True) == expected, f'{name}: {phase}'
