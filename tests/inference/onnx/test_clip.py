"""A clip between two transforms."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.inference.onnx.clip import Clip  # noqa: E402
from pyskl.inference.onnx.graph import FLOAT, Graph, floats  # noqa: E402
from tests.inference.onnx.graphs import session  # noqa: E402


@pytest.mark.parametrize('half, expected', [(True, [2048, 1, 0.333251953125]), (False, [2049, 1, np.float32(1 / 3)])])
def test_values_of_float16_records_have_11_bits(half, expected):
    graph = Graph()
    result = Clip('x', None, 1, 3, False, half).rounded(graph, 'x')
    assert session(graph, {'x': (FLOAT, (3,))}, result)(x=floats(2049, 1, 1 / 3)).tolist() == expected


def test_float32_records_need_no_node():
    graph = Graph()
    assert Clip('x', None, 1, 3, False).rounded(graph, 'x') == 'x' and graph.nodes == []
