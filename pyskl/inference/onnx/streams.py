"""Joints, bones and motion as a graph. Axes: ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels."""

import numpy as np

from pyskl.datasets.pipelines.streams import GenSkeFeat
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import Graph, Value, floats, ints

END = np.iinfo(np.int64).max
BEHIND = np.eye(8, dtype=np.int64)[5]  # pads of (M, T, V, C): one frame behind the last


def streams(graph: Graph, clip: Clip, transform: GenSkeFeat) -> None:
    """The streams that ``transform`` computes, joined along the channels."""
    joints, half = clip.keypoint, clip.half
    found = {'j': joints}
    mean = clip.has_score and transform.motion_score == 'mean'
    if {'b', 'bm'} & set(transform.feats):
        parents = graph.take(joints, transform._skeleton.bone_parents, axis=2)
        found['b'] = clip.rounded(graph, difference(graph, joints, parents, clip.has_score))
    if 'jm' in transform.feats:
        found['jm'] = clip.rounded(graph, motion(graph, joints, mean))
    if 'bm' in transform.feats:  # bones are float32 also of float16 records
        found['bm'] = motion(graph, found['b'], mean)
    clip.half = half and set(transform.feats) <= {'j', 'jm'}
    chosen = [found[name] for name in transform.feats]
    clip.keypoint = chosen[0] if len(chosen) == 1 else graph('Concat', *chosen, axis=3)
    if len(chosen) > 1:
        clip.channels, clip.has_score = clip.channels * len(chosen), False


def motion(graph: Graph, x: str, has_score: bool) -> str:
    """``x[t + 1] - x[t]``, last frame 0."""
    later, earlier = graph.slice(x, ints(1), ints(END), 1), graph.slice(x, ints(0), ints(-1), 1)
    return graph('Pad', difference(graph, later, earlier, has_score), BEHIND)


def difference(graph: Graph, a: Value, b: Value, has_score: bool) -> str:
    """``a - b``; the mean of the scores."""
    if not has_score:
        return graph('Sub', a, b)
    return graph('Add', graph('Mul', a, floats(1, 1, 0.5)), graph('Mul', b, floats(-1, -1, 0.5)))
