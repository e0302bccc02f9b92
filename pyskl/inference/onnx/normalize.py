"""Normalisations as a graph: relative to the image in 2D, to the body in 3D.

Each function repeats a transform of :mod:`pyskl.datasets.pipelines`, in the same order and types of numbers.

Axes: ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels.
"""

import math

import numpy as np

from pyskl.datasets.pipelines.alignment import AlignPersons
from pyskl.datasets.pipelines.normalize import BOX_MIN, ZERO, PreNormalize2D, PreNormalize3D
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import BOOL, DOUBLE, FLOAT, INT, Graph, Value, doubles, floats, ints


def zero_where(graph: Graph, condition: Value, x: str) -> str:
    """``x``, but 0 where the condition holds."""
    return graph('Where', condition, floats(0), x)


def filled_frames(graph: Graph, keypoint: str) -> str:
    """``(M, T)`` bool: frames in which a coordinate is not 0."""
    largest = graph('ReduceMax', graph('Abs', keypoint), ints(2, 3), keepdims=0)
    return graph('Greater', largest, floats(ZERO))


def image_size(graph: Graph, clip: Clip) -> str:
    """``(2,)`` float32 width and height."""
    return graph.cast(graph.take(clip.img_shape, (1, 0)), FLOAT)


def parts(graph: Graph, clip: Clip) -> tuple[str, str | None]:
    """x and y ``(M, T, V, 2)``, and the third channel ``(M, T, V, 1)``, a score or a depth, if there is one."""
    if clip.channels == 2:
        return clip.keypoint, None
    return graph.take(clip.keypoint, (0, 1), axis=3), graph.take(clip.keypoint, (2,), axis=3)


def joined(graph: Graph, place: str, third: str | None) -> str:
    """The inverse of :func:`parts`."""
    return place if third is None else graph('Concat', place, third, axis=3)


def prenormalize_2d(graph: Graph, clip: Clip, transform: PreNormalize2D) -> None:
    """Pixels to [-1, 1] of the image, or of the box of all joints; (0, 0) where the score is at most the threshold."""
    place, third = parts(graph, clip)
    absent = None
    if transform.threshold is not None and (clip.has_score or clip.channels == 2):
        clip.half = clip.split = False  # the score becomes a channel
        if clip.has_score:
            absent = graph('LessOrEqual', third, floats(transform.threshold))
    if transform.mode == 'fix':
        half = clip.rounded(graph, graph('Div', image_size(graph, clip), floats(2)))
        place = graph('Div', clip.rounded(graph, graph('Sub', place, half)), half)
        place = clip.rounded(graph, place)
    else:
        place = _by_box(graph, clip, place, absent)
    if absent is not None:
        place = zero_where(graph, absent, place)
    clip.keypoint = joined(graph, place, third)


def _by_box(graph: Graph, clip: Clip, place: str, absent: str | None) -> str:
    def rounded(kind: str, a: Value, b: Value) -> str:
        return clip.rounded(graph, graph(kind, a, b))

    low, high = (
        graph(kind, place if absent is None else graph('Where', absent, floats(far), place), ints(0, 1, 2), keepdims=0)
        for kind, far in (('ReduceMin', np.inf), ('ReduceMax', -np.inf))
    )
    size = rounded('Sub', high, low)  # -inf without a joint
    wide = graph('Greater', graph('ReduceMin', size, ints(0), keepdims=0), np.array(BOX_MIN, np.float32))
    center = rounded('Div', rounded('Add', high, low), floats(2))
    scaled = rounded('Mul', rounded('Div', rounded('Sub', place, center), size), floats(2))
    return graph('Where', wide, scaled, place)


def image_share(graph: Graph, clip: Clip, transform: object) -> None:
    """Pixels to [-0.5, 0.5] of the image; (0, 0) where the score is 0."""
    place, score = parts(graph, clip)
    clip.half = False
    place = graph('Sub', graph('Div', place, image_size(graph, clip)), floats(0.5))
    if score is not None:
        place = zero_where(graph, graph('Equal', score, floats(0)), place)
    clip.keypoint = joined(graph, place, score)


def prenormalize_3d(graph: Graph, clip: Clip, transform: PreNormalize3D) -> None:
    """Put the person seen longest first and at the origin, drop frames without them, and rotate all upright."""
    clip.half = False
    keypoint = clip.keypoint
    filled = filled_frames(graph, keypoint)
    counts = graph('ReduceSum', graph.cast(filled, INT), ints(1), keepdims=0)  # (M,)
    most, order = graph.several('TopK', 2, counts, graph.size(counts, 0), axis=0)  # among equals the first stays first
    keypoint, filled = (graph('Gather', x, order, axis=0) for x in (keypoint, filled))
    nobody = graph('Equal', graph.take(most, [0]), ints(0))  # (1,)
    frames = graph('Or', graph.take(filled, 0), nobody)
    keypoint, filled = (graph('Compress', x, frames, axis=1) for x in (keypoint, filled))
    if transform.align_center:
        center = graph.take(_first_pose(graph, keypoint), transform._origin(clip.joints))  # (3,)
        moved = graph('Sub', keypoint, center)
        unseen = graph('Equal', graph('ReduceMax', graph('Abs', keypoint), ints(3), keepdims=1), floats(0))
        empty = graph('Unsqueeze', graph('Not', filled), ints(2, 3))
        moved = zero_where(graph, graph('Or', empty, unseen), moved)
        keypoint = graph('Where', nobody, keypoint, moved)
    if transform.align_spine:
        rotation = _body_rotation(graph, _first_pose(graph, keypoint), transform)
        keypoint = _rotated(graph, keypoint, rotation)
    clip.keypoint = keypoint


def _first_pose(graph: Graph, keypoint: str) -> str:
    """``(V, 3)`` of the first person's first frame."""
    return graph.take(graph.take(keypoint, 0), 0)


def _rotated(graph: Graph, keypoint: str, rotation: str) -> str:
    """Every joint by one rotation ``(3, 3)`` float64, rounded to float32."""
    rows = graph('Reshape', keypoint, ints(-1, 3))
    turned = graph('MatMul', rows, graph.cast(graph('Transpose', rotation, perm=[1, 0]), FLOAT))
    return graph('Reshape', turned, graph('Shape', keypoint))


def _body_rotation(graph: Graph, first: str, transform: PreNormalize3D) -> str:
    (bottom, top), (right, left) = transform.zaxis, transform.xaxis
    spine, shoulders = (
        graph.cast(graph('Sub', graph.take(first, a), graph.take(first, b)), DOUBLE)
        for a, b in ((top, bottom), (right, left))
    )
    upright = turn(graph, spine, onto=2)
    return graph('MatMul', turn(graph, graph('MatMul', upright, shoulders), onto=0), upright)


def turn(graph: Graph, vector: str, onto: int) -> str:
    """Rotation ``(3, 3)`` that maps the direction of ``vector`` ``(3,)`` float64 to an axis.

    The identity if it is zero or lies along the axis, as :func:`pyskl.datasets.pipelines.normalize.turn`.
    """
    first, second = (onto + 1) % 3, (onto + 2) % 3
    along, a, b = (graph.take(vector, [axis]) for axis in (onto, first, second))
    norm = graph('Sqrt', graph('ReduceSum', graph('Mul', vector, vector), ints(0), keepdims=1))
    aside = graph('Add', graph('Abs', a), graph('Abs', b))
    cos = graph('Min', doubles(1), graph('Max', doubles(-1), graph('Div', along, norm)))
    still = graph('Or', graph('Less', aside, doubles(1e-6)), graph('Greater', cos, doubles(math.cos(1e-6))))
    u, v = graph('Div', b, norm), graph('Div', graph('Neg', a), norm)
    uu, vv, uv = (graph('Mul', x, y) for x, y in ((u, u), (v, v), (u, v)))
    factor = graph('Div', graph('Sub', doubles(1), cos), graph('Add', uu, vv))
    uu, vv, uv = (graph('Mul', factor, x) for x in (uu, vv, uv))
    entries = {
        (first, first): graph('Add', cos, uu), (first, second): uv, (first, onto): v,
        (second, first): uv, (second, second): graph('Add', cos, vv), (second, onto): graph('Neg', u),
        (onto, first): graph('Neg', v), (onto, second): u, (onto, onto): cos,
    }  # fmt: skip
    flat = graph('Concat', *(entries[row, column] for row in range(3) for column in range(3)), axis=0)
    return graph('Where', still, np.eye(3), graph('Reshape', flat, ints(3, 3)))


def align_persons(graph: Graph, clip: Clip, transform: AlignPersons) -> None:
    """Rotate each person upright by their first frame; optionally drop persons absent from the first frame."""
    clip.half = False
    keypoint = clip.keypoint
    present = graph('ReduceMax', graph('Abs', keypoint), ints(2, 3), keepdims=0)  # (M, T)
    seen = graph('ArgMax', graph.cast(graph.cast(present, BOOL), INT), axis=1, keepdims=1)  # (M, 1)
    if transform.erase_late:
        late = graph('Unsqueeze', graph('Greater', seen, ints(0)), ints(2, 3))
        keypoint = zero_where(graph, late, keypoint)
    pose = graph('GatherND', clip.keypoint, seen, batch_dims=1)  # (M, V, 3)
    (bottom, top), (left, right) = transform._skeleton.spine, transform._hips
    up, across = (
        graph.cast(graph('Sub', graph.take(pose, a, axis=1), graph.take(pose, b, axis=1)), DOUBLE)
        for a, b in ((top, bottom), (left, right))
    )
    tall, up = _unit(graph, up)
    along = graph('ReduceSum', graph('Mul', up, across), ints(1), keepdims=1)
    wide, across = _unit(graph, graph('Sub', across, graph('Mul', along, up)))
    ahead = _cross(graph, across, up) if transform.mirror else _cross(graph, up, across)
    rows = [graph('Unsqueeze', x, ints(2)) for x in (across, ahead, up)]
    columns = graph('Concat', *rows, axis=2)  # (M, 3, 3): the frame, transposed
    degenerate = graph('Not', graph('And', graph('Greater', tall, doubles(0)), graph('Greater', wide, doubles(1e-9))))
    columns = graph('Where', graph('Unsqueeze', degenerate, ints(2)), np.eye(3), columns)
    turned = graph('MatMul', graph('Reshape', keypoint, ints(0, -1, 3)), graph.cast(columns, FLOAT))
    clip.keypoint = graph('Reshape', turned, graph('Shape', keypoint))


def _unit(graph: Graph, x: str) -> tuple[str, str]:
    """Length ``(M, 1)`` and direction ``(M, 3)``."""
    length = graph('Sqrt', graph('ReduceSum', graph('Mul', x, x), ints(1), keepdims=1))
    return length, graph('Div', x, length)


def _cross(graph: Graph, a: str, b: str) -> str:
    """Vector product of ``(M, 3)`` and ``(M, 3)``."""
    first, second = (
        graph('Mul', graph.take(a, i, axis=1), graph.take(b, j, axis=1))
        for i, j in (((1, 2, 0), (2, 0, 1)), ((2, 0, 1), (1, 2, 0)))
    )
    return graph('Sub', first, second)


def fill_box(graph: Graph, clip: Clip, transform: object) -> None:
    """The range of each coordinate over the clip to [-1, 1]; frames without a person stay 0."""
    clip.half = False
    empty = graph('Unsqueeze', graph('Not', filled_frames(graph, clip.keypoint)), ints(2, 3))
    low, high = (
        graph(kind, graph('Where', empty, floats(far), clip.keypoint), ints(0, 1, 2), keepdims=0)
        for kind, far in (('ReduceMin', np.inf), ('ReduceMax', -np.inf))
    )
    size = graph('Sub', high, low)
    flat = graph('Equal', size, floats(0))
    share = graph('Div', graph('Sub', clip.keypoint, low), graph('Where', flat, floats(1), size))
    scaled = graph('Sub', graph('Mul', share, floats(2)), floats(1))
    clip.keypoint = zero_where(graph, graph('Or', empty, flat), scaled)
