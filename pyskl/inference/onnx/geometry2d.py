"""Crop and resize the image that joints are in, in the graph.

Each function repeats a transform of :mod:`pyskl.datasets.pipelines.geometry2d`, in the same order and types of numbers.

Axes: ``M`` persons, ``T`` frames, ``V`` joints.
"""

import math

import numpy as np

from pyskl.datasets.pipelines.geometry2d import CenterCrop, PoseCompact, Resize
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import DOUBLE, FLOAT, INT, Graph, Value, doubles, floats, ints
from pyskl.inference.onnx.normalize import joined, parts


def sides(graph: Graph, clip: Clip) -> tuple[Value, Value]:
    """Return height and width of the image, ``(1,)`` int64 each."""
    if isinstance(clip.img_shape, np.ndarray):
        return clip.img_shape[:1], clip.img_shape[1:]
    return graph.take(clip.img_shape, [0]), graph.take(clip.img_shape, [1])


def pose_compact(graph: Graph, clip: Clip, transform: PoseCompact) -> None:
    """Crop the image to the box of all joints that are not 0; a missing or small box changes nothing."""
    place, score = parts(graph, clip)
    if clip.wide:
        place, clip.wide = graph.cast(place, FLOAT), False
    place = graph('Where', graph('IsNaN', place), floats(0), place)
    seen = graph('Not', graph('Equal', place, floats(0)))
    low, high = (
        graph(kind, graph('Where', seen, place, floats(far)), ints(0, 1, 2), keepdims=0)
        for kind, far in (('ReduceMin', np.inf), ('ReduceMax', -np.inf))
    )  # (2,), x and y
    size = graph('Sub', high, low)  # -inf without a joint
    wide = graph('GreaterOrEqual', graph('ReduceMin', size, ints(0), keepdims=1), floats(transform.threshold))
    center = graph('Div', graph('Add', high, low), floats(2))
    half = graph('Mul', graph('Div', size, floats(2)), floats(1 + transform.padding))
    half = _within_ratio(graph, half, transform.hw_ratio)
    low, high = graph('Sub', center, half), graph('Add', center, half)
    height, width = sides(graph, clip)
    if not transform.allow_imgpad:
        whole = graph.cast(graph('Concat', width, height, axis=0), FLOAT)
        low, high = graph('Max', low, floats(0)), graph('Min', high, whole)
    start, end = (graph.cast(graph('Where', wide, x, floats(0)), INT) for x in (low, high))  # towards zero
    moved = graph('Sub', place, graph.cast(start, FLOAT))
    clip.keypoint = joined(graph, graph('Where', seen, moved, place), score)
    cropped = graph.take(graph('Sub', end, start), (1, 0))
    clip.img_shape = graph('Where', wide, cropped, graph('Concat', height, width, axis=0))


def _within_ratio(graph: Graph, half: str, hw_ratio: tuple[float, float] | None) -> str:
    """Enlarge half of width and height ``(2,)`` to a height / width between two numbers."""
    if hw_ratio is None:
        return half
    width, height = graph.take(half, [0]), graph.take(half, [1])
    height = graph('Max', graph('Mul', width, floats(hw_ratio[0])), height)
    width = graph('Max', graph('Mul', height, floats(1 / hw_ratio[1])), width)
    return graph('Concat', width, height, axis=0)


def resize(graph: Graph, clip: Clip, transform: Resize) -> None:
    """Resize the image."""
    place, score = parts(graph, clip)
    height, width = sides(graph, clip)
    if transform.keep_ratio:
        new = _rescaled(graph, graph('Concat', height, width, axis=0), transform.scale)
    else:
        new = ints(int(transform.scale[1]), int(transform.scale[0]))
    clip.img_shape = new
    tall, broad = sides(graph, clip)
    factor = graph(
        'Concat',
        *(graph('Div', graph.cast(a, DOUBLE), graph.cast(b, DOUBLE)) for a, b in ((broad, width), (tall, height))),
        axis=0,
    )
    factor = graph.cast(factor, FLOAT)
    place = graph('Mul', place, graph.cast(factor, DOUBLE) if clip.wide else factor)
    clip.keypoint = joined(graph, place, score)


def _rescaled(graph: Graph, size: str, scale: float | tuple[float, float]) -> str:
    """Return (height, width) ``(2,)`` int64 of an image ``size`` ``(2,)`` resized with its aspect ratio unchanged."""
    size = graph.cast(size, DOUBLE)
    if isinstance(scale, tuple):
        shares = [
            graph('Div', doubles(limit), graph(kind, size, ints(0), keepdims=1))
            for kind, limit in (('ReduceMax', max(scale)), ('ReduceMin', min(scale)))
            if limit != math.inf
        ]
        factor = shares[0] if len(shares) == 1 else graph('Min', *shares)
    else:
        factor = doubles(scale)
    return graph.cast(graph('Add', graph('Mul', size, factor), doubles(0.5)), INT)


def center_crop(graph: Graph, clip: Clip, transform: CenterCrop) -> None:
    """Crop the centre of the image; joints are float64 from here on."""
    place, score = parts(graph, clip)
    crop_width, crop_height = transform.crop_size
    height, width = sides(graph, clip)
    start = graph(
        'Concat',
        *(graph('Div', graph('Sub', a, ints(b)), ints(2)) for a, b in ((width, crop_width), (height, crop_height))),
        axis=0,
    )
    place = graph('Sub', graph.cast(place, DOUBLE), graph.cast(start, DOUBLE))
    score = None if score is None else graph.cast(score, DOUBLE)
    clip.wide, clip.img_shape = True, ints(crop_height, crop_width)
    clip.keypoint = joined(graph, place, score)
