"""Errors caused by the config become one line; bugs keep their traceback."""

import pytest
import torch

from pyskl.engine.config.errors import error_context
from pyskl.registry import MODELS, build_component

GRAPH = {'layout': 'coco', 'mode': 'spatial'}


class Broken:
    """A component with a bug: it fails for valid arguments."""

    def __init__(self, size: int = 1):
        self.size = size + None


def build(**cfg):
    with error_context('model'):
        return build_component(cfg, MODELS)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'type': 'STGCM', 'graph_cfg': GRAPH}, "model: 'STGCM' is not a known model; did you mean 'STGCN'"),
        ({'type': 'STGCN'}, "model: STGCN needs the argument 'graph_cfg'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'stages': 3}, "model: STGCN has no argument 'stages'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'num_stages': 'x'}, "model: STGCN: num_stages must be int, got 'x'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'down_stages': 5}, r'STGCN: down_stages must be .*Sequence.*, got 5'),
        ({'type': Broken, 'size': 'x'}, "model: Broken: size must be int, got 'x'"),
    ],
)  # fmt: skip
def test_an_invalid_config_value_raises_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_a_bug_of_a_component_keeps_its_traceback():
    with pytest.raises(TypeError, match='unsupported operand') as caught:
        build(type=Broken, size=2)
    assert caught.traceback[-1].name == '__init__'


@pytest.mark.parametrize('bug', [TypeError, AttributeError, AssertionError])
def test_exceptions_that_only_a_bug_raises_are_not_converted(bug):
    with pytest.raises(bug, match='^ours$'), error_context('model'):
        raise bug('ours')


def test_an_error_raised_by_torch_names_the_config_key():
    with (
        pytest.raises(ValueError, match='optimizer has an invalid value: TypeError'),
        error_context('optimizer'),
    ):
        torch.optim.SGD(5, lr=0.1)


def test_a_key_error_names_the_config_key():
    with (
        pytest.raises(ValueError, match="model has an invalid value: KeyError: 'x'"),
        error_context('model'),
    ):
        {}['x']
