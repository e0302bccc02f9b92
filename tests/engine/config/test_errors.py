"""What is the config's fault is told in a line; what is ours keeps its traceback."""

import pytest
import torch

from pyskl.engine.config.errors import error_context
from pyskl.registry import MODELS, build_component

GRAPH = {'layout': 'coco', 'mode': 'spatial'}


class Broken:
    """Its argument is fine, what it does with it is not."""

    def __init__(self, size: int = 1):
        self.size = size + None


def build(**cfg):
    with error_context('model'):
        return build_component(cfg, MODELS)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'type': 'STGCM', 'graph_cfg': GRAPH}, "model: 'STGCM' is not a known model; did you mean 'STGCN'"),
        ({'type': 'STGCN'}, "model: STGCN needs the argument 'graph_cfg'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'stages': 3}, "model: STGCN has no argument 'stages'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'num_stages': 'x'}, "model: STGCN: num_stages must be int, got 'x'"),
        ({'type': 'STGCN', 'graph_cfg': GRAPH, 'down_stages': 5}, r'STGCN: down_stages must be .*Sequence.*, got 5'),
        ({'type': Broken, 'size': 'x'}, "model: Broken: size must be int, got 'x'"),
    ],
)  # fmt: skip
def test_what_the_config_gives_wrongly_is_one_line(options, said):
    with pytest.raises(ValueError, match=said):
        build(**options)


def test_a_bug_of_a_component_is_shown_as_it_is():
    with pytest.raises(TypeError, match='unsupported operand') as caught:
        build(type=Broken, size=2)
    assert caught.traceback[-1].name == '__init__'


@pytest.mark.parametrize('bug', [TypeError, AttributeError, AssertionError])
def test_what_only_a_bug_raises_is_not_rewritten(bug):
    with pytest.raises(bug, match='^ours$'), error_context('model'):
        raise bug('ours')


def test_what_torch_raises_over_a_value_names_the_key():
    with (
        pytest.raises(ValueError, match='optimizer holds a value that does not work: TypeError'),
        error_context('optimizer'),
    ):
        torch.optim.SGD(5, lr=0.1)


def test_a_name_that_a_table_lacks_names_the_key():
    with (
        pytest.raises(ValueError, match="model holds a value that does not work: KeyError: 'x'"),
        error_context('model'),
    ):
        {}['x']
