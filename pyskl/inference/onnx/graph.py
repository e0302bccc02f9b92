"""A writer of ONNX graphs: one call per node, names made up, numpy arrays as constants."""

from collections.abc import Callable, Sequence

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Value = str | np.ndarray | None
FLOAT, DOUBLE, HALF, INT, BOOL = (
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.BOOL,
)  # fmt: skip


def ints(*values: int) -> np.ndarray:
    """``(n,)`` int64."""
    return np.array(values, np.int64)


def floats(*values: float) -> np.ndarray:
    """``(n,)`` float32."""
    return np.array(values, np.float32)


def doubles(*values: float) -> np.ndarray:
    """``(n,)`` float64."""
    return np.array(values, np.float64)


class Graph:
    """Nodes in the order of their calls.

    ``graph('Sub', a, b)`` adds a node and returns the name of its result; ``a`` and ``b`` are such names, or numpy
    arrays, which become constants. ONNX converts no types: both must have the same.

    Args:
        outer: The graph in which this one is a branch or a body; its values may be used here.
    """

    def __init__(self, outer: 'Graph | None' = None) -> None:
        self.nodes: list[NodeProto] = []
        self._constants: dict[tuple, str] = {} if outer is None else outer._constants
        self.tensors: list[TensorProto] = [] if outer is None else outer.tensors
        self._count: list[int] = [0] if outer is None else outer._count

    def __call__(self, kind: str, *inputs: Value, **attributes: object) -> str:
        """Add a node with one result."""
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(self, kind: str, results: int, *inputs: Value, **attributes: object) -> list[str]:
        """Add a node with ``results`` results; None is an input that is left out."""
        names = [self._name(kind) for _ in range(results)]
        self.nodes.append(helper.make_node(kind, [self._input(x) for x in inputs], names, **attributes))
        return names

    def _name(self, kind: str) -> str:
        self._count[0] += 1
        return f'pipeline_{kind}_{self._count[0]}'

    def _input(self, value: Value) -> str:
        if value is None:
            return ''
        return self._constant(value) if isinstance(value, np.ndarray) else value

    def _constant(self, array: np.ndarray) -> str:
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = name = self._name('constant')
            self.tensors.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def cast(self, x: Value, to: int) -> str:
        """``x`` as another type."""
        return self('Cast', x, to=to)

    def size(self, x: str, axis: int) -> str:
        """``(1,)`` int64: the length of an axis."""
        return self('Shape', x, start=axis, end=axis + 1)

    def take(self, x: Value, index: int | Sequence[int], axis: int = 0) -> str:
        """Entries of an axis; an int drops the axis."""
        return self('Gather', x, np.array(index, np.int64), axis=axis)

    def slice(self, x: str, start: Value, end: Value, axis: int) -> str:
        """``x[start:end]`` along ``axis``; both are ``(1,)``."""
        return self('Slice', x, start, end, ints(axis))

    def branch(
        self, condition: str, then: Callable[['Graph'], str], otherwise: Callable[['Graph'], str], dtype: int
    ) -> str:
        """The result, with one axis, of one of two graphs, each written by a function."""
        bodies = {}
        for name, write in (('then_branch', then), ('else_branch', otherwise)):
            inner = Graph(self)
            result = inner('Identity', write(inner))
            bodies[name] = inner.body(name, [], [helper.make_tensor_value_info(result, dtype, (None,))])
        return self('If', condition, **bodies)

    def scan(self, step: Callable[['Graph', str, str], tuple[str, str]], state: Value, over: Value) -> str:
        """Collect an int64 per entry of ``over`` ``(n,)``; ``step(graph, state, entry)`` -> next state, collected."""
        inner = Graph(self)
        names = [self._name('state'), self._name('entry')]
        results = [inner('Identity', result) for result in step(inner, *names)]
        given, found = ([helper.make_tensor_value_info(name, INT, ()) for name in some] for some in (names, results))
        body = inner.body('step', given, found)
        return self.several('Scan', 2, state, over, body=body, num_scan_inputs=1)[1]

    def each(self, step: Callable[['Graph', str], str], over: str, dtype: int, axes: tuple[int, int]) -> str:
        """Stack ``step(graph, entry)``, float32, of each entry of axis 1 of ``over``.

        Args:
            step: Writes the result of an entry.
            over: Its axis 1 is taken apart.
            dtype: Its type.
            axes: Number of axes of an entry and of a result.
        """
        inner, entry = Graph(self), self._name('entry')
        result = inner('Identity', step(inner, entry))
        given = helper.make_tensor_value_info(entry, dtype, (None,) * axes[0])
        found = helper.make_tensor_value_info(result, FLOAT, (None,) * axes[1])
        body = inner.body('step', [given], [found])
        return self('Scan', over, body=body, num_scan_inputs=1, scan_input_axes=[1])

    def body(self, name: str, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]) -> GraphProto:
        """The graph as written; constants are in the outermost one."""
        return helper.make_graph(self.nodes, name, inputs, outputs)

    def rename(self, result: str, name: str) -> None:
        """Give the result of the latest node a name of the caller's."""
        assert self.nodes[-1].output[0] == result, 'only the latest result can be renamed'
        self.nodes[-1].output[0] = name
