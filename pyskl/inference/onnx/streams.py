"""Joints, bones and motion as a graph, of one transform or of several.

Axes: ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels.
"""

import numpy as np

from pyskl.datasets.pipelines.streams import GenSkeFeat, JointToBone, MergeSkeFeat, ToMotion
from pyskl.inference.onnx.clip import Array, Clip, rounded
from pyskl.inference.onnx.graph import Graph, Value, floats, ints

END = np.iinfo(np.int64).max
BEHIND = np.eye(8, dtype=np.int64)[5]  # pads of (M, T, V, C): one frame after the last


def streams(graph: Graph, clip: Clip, transform: GenSkeFeat) -> None:
    """The streams that ``transform`` computes, joined along the channels."""
    joints, half = clip.keypoint, clip.half
    clip.split = False
    found, clip.stream = {'j': joints}, '+'.join(transform.feats)
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


def joint_to_bone(graph: Graph, clip: Clip, transform: JointToBone) -> None:
    """Bones of the joints; a separate score array remains that of the joint."""
    joints = _get(graph, clip, 'keypoint')
    parents = graph.take(joints.x, transform._skeleton.bone_parents, axis=2)
    found = rounded(graph, difference(graph, joints.x, parents, _scored(transform, joints)), joints.half)
    _put(graph, clip, transform.target, Array(found, joints.channels, False, 'b' + joints.stream[1:]))


def to_motion(graph: Graph, clip: Clip, transform: ToMotion) -> None:
    """Motion of an array."""
    source = _get(graph, clip, transform.source)
    mean = transform.motion_score == 'mean' and _scored(transform, source)
    found = rounded(graph, motion(graph, source.x, mean), source.half)
    _put(graph, clip, transform.target, source._replace(x=found, stream=source.stream + 'm'))


def merge(graph: Graph, clip: Clip, transform: MergeSkeFeat) -> None:
    """Arrays joined along the channels."""
    arrays = [_get(graph, clip, name) for name in transform.feat_list]
    joined = arrays[0].x if len(arrays) == 1 else graph('Concat', *(array.x for array in arrays), axis=3)
    channels, half = sum(array.channels for array in arrays), all(array.half for array in arrays)
    _put(graph, clip, transform.target, Array(joined, channels, half, '+'.join(array.stream for array in arrays)))


def _get(graph: Graph, clip: Clip, name: str) -> Array:
    """An array of the sample; the joints without a separate score array."""
    if name != 'keypoint':
        return clip.other[name]
    if not (clip.split and clip.has_score):
        return Array(clip.keypoint, clip.channels, clip.half, clip.stream)
    channels = clip.channels - 1
    return Array(graph.take(clip.keypoint, range(channels), axis=3), channels, clip.half, clip.stream)


def _put(graph: Graph, clip: Clip, name: str, array: Array) -> None:
    if name != 'keypoint':
        clip.other[name] = array
        return
    clip.half, clip.stream = array.half, array.stream
    if clip.split and clip.has_score:
        score = graph.take(clip.keypoint, (clip.channels - 1,), axis=3)
        clip.keypoint, clip.channels = graph('Concat', array.x, score, axis=3), array.channels + 1
    else:
        clip.keypoint, clip.channels = array.x, array.channels
        clip.has_score = clip.has_score and array.channels == 3


def _scored(transform: JointToBone | ToMotion, array: Array) -> bool:
    return transform._skeleton.dims == 2 and array.channels == 3


def motion(graph: Graph, x: str, has_score: bool) -> str:
    """``x[t + 1] - x[t]``, last frame 0."""
    later, earlier = graph.slice(x, ints(1), ints(END), 1), graph.slice(x, ints(0), ints(-1), 1)
    return graph('Pad', difference(graph, later, earlier, has_score), BEHIND)


def difference(graph: Graph, a: Value, b: Value, has_score: bool) -> str:
    """``a - b``; the mean of the scores."""
    if not has_score:
        return graph('Sub', a, b)
    return graph('Add', graph('Mul', a, floats(1, 1, 0.5)), graph('Mul', b, floats(-1, -1, 0.5)))
