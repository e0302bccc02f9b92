"""What the tests of configs/ share: every leaf, resolved once."""

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from pyskl.engine.config.load import load_config
from tests.configs.tree import LEAVES


@pytest.fixture(scope='package', autouse=True)
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


@pytest.fixture(scope='package')
def configs() -> dict[str, Config]:
    """Every leaf, resolved as the tools resolve it."""
    return {name: load_config(path) for name, path in LEAVES.items()}


@pytest.fixture(scope='package')
def graph_configs(configs) -> dict[str, Config]:
    """Those of graph networks that PYSKL's four streams feed, in its recipes."""
    others = ('posec3d', 'infogcn', 'stgcn/stgcn_kinetics_skeleton', 'ctrgcn/ctrgcn_nwucla')
    return {name: cfg for name, cfg in configs.items() if not name.startswith(others)}


@pytest.fixture(scope='package')
def infogcn_configs(configs) -> dict[str, Config]:
    """Those of InfoGCN, whose streams are modes of the joints and their motion."""
    return {name: cfg for name, cfg in configs.items() if name.startswith('infogcn')}


@pytest.fixture(scope='package')
def heatmap_configs(configs) -> dict[str, Config]:
    """Those of networks on heatmaps."""
    return {name: cfg for name, cfg in configs.items() if name.startswith('posec3d')}
