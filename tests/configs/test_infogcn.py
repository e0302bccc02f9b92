"""Configs of InfoGCN: paths agree with contents, recipes are the published ones."""

from pathlib import Path

import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.config.load import PHASES, datasets_in
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.dataset import make_annotation
from tests.configs.tree import pipelines, step


def benchmark(name: str) -> str:
    """``infogcn/infogcn_ntu60_xsub/k1.py`` -> ``ntu60_xsub``."""
    return Path(name).parent.name.removeprefix('infogcn_')


def test_paths_agree_with_classes_layout_splits_and_mode(infogcn_configs):
    for name, cfg in infogcn_configs.items():
        data, (mode, *motion) = benchmark(name), Path(name).stem.split('_')
        if data == 'nwucla':
            layout, persons, classes, file, protocol = 'nw-ucla', 1, 10, 'data/nwucla/nwucla.pkl', 'xview'
        else:
            number, protocol = data.removeprefix('ntu').split('_')
            layout, persons, classes, file = 'nturgb+d', 2, int(number), f'data/nturgbd/ntu{number}_3danno.pkl'
        backbone, head = cfg.model.backbone, cfg.model.cls_head
        datasets = [datasets_in(cfg.data[phase])[0] for phase in PHASES]
        assert (backbone.type, head.type) == ('InfoGCN', 'InfoGCNHead'), name
        assert f'k{backbone.k}' == mode and motion in ([], ['motion']), name
        assert (backbone.graph_cfg.layout, backbone.get('num_person', 2)) == (layout, persons), name
        assert head.num_classes == classes, name
        assert [dataset.split for dataset in datasets] == [f'{protocol}_{part}' for part in ('train', 'val', 'val')], (
            name
        )
        assert {dataset.ann_file for dataset in datasets} == {file}, name
        for pipeline in pipelines(cfg).values():
            streams = step(pipeline, 'GenSkeFeat')
            assert (streams.dataset, list(streams.feats)) == (layout, ['jm' if motion else 'j']), name


def test_every_pipeline_gives_the_input_of_its_network(infogcn_configs):
    seen = set()
    for name, cfg in infogcn_configs.items():
        layout, persons = cfg.model.backbone.graph_cfg.layout, cfg.model.backbone.get('num_person', 2)
        for phase, pipeline in pipelines(cfg).items():
            if (str(pipeline), phase) in seen:
                continue
            seen.add((str(pipeline), phase))
            sample = Compose(pipeline)({**make_annotation(0, 1, layout), 'test_mode': phase != 'train'})
            clips, frames = (10 if phase == 'test' else 1, 32) if layout == 'nw-ucla' else (1, 64)
            shape = (clips, persons, frames, get_skeleton(layout).num_joints, 3)
            assert tuple(sample['keypoint'].shape) == shape, f'{name}: {phase}'
            assert sample['keypoint'].dtype == torch.float32, f'{name}: {phase}'
            assert torch.isfinite(sample['keypoint']).all(), f'{name}: {phase}'


def test_the_recipe_on_ntu_is_the_published_one(infogcn_configs):
    for name, cfg in infogcn_configs.items():
        data = benchmark(name)
        if data == 'nwucla':
            continue
        assert (cfg.total_epochs, cfg.data.train.times, cfg.data.videos_per_gpu) == (110, 1, 128), name
        sgd = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 5e-4, 'nesterov': True}
        assert cfg.optimizer.to_dict() == sgd and cfg.optimizer_config.grad_clip is None, name
        assert cfg.lr_config == {'policy': 'step', 'step': [90, 100], 'warmup': 'stairs', 'warmup_iters': 5}, name
        for phase, pipeline in pipelines(cfg).items():
            kinds = [transform.type for transform in pipeline[:-3]]
            rotation = ['RandomRot'] if phase == 'train' else []
            assert kinds == ['PreNormalize3D', 'AlignPersons', 'CropResize', *rotation, 'GenSkeFeat'], (
                f'{name}: {phase}'
            )
            crop, persons = step(pipeline, 'CropResize'), step(pipeline, 'FormatGCNInput')
            assert crop.clip_len == 64 and crop.get('p_interval') == ((0.5, 1) if phase == 'train' else None), (
                f'{name}: {phase}'
            )
            assert persons.get('mode', 'zero') == ('loop' if 'ntu120' in data else 'zero'), f'{name}: {phase}'


def test_the_recipe_on_nwucla_differs_from_the_other_networks_in_its_warm_up_only(infogcn_configs, configs):
    other = configs['stgcn++/stgcn++_nwucla/j.py']
    cfg = infogcn_configs['infogcn/infogcn_nwucla/k1.py']
    for key in ('data', 'optimizer', 'total_epochs', 'evaluation'):
        assert cfg[key] == other[key], key
    warmup = {'warmup': 'linear', 'warmup_iters': 1, 'warmup_by_epoch': True, 'warmup_ratio': 0.01}
    assert cfg.lr_config == {**other.lr_config, **warmup}
