"""Configs of Ske2Grid: one grid per stage, and the example config of the README."""

import re
import shutil
from pathlib import Path

from pyskl.engine.config.load import load_config
from pyskl.models import build_model
from pyskl.skeletons import get_skeleton
from tests.configs.tree import CONFIGS, STAGES


def test_stages_start_at_the_skeleton_and_grow_the_grid_by_one(graph_configs):
    for name, cfg in graph_configs.items():
        backbone = cfg.model.backbone
        if backbone.type != 'Ske2Grid':
            continue
        stage = STAGES.index(Path(name).parts[1].split('_')[0].removesuffix('.py'))
        squares = [side * side for side in range(5, 5 + stage)]
        assert backbone.progressive_joint_seq == [get_skeleton(backbone.graph_cfg.layout).num_joints, *squares], name
        assert backbone.grid_shape == [5 + stage, 5 + stage], name


def test_the_config_in_the_readme_builds_a_new_grid(tmp_path):
    (leaf,) = re.findall(r'```python\n("""Ske2Grid 6x7.*?)```', (CONFIGS / 'README.md').read_text(), re.DOTALL)
    shutil.copytree(CONFIGS, tmp_path / 'configs')
    path = tmp_path / 'configs/Ske2Grid/d5to6x7_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py'
    path.parent.mkdir()
    path.write_text(leaf)
    backbone = build_model(load_config(path).model.to_dict()).backbone
    assert [tuple(stage.shape) for stage in backbone.sampling_stages] == [(25, 17), (42, 25)]
