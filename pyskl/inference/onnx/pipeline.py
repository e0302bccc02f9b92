"""A test pipeline as a graph, from ``(M, T, V, C)`` joints to the input of a graph network.

Axes: ``S`` clips, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pyskl.datasets.pipelines.alignment import AlignPersons
from pyskl.datasets.pipelines.ctrgcn_nwucla import FillBox, SampleSorted
from pyskl.datasets.pipelines.formatting import Collect, FormatGCNInput, PackActionInputs, ToTensor
from pyskl.datasets.pipelines.normalize import PreNormalize2D, PreNormalize3D
from pyskl.datasets.pipelines.sampling import PadTo, PoseDecode, UniformSampleDecode, UniformSampleFrames
from pyskl.datasets.pipelines.stgcn_kinetics import PictureShare
from pyskl.datasets.pipelines.streams import GenSkeFeat
from pyskl.datasets.pipelines.temporal_resize import CropResize
from pyskl.inference.onnx import normalize
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import Graph, ints
from pyskl.inference.onnx.sampling import even_frames, padding_frames, resized, uniform_clips
from pyskl.inference.onnx.streams import streams

WAY_OUT = 'export --network-only writes the network without its pipeline'


def needs_image_size(transforms: Sequence[Callable]) -> bool:
    """Whether joints are pixels that a pipeline divides by the size of the image."""
    return any(
        type(transform) is PictureShare or (type(transform) is PreNormalize2D and transform.mode == 'fix')
        for transform in transforms
    )


def write_pipeline(graph: Graph, clip: Clip, transforms: Sequence[Callable]) -> str:
    """Write the transforms of a test pipeline.

    Args:
        graph: Receives the nodes.
        clip: The input; its fields follow the transforms.
        transforms: Of the pipeline, built.

    Returns:
        The input of the network, ``(1, S, M, T, V, C)``.

    Raises:
        ValueError: If the graph cannot hold a transform; names it.
    """
    formatted = False
    for transform in transforms:
        write = WRITERS.get(type(transform))
        if write is None:
            raise ValueError(_refusal(transform, 'which the graph cannot hold'))
        write(graph, clip, transform)
        formatted = formatted or type(transform) is FormatGCNInput
    if not formatted:
        raise ValueError(f'the test pipeline has no FormatGCNInput, so it feeds no graph network; {WAY_OUT}')
    return graph('Unsqueeze', clip.keypoint, ints(0))


def _refusal(transform: object, why: str) -> str:
    return f'the test pipeline holds {type(transform).__name__}, {why}; {WAY_OUT}'


def _streams(graph: Graph, clip: Clip, transform: GenSkeFeat) -> None:
    if transform.axis not in (-1, 3) and len(transform.feats) > 1:
        raise ValueError(_refusal(transform, f'whose axis={transform.axis} is not that of the channels'))
    streams(graph, clip, transform)


def _sample(graph: Graph, clip: Clip, sampler: UniformSampleFrames | UniformSampleDecode) -> None:
    if sampler.p_interval not in ((1, 1), (1.0, 1.0)):
        what = f'whose p_interval={sampler.p_interval} takes a random part of the clip'
        raise ValueError(_refusal(sampler, what))
    clip.inds = uniform_clips(graph, graph.size(clip.keypoint, 1), sampler)
    clip.num_clips = sampler.num_clips


def _sample_decode(graph: Graph, clip: Clip, sampler: UniformSampleDecode) -> None:
    _sample(graph, clip, sampler)
    _decode(graph, clip, sampler)


def _decode(graph: Graph, clip: Clip, transform: object) -> None:
    if clip.inds is not None:
        clip.keypoint = graph('Gather', clip.keypoint, clip.inds, axis=1)
        clip.inds = None
    clip.half = False


def _sample_evenly(graph: Graph, clip: Clip, sampler: SampleSorted) -> None:
    inds = even_frames(graph, graph.size(clip.keypoint, 1), sampler.clip_len)
    clip.keypoint = graph('Gather', clip.keypoint, inds, axis=1)
    clip.half = False


def _resize(graph: Graph, clip: Clip, transform: CropResize) -> None:
    if len(transform.p_interval) > 1:
        raise ValueError(
            _refusal(transform, f'whose p_interval={transform.p_interval} takes a random part of the clip')
        )
    clip.keypoint = resized(graph, clip.keypoint, transform)
    clip.half = False


def _pad(graph: Graph, clip: Clip, transform: PadTo) -> None:
    inds, own = padding_frames(graph, graph.size(clip.keypoint, 1), transform.length)
    clip.keypoint = graph('Gather', clip.keypoint, inds, axis=1)
    if transform.mode == 'zero':
        empty = graph('Unsqueeze', graph('Not', own), ints(1, 2))
        clip.keypoint = normalize.zero_where(graph, empty, clip.keypoint)
    clip.max_frames = min(clip.max_frames or transform.length, transform.length)


def _format(graph: Graph, clip: Clip, transform: FormatGCNInput) -> None:
    persons = np.arange(transform.num_person)
    absent = np.zeros(8, np.int64)
    absent[4] = transform.num_person  # pads behind the last person
    padded = graph('Pad', clip.keypoint, absent)
    if transform.mode == 'loop':
        alone = graph('Equal', graph.size(clip.keypoint, 0), ints(1))
        persons = graph('Where', alone, np.zeros_like(persons), persons)
    chosen = graph('Gather', padded, persons, axis=0)
    shape = ints(transform.num_person, clip.num_clips, -1, clip.joints, clip.channels)
    clip.keypoint = graph('Transpose', graph('Reshape', chosen, shape), perm=[1, 0, 2, 3, 4])


def _nothing(graph: Graph, clip: Clip, transform: object) -> None:
    pass


WRITERS = {
    PreNormalize2D: normalize.prenormalize_2d,
    PreNormalize3D: normalize.prenormalize_3d,
    AlignPersons: normalize.align_persons,
    FillBox: normalize.fill_box,
    PictureShare: normalize.image_share,
    GenSkeFeat: _streams,
    UniformSampleFrames: _sample,
    UniformSampleDecode: _sample_decode,
    PoseDecode: _decode,
    SampleSorted: _sample_evenly,
    CropResize: _resize,
    PadTo: _pad,
    FormatGCNInput: _format,
    Collect: _nothing,
    ToTensor: _nothing,
    PackActionInputs: _nothing,
}
