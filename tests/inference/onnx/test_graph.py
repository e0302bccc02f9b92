"""The graph writer, checked by hand."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.inference.onnx.graph import FLOAT, INT, Graph, floats, ints  # noqa: E402
from tests.inference.onnx.graphs import session  # noqa: E402


def test_equal_constants_are_stored_once():
    graph = Graph()
    graph('Add', floats(1, 2), floats(1, 2))
    graph('Add', floats(1, 2), ints(1, 2))
    assert len(graph.tensors) == 2


def test_a_branch_uses_values_of_the_outer_graph():
    graph = Graph()
    doubled = graph('Add', 'x', 'x')
    result = graph.branch(
        graph('Less', 'x', floats(3)), lambda inner: inner('Neg', doubled), lambda inner: inner('Neg', 'x'), FLOAT
    )
    run = session(graph, {'x': (FLOAT, (1,))}, result)
    assert run(x=floats(2)).tolist() == [-4]
    assert run(x=floats(5)).tolist() == [-5]


def test_a_scan_carries_its_state():
    graph = Graph()

    def step(inner, total, entry):
        total = inner('Add', total, entry)
        return total, inner('Mul', total, np.array(10))

    result = graph.scan(step, np.array(0), 'x')
    assert session(graph, {'x': (INT, ('n',))}, result, INT)(x=ints(1, 2, 3)).tolist() == [10, 30, 60]


def test_rename_names_an_output():
    graph = Graph()
    graph.rename(graph('Neg', 'x'), 'y')
    assert session(graph, {'x': (FLOAT, (1,))}, 'y')(x=floats(2)).tolist() == [-2]
