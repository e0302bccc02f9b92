"""Configs of InfoGCN: names mean what they say, recipes are the published ones."""

from pathlib import Path

import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.synthetic import make_annotation
from pyskl.engine.config import PHASES, datasets_in
from pyskl.skeletons import get_skeleton
from tests.configs.tree import pipelines, step


def test_infogcn_names_mean_what_they_say(infogcn_configs):
    for name, cfg in infogcn_configs.items():
        mode, *motion = Path(name).stem.split('_')
        backbone, head = cfg.model.backbone, cfg.model.cls_head
        datasets = [datasets_in(cfg.data[phase])[0] for phase in PHASES]
        assert (backbone.type, head.type) == ('InfoGCN', 'InfoGCNHead'), name
        assert (backbone.k, motion) == (int(mode[1:]), motion and ['motion']), name
        assert (backbone.graph_cfg.layout, backbone.num_person, head.num_classes) == ('nw-ucla', 1, 10), name
        assert [dataset.split for dataset in datasets] == ['xview_train', 'xview_val', 'xview_val'], name
        for pipeline in pipelines(cfg).values():
            streams = step(pipeline, 'GenSkeFeat')
            assert (streams.dataset, list(streams.feats)) == (backbone.graph_cfg.layout, ['jm' if motion else 'j']), (
                name
            )


def test_every_infogcn_pipeline_turns_a_clip_into_what_its_network_takes(infogcn_configs):
    for name, cfg in infogcn_configs.items():
        layout, persons = cfg.model.backbone.graph_cfg.layout, cfg.model.backbone.num_person
        for phase, pipeline in pipelines(cfg).items():
            sample = Compose(pipeline)({**make_annotation(0, 1, layout), 'test_mode': phase != 'train'})
            shape = (10 if phase == 'test' else 1, persons, 32, get_skeleton(layout).num_joints, 3)
            assert tuple(sample['keypoint'].shape) == shape, f'{name}: {phase}'
            assert sample['keypoint'].dtype == torch.float32, f'{name}: {phase}'


def test_infogcn_on_nwucla_differs_from_the_other_networks_in_nothing_but_its_warm_up(infogcn_configs, configs):
    other = configs['stgcn++/stgcn++_nwucla/j.py']
    cfg = infogcn_configs['infogcn/infogcn_nwucla/k1.py']
    for key in ('data', 'optimizer', 'total_epochs', 'evaluation'):
        assert cfg[key] == other[key], key
    warmup = {'warmup': 'linear', 'warmup_iters': 1, 'warmup_by_epoch': True, 'warmup_ratio': 0.01}
    assert cfg.lr_config == {**other.lr_config, **warmup}
