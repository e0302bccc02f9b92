"""Every file of configs/ exists, resolves, has valid arguments and builds."""

import ast
import inspect
import re

import torch

from pyskl.engine.config.evaluation import evaluation
from pyskl.engine.config.hooks import default_hooks
from pyskl.engine.config.load import datasets_in
from pyskl.engine.config.schedule import epochs, optim_wrapper, param_scheduler
from pyskl.engine.flops import clip_shape, macs
from pyskl.models import build_model
from pyskl.registry import DATASETS, MODELS, TRANSFORMS, build_component, check_arguments, lookup
from pyskl.skeletons import get_skeleton
from tests.configs.tree import FOLDERS, INFOGCN, LEAVES, POSEC3D, QUICKSTART, STREAMS, layout_of, pipelines


def test_the_folder_has_exactly_the_published_configs():
    streams = {f'{folder}/{stream}.py' for folder in FOLDERS for stream in STREAMS}
    heatmaps = {f'posec3d/{folder}/{stream}.py' for folder, (*_, names) in POSEC3D.items() for stream in names}
    assert set(LEAVES) == streams | heatmaps | INFOGCN | QUICKSTART


def test_every_component_accepts_its_arguments(configs):
    seen = set()
    for name, cfg in configs.items():
        components = [(cfg.model, MODELS), (cfg.model.backbone, MODELS), (cfg.model.cls_head, MODELS)]
        for phase, pipeline in pipelines(cfg).items():
            components += [(cfg.data[phase], DATASETS), *((transform, TRANSFORMS) for transform in pipeline)]
            components += [(dataset, DATASETS) for dataset in datasets_in(cfg.data[phase])]
        for component, registry in components:
            if str(component) in seen:
                continue
            seen.add(str(component))
            cls = lookup(component.type, registry)
            check_arguments(
                cls, {key: value for key, value in component.items() if key != 'type'}, name=f'{name}: {component.type}'
            )


def test_every_optimizer_schedule_and_evaluation_is_valid(configs):
    for name, cfg in configs.items():
        optimizer = optim_wrapper(cfg)['optimizer']
        known = inspect.signature(getattr(torch.optim, optimizer.pop('type'))).parameters
        assert set(optimizer) < set(known), name
        assert epochs(cfg) > 0 and param_scheduler(cfg, iterations=100), name
        assert evaluation(cfg).save_best == 'top1_acc', name
        assert default_hooks(cfg, validate=True)['checkpoint']['interval'] == 1, name


def test_every_network_is_built_and_runs_on_clips_of_its_config(configs):
    networks = {str(cfg.model.backbone): cfg for cfg in configs.values()}
    clips = {(str(cfg.model.backbone), clip_shape(cfg)) for cfg in configs.values()}
    heads = {str(cfg.model.cls_head): cfg.model.cls_head for cfg in configs.values()}
    for cfg in networks.values():
        backbone = build_model(cfg.model.to_dict()).backbone
        on_heatmaps = cfg.model.type == 'Recognizer3D'
        joints = backbone.in_channels if on_heatmaps else backbone.num_joints
        assert joints == get_skeleton('coco' if on_heatmaps else layout_of(cfg)).num_joints, cfg.model.backbone
        for shape in [shape for name, shape in clips if name == str(cfg.model.backbone)]:
            assert macs(backbone, torch.ones(1, *shape)).products > 0, cfg.model.backbone
    for head in heads.values():
        assert build_component(head.to_dict(), MODELS).num_classes == head.num_classes


def test_the_docstring_of_a_leaf_states_the_batch_and_learning_rate_of_its_config(configs):
    for name, cfg in configs.items():
        claim = ast.get_docstring(ast.parse(LEAVES[name].read_text()))
        stated = re.search(r'(\d+) [CG]PUs? x (\d+) clips(?:, lr ([\d.]+\d))?', claim)
        assert stated, f'{name}: {claim}'
        assert int(stated[2]) == cfg.data.videos_per_gpu, name
        assert int(stated[1]) * int(stated[2]) == cfg.auto_scale_lr.base_batch_size, name
        ours = 'nwucla' in name or name in QUICKSTART
        assert stated[3] is None if ours else float(stated[3]) == cfg.optimizer.lr, name


def test_work_dirs_are_all_different(configs):
    assert configs['Ske2Grid/d5_stgcn2cn_nwucla/j.py'].work_dir == 'work_dirs/ske2grid/d5_stgcn2cn_nwucla/j'
    assert len({cfg.work_dir for cfg in configs.values()}) == len(configs)
