"""Draw heatmaps of joints and limbs in the graph, frame by frame.

:mod:`pyskl.datasets.pipelines.heatmap` computes the pixels near each mark. Here every pixel is computed, and those that
it leaves out are set to 0, except where the value of a limb is below 1e-9 of its score.

Axes: ``K`` channels, ``M`` persons, ``T`` frames, ``V`` joints, ``H x W`` pixels.
"""

import numpy as np

from pyskl.datasets.pipelines.heatmap import LEAST_SCORE, GeneratePoseTarget
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import DOUBLE, FLOAT, INT, Graph, floats, ints
from pyskl.inference.onnx.normalize import parts

END = np.iinfo(np.int64).max


class _Marks:
    """Arithmetic on the positions of the marks of a frame, in the type of the joints."""

    def __init__(self, graph: Graph, wide: bool) -> None:
        self.graph, self.kind, self.type = graph, np.float64 if wide else np.float32, DOUBLE if wide else FLOAT

    def number(self, value: float) -> np.ndarray:
        """Return ``value`` as ``(1,)`` of the type."""
        return np.array([value], self.kind)

    def ends(self, low: str, high: str, size: int) -> tuple[str, str]:
        """Return the first and last of ``size`` pixels between two positions ``(...)``, int64 ``(...)``."""
        graph = self.graph
        first = graph('Min', graph('Max', low, self.number(0)), self.number(size))
        last = graph('Min', graph('Max', high, self.number(-1)), self.number(size - 1))
        return graph.cast(first, INT), graph.cast(last, INT)

    def inside(self, low: str, high: str, size: int) -> str:
        """Whether each pixel is between two positions: ``(...)`` -> ``(..., size)``."""
        graph, pixels = self.graph, np.arange(size)
        first, last = (graph('Unsqueeze', x, ints(-1)) for x in self.ends(low, high, size))
        return graph('And', graph('GreaterOrEqual', pixels, first), graph('LessOrEqual', pixels, last))

    def finite(self, x: str) -> str:
        """Whether a value is neither infinite nor NaN."""
        return self.graph('Equal', self.graph('Sub', x, x), self.number(0))


def pose_target(graph: Graph, clip: Clip, transform: GeneratePoseTarget) -> None:
    """Draw heatmaps: ``keypoint`` becomes ``(F, K, H, W)`` for F frames of all clips, then of their mirror images.

    Raises:
        ValueError: If the size of the image depends on the clip.
    """
    if not isinstance(clip.img_shape, np.ndarray):
        raise ValueError('after which images have no fixed size; use Resize with keep_ratio=False before it')
    height, width = (int(side * transform.scaling + 0.5) for side in clip.img_shape)
    place, score = parts(graph, clip)
    if transform.scaling != 1:
        factor = np.float32(transform.scaling)
        place = graph('Mul', place, np.array([factor], np.float64 if clip.wide else np.float32))
    if score is None or not transform.use_score:
        first = graph.take(place, (0,), axis=3)
        score = graph.cast(graph('Equal', first, first), DOUBLE if clip.wide else FLOAT)
    joints = graph('Concat', place, score, axis=3)  # (M, F, V, 3)
    draw = _draw_joints if transform.with_kp else _draw_limbs

    def frame(inner: Graph, entry: str) -> str:
        marks = _Marks(inner, clip.wide)
        x, y = (inner.take(entry, axis, axis=2) for axis in (0, 1))  # (M, V)
        score = inner.cast(inner.take(entry, 2, axis=2), FLOAT)
        valid = inner('GreaterOrEqual', score, floats(LEAST_SCORE))
        valid = inner('And', valid, inner('And', marks.finite(x), marks.finite(y)))
        x, y = (inner('Where', valid, value, marks.number(0)) for value in (x, y))
        volume = draw(marks, x, y, score, valid, (height, width), transform)
        return inner('ReduceMax', volume, ints(0), keepdims=0)

    volume = graph.each(frame, joints, DOUBLE if clip.wide else FLOAT, (3, 3))
    if transform.double:
        partners = transform._partners({'keypoint': np.zeros((1, 1, clip.joints, 2))})
        flipped = graph('Slice', graph.take(volume, partners, axis=1), ints(-1), ints(-END), ints(3), ints(-1))
        volume, clip.mirrored = graph('Concat', volume, flipped, axis=0), True
    clip.keypoint, clip.wide = volume, False
    clip.stream = f'heatmaps of {"joints" if transform.with_kp else "limbs"}'


def _falloff(sigma: float) -> np.ndarray:
    return floats(-0.5 / sigma**2)


def _draw_joints(
    marks: _Marks, x: str, y: str, score: str, valid: str, size: tuple[int, int], transform: GeneratePoseTarget
) -> str:
    """Draw Gaussians of all joints, ``(M, V)`` -> ``(M, V, H, W)``."""
    graph, sigma = marks.graph, transform.sigma

    def along(position: str, pixels: int) -> str:
        reach = marks.number(3 * sigma)
        inside = marks.inside(graph('Sub', position, reach), graph('Add', position, reach), pixels)
        place = graph('Unsqueeze', graph.cast(position, DOUBLE), ints(-1))
        offset = graph.cast(graph('Sub', np.arange(float(pixels)), place), FLOAT)
        value = graph('Exp', graph('Mul', graph('Mul', offset, offset), _falloff(sigma)))
        return graph('Where', inside, value, floats(0))

    height = graph('Where', valid, score, floats(0))
    along_y = graph('Mul', along(y, size[0]), graph('Unsqueeze', height, ints(-1)))
    return graph('Mul', graph('Unsqueeze', along_y, ints(3)), graph('Unsqueeze', along(x, size[1]), ints(2)))


def _draw_limbs(
    marks: _Marks, x: str, y: str, score: str, valid: str, size: tuple[int, int], transform: GeneratePoseTarget
) -> str:
    """Draw Gaussians around all limbs, ``(M, V)`` -> ``(M, K, H, W)``; shorter than a pixel: the first joint."""
    graph, radius = marks.graph, marks.number(3 * transform.sigma)
    begins, ends = (list(column) for column in zip(*transform.limbs, strict=True))
    (ax, ay, first, valid_a), (bx, by, second, valid_b) = (
        tuple(graph.take(array, joints, axis=1) for array in (x, y, score, valid)) for joints in (begins, ends)
    )
    east, south = graph('Sub', bx, ax), graph('Sub', by, ay)
    square = graph('Add', graph('Mul', east, east), graph('Mul', south, south))
    short = graph('Less', square, marks.number(1))
    bx, by = graph('Where', short, ax, bx), graph('Where', short, ay, by)
    height = graph('Where', short, first, graph('Min', first, second))
    height = graph('Where', graph('And', valid_a, valid_b), height, floats(0))
    columns, rows = (
        marks.inside(graph('Sub', graph('Min', a, b), radius), graph('Add', graph('Max', a, b), radius), pixels)
        for a, b, pixels in ((ax, bx, size[1]), (ay, by, size[0]))
    )
    inside = graph('And', graph('Unsqueeze', rows, ints(3)), graph('Unsqueeze', columns, ints(2)))

    east, south, ax, ay = (
        graph.cast(value, FLOAT) for value in (graph('Sub', bx, ax), graph('Sub', by, ay), ax, ay)
    )  # (M, K)
    length = graph('Sqrt', graph('Add', graph('Mul', east, east), graph('Mul', south, south)))
    unit = graph('Where', short, floats(1), length)
    east = graph('Div', graph('Where', short, floats(1), east), unit)  # the direction of a point is arbitrary
    south = graph('Div', south, unit)
    spread = ints(2, 3)
    east, south, length, height = (graph('Unsqueeze', value, spread) for value in (east, south, length, height))
    column = np.arange(size[1], dtype=np.float32)
    x = graph('Neg', graph('Unsqueeze', ax, spread))  # of a row's pixel 0, seen from a; (M, K, H, 1)
    y = graph('Sub', np.arange(size[0], dtype=np.float32)[:, None], graph('Unsqueeze', ay, spread))
    along = graph('Add', graph('Mul', x, east), graph('Mul', y, south))
    along = graph('Add', along, graph('Mul', column, east))  # (M, K, H, W)
    across = graph('Sub', graph('Mul', x, south), graph('Mul', y, east))
    across = graph('Add', across, graph('Mul', column, south))
    along = graph('Sub', along, graph('Min', graph('Max', along, floats(0)), length))  # the part beyond the ends
    square = graph('Add', graph('Mul', along, along), graph('Mul', across, across))
    value = graph('Mul', graph('Exp', graph('Mul', square, _falloff(transform.sigma))), height)
    return graph('Where', inside, value, floats(0))
