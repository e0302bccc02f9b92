"""Fixtures of the tests of configs/: every leaf config, resolved once."""

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from pyskl.engine.config.load import load_config
from tests.configs.tree import LEAVES


@pytest.fixture(scope='package', autouse=True)
def _each_file_is_read_once():
    """Cache parsed files: mmengine parses a base again for every child, which takes minutes on a busy disk."""
    read, parsed = Config._file2dict, {}

    def read_once(filename: str, *args, **kwargs) -> tuple:
        filename = str(Path(filename).resolve())
        if filename not in parsed:
            parsed[filename] = read(filename, *args, **kwargs)
        return copy.deepcopy(parsed[filename])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, '_file2dict', staticmethod(read_once))
        yield


@pytest.fixture(scope='package')
def configs() -> dict[str, Config]:
    """Every leaf config, resolved as the tools resolve it."""
    return {name: load_config(path) for name, path in LEAVES.items()}


@pytest.fixture(scope='package')
def graph_configs(configs) -> dict[str, Config]:
    """Configs of graph networks with PYSKL's four streams and recipes."""
    others = ('posec3d', 'infogcn', 'stgcn/stgcn_kinetics_skeleton', 'ctrgcn/ctrgcn_nwucla')
    return {name: cfg for name, cfg in configs.items() if not name.startswith(others)}


@pytest.fixture(scope='package')
def infogcn_configs(configs) -> dict[str, Config]:
    """Configs of InfoGCN, whose streams are modes of the joints and their motion."""
    return {name: cfg for name, cfg in configs.items() if name.startswith('infogcn')}


@pytest.fixture(scope='package')
def heatmap_configs(configs) -> dict[str, Config]:
    """Configs of networks on heatmaps."""
    return {name: cfg for name, cfg in configs.items() if name.startswith('posec3d')}
