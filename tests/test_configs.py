"""Every file of configs/: it resolves, its components take their arguments, it is what its path says, it is a diff."""

import ast
import copy
import inspect
import re
import shutil
from itertools import product
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.synthetic import make_annotation
from pyskl.engine import schema
from pyskl.engine.config import PHASES, datasets_in, load_config
from pyskl.models import build_model
from pyskl.registry import DATASETS, MODELS, TRANSFORMS, build_component, check_arguments, lookup
from pyskl.skeletons import get_skeleton

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
FILES = {path.relative_to(CONFIGS).as_posix(): path for path in sorted(CONFIGS.rglob('*.py'))}
LEAVES = {name: path for name, path in FILES.items() if not name.startswith('_base_')}
STREAMS = ('j', 'b', 'jm', 'bm')
NTU = [
    f'{split}_{kind}'
    for split, kind in product(('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset'), ('3dkp', 'hrnet'))
]
STAGES = ('d5', 'd5tod6', 'd6tod7', 'd7tod8')
FOLDERS = {
    *(f'stgcn/stgcn_pyskl_{data}' for data in [*NTU, 'nwucla']),
    *(f'stgcn/stgcn_vanilla_{data}' for data in NTU if 'ntu60' in data),
    *(f'stgcn++/stgcn++_{data}' for data in [*NTU, 'nwucla']),
    *(f'{family}/{family}_pyskl_{data}' for family, data in product(('aagcn', 'ctrgcn', 'msg3d'), [*NTU, 'nwucla'])),
    *(f'{family}/{data}' for family, data in product(('dgstgcn', 'strong_aug'), NTU) if data.endswith('3dkp')),
    'dgstgcn/nwucla',
    *(f'Ske2Grid/{stage}_stgcn2cn_pyskl_{data}' for stage, data in product(STAGES, NTU)),
    *(f'Ske2Grid/{stage}_stgcn2cn_nwucla' for stage in STAGES),
}
POSEC3D = {  # folder: annotations, validation split, classes, file names
    'slowonly_r50_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'slowonly_r50_ntu60_xview': ('nturgbd/ntu60', 'xview_val', 60, ('joint', 'limb')),
    'slowonly_r50_ntu120_xsub': ('nturgbd/ntu120', 'xsub_val', 120, ('joint', 'limb')),
    'slowonly_r50_ntu120_xset': ('nturgbd/ntu120', 'xset_val', 120, ('joint', 'limb')),
    'slowonly_r50_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
    'slowonly_r50_diving48': ('diving48/diving48', 'test', 48, ('joint',)),
    'slowonly_r50_ucf101_k400p': ('ucf101/ucf101', 'test1', 101, ('s1_joint',)),
    'slowonly_r50_hmdb51_k400p': ('hmdb51/hmdb51', 'test1', 51, ('s1_joint',)),
    'c3d_light_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'c3d_light_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
    'x3d_shallow_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'x3d_shallow_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
}
QUICKSTART = {'quickstart/d5.py', 'quickstart/d5tod6.py', 'quickstart/stgcn++.py'}


@pytest.fixture(scope='module', autouse=True)
def _each_file_is_read_once():
    """mmengine reads a base anew for every child, through temporary files: minutes where the disk is busy."""
    read, kept = Config._file2dict, {}

    def read_once(filename: str, *args, **kwargs) -> tuple:
        filename = str(Path(filename).resolve())
        if filename not in kept:
            kept[filename] = read(filename, *args, **kwargs)
        return copy.deepcopy(kept[filename])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, '_file2dict', staticmethod(read_once))
        yield


@pytest.fixture(scope='module')
def configs() -> dict[str, Config]:
    """Every leaf, resolved as the tools resolve it."""
    return {name: load_config(path) for name, path in LEAVES.items()}


@pytest.fixture(scope='module')
def graph_configs(configs) -> dict[str, Config]:
    """Those of graph networks."""
    return {name: cfg for name, cfg in configs.items() if not name.startswith('posec3d')}


@pytest.fixture(scope='module')
def heatmap_configs(configs) -> dict[str, Config]:
    """Those of networks on heatmaps."""
    return {name: cfg for name, cfg in configs.items() if name.startswith('posec3d')}


def statements(path: Path) -> dict[str, object]:
    """What a file itself says, its bases left out."""
    said: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), 'exec'), said)
    return {key: value for key, value in said.items() if not key.startswith('__')}


def pipelines(cfg: Config) -> dict[str, list[dict]]:
    """The pipeline of each phase."""
    return {phase: datasets_in(cfg.data[phase])[0].pipeline for phase in PHASES}


def step(pipeline: list[dict], *kinds: str) -> dict:
    """The one transform of a pipeline whose type is among ``kinds``."""
    (found,) = [transform for transform in pipeline if transform.type in kinds]
    return found


def test_the_folder_holds_every_published_name_and_nothing_else():
    streams = {f'{folder}/{stream}.py' for folder in FOLDERS for stream in STREAMS}
    heatmaps = {f'posec3d/{folder}/{stream}.py' for folder, (*_, names) in POSEC3D.items() for stream in names}
    assert set(LEAVES) == streams | heatmaps | QUICKSTART


def test_every_component_takes_its_arguments(configs):
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


def test_every_schedule_is_understood(configs):
    for name, cfg in configs.items():
        optimizer = schema.optim_wrapper(cfg)['optimizer']
        known = inspect.signature(getattr(torch.optim, optimizer.pop('type'))).parameters
        assert set(optimizer) < set(known), name
        assert schema.epochs(cfg) > 0 and schema.param_scheduler(cfg, iterations=100), name
        assert schema.evaluation(cfg)['save_best'] == 'top1_acc', name
        assert schema.default_hooks(cfg, validate=True)['checkpoint']['interval'] == 1, name


def test_every_network_is_built(configs):
    networks = {str(cfg.model.backbone): cfg.model for cfg in configs.values()}
    heads = {str(cfg.model.cls_head): cfg.model.cls_head for cfg in configs.values()}
    # Skeletons of Ske2Grid, ST-GCN, vanilla, ST-GCN++, AAGCN, CTR-GCN, MS-G3D, DG-STGCN; quickstart; the 3D networks.
    assert len(networks) == 4 * 3 + 3 + 2 + 3 + 3 * 3 + 2 + 3 + 2 + 1 + 1
    for model in networks.values():
        recognizer = build_model(model.to_dict())
        backbone, graph = recognizer.backbone, model.backbone.get('graph_cfg')
        joints = backbone.num_joints if graph else backbone.in_channels
        assert joints == get_skeleton(graph.layout if graph else 'coco').num_joints, model.backbone
    for head in heads.values():
        assert build_component(head.to_dict(), MODELS).num_classes == head.num_classes


def test_every_pipeline_turns_a_clip_into_what_its_network_takes(graph_configs):
    records = {layout: make_annotation(0, 1, layout) for layout in ('coco', 'nturgb+d', 'nw-ucla')}
    seen = set()
    for name, cfg in graph_configs.items():
        layout = cfg.model.backbone.graph_cfg.layout
        persons = 1 if layout == 'nw-ucla' or name in QUICKSTART else 2
        for phase, pipeline in pipelines(cfg).items():
            if (str(pipeline), phase) in seen:
                continue
            seen.add((str(pipeline), phase))
            clips = 10 if phase == 'test' and 'vanilla' not in name else 1
            sampling = step(pipeline, 'UniformSample', 'UniformSampleDecode', 'PadTo')
            frames = sampling.get('clip_len', sampling.get('length'))
            sample = Compose(pipeline)({**records[layout], 'test_mode': phase != 'train'})
            shape = (clips, persons, frames, get_skeleton(layout).num_joints, cfg.model.backbone.get('in_channels', 3))
            assert tuple(sample['keypoint'].shape) == shape, f'{name}: {phase}'
            assert sample['keypoint'].dtype == torch.float32, f'{name}: {phase}'
            assert torch.isfinite(sample['keypoint']).all(), f'{name}: {phase}'
    # Streams x (phases x fragments, of which strong_aug adds the training), and quickstart.
    assert len(seen) == 4 * (3 * 8 + 1) + 3


def test_names_mean_what_they_say(graph_configs):
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
        assert cfg.model.backbone.graph_cfg.layout == layout, name
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
            assert {clip.clip_len for clip in clips.values()} == {100}, name
            assert [clips[phase].get('num_clips', 1) for phase in PHASES] == [1, 1, 10], name
        assert all(step(pipeline, 'FormatGCNInput').num_person == 2 for pipeline in pipelines(cfg).values()), name


def test_only_strong_augmentation_and_dgstgcn_turn_and_scale_joints_of_ntu(graph_configs):
    for name, cfg in graph_configs.items():
        if 'ntu' not in name:
            continue
        family, turned = name.split('/')[0], {'xview': (True, 0.3)}.get(name.split('_')[1], (False, 0.2))
        for phase, pipeline in pipelines(cfg).items():
            theta = [transform.theta for transform in pipeline if transform.type == 'RandomRot']
            scale = [transform.scale for transform in pipeline if transform.type == 'RandomScale']
            training = phase == 'train'
            strong = family == 'strong_aug' and training
            assert scale == ([0.1] if strong else []), f'{name}: {phase}'
            expected = [0.3] if strong else [turned[1]] if family == 'dgstgcn' and training else []
            assert theta == expected, f'{name}: {phase}'
            aligned = turned[0] if family == 'dgstgcn' else True
            assert pipeline[0].get('align_spine', True) == aligned, f'{name}: {phase}'


def test_heatmap_names_mean_what_they_say(heatmap_configs):
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
        balanced = [1] * 60 + [2] * 60 if 'ntu120_xsub' in name else None
        assert datasets['train'].get('class_prob') == balanced, name


def test_heatmap_recipes_are_the_published_ones(heatmap_configs):
    for name, cfg in heatmap_configs.items():
        tuned = name.split('/')[1].endswith('k400p')
        batch, lr, epochs = (16, 0.01, 12) if tuned else (32, 0.4, 24)
        assert (cfg.data.videos_per_gpu, cfg.data.workers_per_gpu, cfg.data.train.times) == (batch, 4, 10), name
        assert cfg.data.test_dataloader.videos_per_gpu == 1, name
        assert cfg.total_epochs == epochs, name
        weak = 'diving48' in name or 'hmdb51' in name
        assert cfg.optimizer == {'type': 'SGD', 'lr': lr, 'momentum': 0.9, 'weight_decay': 1e-4 if weak else 3e-4}, name
        assert cfg.optimizer_config.grad_clip == {'max_norm': 40, 'norm_type': 2}, name
        cosine = {'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False}
        assert cfg.lr_config == ({'policy': 'step', 'step': [9, 11]} if tuned else cosine), name
        assert ('load_from' in cfg, cfg.get('load_from_ignore')) == ((True, 'cls_head') if tuned else (False, None)), (
            name
        )
        assert cfg.evaluation.metrics == ['top_k_accuracy', 'mean_class_accuracy'], name


def test_every_heatmap_pipeline_draws_what_its_network_takes(heatmap_configs):
    record = make_annotation(0, 1, 'coco')
    seen = {}
    for name, cfg in heatmap_configs.items():
        size = 48 if name.endswith('s1_joint.py') else 56
        views = {'train': (1, size), 'val': (1, size + 8), 'test': (20, size + 8)}  # ten clips and their mirror images
        for phase, pipeline in pipelines(cfg).items():
            if str(pipeline) not in seen:
                sample = Compose(pipeline)({**record, 'test_mode': phase != 'train'})
                seen[str(pipeline)] = sample['imgs'].shape, sample['imgs'].dtype, float(sample['imgs'].max())
            shape, dtype, most = seen[str(pipeline)]
            count, pixels = views[phase]
            assert tuple(shape) == (count, cfg.model.backbone.in_channels, 48, pixels, pixels), f'{name}: {phase}'
            assert dtype == torch.float32 and 0 < most <= 1, f'{name}: {phase}'
    assert len(seen) == 3 * 3  # phases x (joint, limb, small joint)


def test_limbs_and_joints_differ_in_nothing_but_what_is_drawn(heatmap_configs):
    for name, cfg in heatmap_configs.items():
        if not name.endswith('limb.py'):
            continue
        joint = heatmap_configs[name.replace('limb', 'joint')]
        assert (cfg.model, cfg.optimizer, cfg.total_epochs) == (joint.model, joint.optimizer, joint.total_epochs), name
        for phase in PHASES:
            limbs, joints = pipelines(cfg)[phase], pipelines(joint)[phase]
            differ = [a.type for a, b in zip(limbs, joints, strict=True) if a != b]
            assert differ == ['GeneratePoseTarget'], f'{name}: {phase}'


def test_the_claim_of_a_leaf_names_the_batch_and_the_rate_of_its_config(configs):
    for name, cfg in configs.items():
        claim = ast.get_docstring(ast.parse(LEAVES[name].read_text()))
        found = re.search(r'(\d+) [CG]PUs? x (\d+) clips(?:, lr ([\d.]+\d))?', claim)
        assert found, f'{name}: {claim}'
        assert int(found[2]) == cfg.data.videos_per_gpu, name
        assert int(found[1]) * int(found[2]) == cfg.auto_scale_lr.base_batch_size, name
        ours = 'nwucla' in name or name in QUICKSTART
        assert found[3] is None if ours else float(found[3]) == cfg.optimizer.lr, name


def test_grids_start_at_the_skeleton_and_grow_by_one(graph_configs):
    for name, cfg in graph_configs.items():
        backbone = cfg.model.backbone
        if backbone.type != 'Ske2Grid':
            continue
        stage = STAGES.index(Path(name).parts[1].split('_')[0].removesuffix('.py'))
        squares = [side * side for side in range(5, 5 + stage)]
        assert backbone.progressive_joint_seq == [get_skeleton(backbone.graph_cfg.layout).num_joints, *squares], name
        assert backbone.grid_shape == [5 + stage, 5 + stage], name


def test_the_leaf_of_the_readme_is_a_new_grid(tmp_path):
    (leaf,) = re.findall(r'```python\n("""Ske2Grid 6x7.*?)```', (CONFIGS / 'README.md').read_text(), re.DOTALL)
    shutil.copytree(CONFIGS, tmp_path / 'configs')
    path = tmp_path / 'configs/Ske2Grid/d5to6x7_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py'
    path.parent.mkdir()
    path.write_text(leaf)
    backbone = build_model(load_config(path).model.to_dict()).backbone
    assert [tuple(stage.shape) for stage in backbone.sampling_stages] == [(25, 17), (42, 25)]


def test_work_dirs_are_all_different(configs):
    assert configs['Ske2Grid/d5_stgcn2cn_nwucla/j.py'].work_dir == 'work_dirs/ske2grid/d5_stgcn2cn_nwucla/j'
    assert len({cfg.work_dir for cfg in configs.values()}) == len(configs)


def test_a_stream_is_its_joint_config_and_one_line():
    for name, path in LEAVES.items():
        if Path(name).stem in STREAMS[1:]:
            assert statements(path) == {'_base_': './j.py', 'modality': Path(name).stem}, name
            assert len(path.read_text().splitlines()) == 4, name


def test_a_joint_config_has_few_lines():
    assert max(len(path.read_text().splitlines()) for path in LEAVES.values()) <= 15


def restated(said: dict, inherited: dict, prefix: str = '') -> list[str]:
    """Keys of ``said`` that ``inherited`` holds with the same value."""
    found = []
    for key, value in said.items():
        if key in inherited and isinstance(value, dict) and isinstance(inherited[key], dict):
            found += restated(value, inherited[key], f'{prefix}{key}.')
        elif key in inherited and inherited[key] == value:
            found.append(prefix + key)
    return found


def test_restated_finds_an_equal_value_and_no_other():
    base = {'optimizer': {'lr': 0.1, 'momentum': 0.9}, 'total_epochs': 16}
    assert restated({'optimizer': {'lr': 0.05}, 'modality': 'b'}, base) == []
    assert restated({'optimizer': {'lr': 0.05, 'momentum': 0.9}, 'total_epochs': 16}, base) == [
        'optimizer.momentum',
        'total_epochs',
    ]


def test_no_file_restates_its_base():
    resolved: dict[Path, dict] = {}
    problems = []
    for name, path in FILES.items():
        said = statements(path)
        bases = said.pop('_base_', [])
        inherited: dict[str, object] = {}
        for base in [bases] if isinstance(bases, str) else bases:
            base = (path.parent / base).resolve()
            if base not in resolved:
                resolved[base] = Config.fromfile(base).to_dict()
            inherited.update(resolved[base])  # bases share no key: mmengine refuses those that do
        problems += [f'{name}: {key}' for key in restated(said, inherited)]
    assert not problems, problems
