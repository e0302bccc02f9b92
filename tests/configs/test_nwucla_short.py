"""The short recipe of benchmarks/: the published pipeline with fewer frames, and ablations of one change each."""

from pathlib import Path

from pyskl.engine.config.load import load_config
from pyskl.models import build_model
from tests.configs.tree import CONFIGS

SHORT = CONFIGS.parent / 'benchmarks/nwucla_short'


def steps(path: Path, phase: str = 'train') -> list[dict]:
    return [dict(step) for step in load_config(path)[f'{phase}_pipeline']]


def test_the_pipeline_is_the_published_one_with_sixteen_frames():
    for phase in ('train', 'val', 'test'):
        published = steps(CONFIGS / 'ctrgcn/ctrgcn_nwucla/j.py', phase)
        for step in published:
            if step['type'] == 'SampleSorted':
                step['clip_len'] = 16
        assert steps(SHORT / 'recipe.py', phase) == published


def test_every_network_is_built_at_a_quarter_of_its_width():
    for name in ('stgcn', 'stgcnpp', 'ske2grid'):
        cfg = load_config(SHORT / f'{name}.py')
        model = build_model(cfg.model.to_dict())
        assert model.cls_head.in_channels == 64 and cfg.total_epochs * cfg.data.train.times == 10


def test_each_ablation_changes_one_transform():
    def others(name: str, kind: str) -> list[dict]:
        return [step for step in steps(SHORT / f'{name}.py') if step['type'] != kind]

    recipe = steps(SHORT / 'recipe.py')
    assert steps(SHORT / 'no_rotation.py') == [step for step in recipe if step['type'] != 'RotateWholeDegrees']
    assert others('no_box', 'PreNormalize3D') == [step for step in recipe if step['type'] != 'FillBox']
