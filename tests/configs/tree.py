"""The files of configs/, and helpers that read them."""

import ast
from itertools import product
from pathlib import Path

from mmengine.config import Config, ConfigDict

from pyskl.engine.config.load import PHASES, datasets_in

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FILES = {path.relative_to(CONFIGS).as_posix(): path for path in sorted(CONFIGS.rglob('*.py'))}
LEAVES = {name: path for name, path in FILES.items() if not name.startswith('_base_')}
STREAMS = ('j', 'b', 'jm', 'bm')
STAGES = ('d5', 'd5tod6', 'd6tod7', 'd7tod8')
NTU = [
    f'{split}_{kind}'
    for split, kind in product(('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset'), ('3dkp', 'hrnet'))
]
FOLDERS = {
    *(f'stgcn/stgcn_pyskl_{data}' for data in [*NTU, 'nwucla']),
    *(f'stgcn/stgcn_vanilla_{data}' for data in NTU if 'ntu60' in data),
    'stgcn/stgcn_kinetics_skeleton',
    *(f'stgcn++/stgcn++_{data}' for data in [*NTU, 'nwucla']),
    *(f'{family}/{family}_pyskl_{data}' for family, data in product(('aagcn', 'ctrgcn', 'msg3d'), [*NTU, 'nwucla'])),
    *(f'{family}/{data}' for family, data in product(('dgstgcn', 'strong_aug'), NTU) if data.endswith('3dkp')),
    'ctrgcn/ctrgcn_nwucla',
    'dgstgcn/nwucla',
    *(f'sgn/sgn_{data}' for data in [*NTU, 'nwucla'] if not data.endswith('hrnet')),
    *(f'Ske2Grid/{stage}_stgcn2cn_pyskl_{data}' for stage, data in product(STAGES, NTU)),
    *(f'Ske2Grid/{stage}_stgcn2cn_nwucla' for stage in STAGES),
    'Ske2Grid/d5_lite_nwucla',
    'Ske2Grid/d5_lite_pyskl_ntu60_xsub_hrnet',
}
POSEC3D = {  # folder: annotations, validation split, classes, file names
    'slowonly_r50_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'slowonly_r50_ntu60_xview': ('nturgbd/ntu60', 'xview_val', 60, ('joint', 'limb')),
    'slowonly_r50_ntu120_xsub': ('nturgbd/ntu120', 'xsub_val', 120, ('joint', 'limb')),
    'slowonly_r50_ntu120_xset': ('nturgbd/ntu120', 'xset_val', 120, ('joint', 'limb')),
    'slowonly_r50_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
    'slowonly_r50_diving48': ('diving48/diving48', 'test', 48, ('joint',)),
    'slowonly_r50_463_k400': ('k400/k400', 'val', 400, ('joint', 'limb')),
    'slowonly_r50_346_k400': ('k400/k400', 'val', 400, ('joint', 'limb')),
    'slowonly_r50_ucf101_k400p': ('ucf101/ucf101', 'test1', 101, ('s1_joint',)),
    'slowonly_r50_hmdb51_k400p': ('hmdb51/hmdb51', 'test1', 51, ('s1_joint',)),
    'c3d_light_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'c3d_light_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
    'x3d_shallow_ntu60_xsub': ('nturgbd/ntu60', 'xsub_val', 60, ('joint', 'limb')),
    'x3d_shallow_gym': ('gym/gym', 'val', 99, ('joint', 'limb')),
}
INFOGCN = {
    f'infogcn/infogcn_{data}/{mode}{motion}.py'
    for data, mode, motion in product(
        ('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset', 'nwucla'), ('k1', 'k2', 'k8'), ('', '_motion')
    )
}
QUICKSTART = {'quickstart/d5.py', 'quickstart/d5tod6.py', 'quickstart/stgcn++.py'}


def statements(path: Path) -> dict[str, object]:
    """The keys that a file assigns itself, without those of its bases; it may read ``_base_.key``."""
    tree = ast.parse(path.read_text())
    own: dict[str, object] = {}
    for line in [line for line in tree.body if isinstance(line, ast.Assign) and line.targets[0].id == '_base_']:
        tree.body.remove(line)
        own['_base_'] = ast.literal_eval(line.value)
    bases = own.get('_base_', [])
    inherited: dict[str, object] = {}
    for base in [bases] if isinstance(bases, str) and '_base_.' in path.read_text() else []:
        inherited.update(Config.fromfile(path.parent / base).to_dict())
    scope = {'_base_': ConfigDict(inherited)}
    exec(compile(tree, str(path), 'exec'), scope)
    return own | {key: value for key, value in scope.items() if not key.startswith('_')}


def pipelines(cfg: Config) -> dict[str, list[dict]]:
    """The pipeline of each phase."""
    return {phase: datasets_in(cfg.data[phase])[0].pipeline for phase in PHASES}


def layout_of(cfg: Config) -> str:
    """The skeleton of the graph or, for a network without a graph, of the pipeline."""
    graph = cfg.model.backbone.get('graph_cfg')
    return graph.layout if graph else step(pipelines(cfg)['train'], 'GenSkeFeat').dataset


def step(pipeline: list[dict], *kinds: str) -> dict:
    """The one transform of a pipeline whose type is among ``kinds``."""
    (match,) = [transform for transform in pipeline if transform.type in kinds]
    return match
