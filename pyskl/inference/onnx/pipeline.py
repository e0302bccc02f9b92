"""A test pipeline as a graph, from ``(M, T, V, C)`` joints to the input of a network.

Axes: ``S`` clips, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pyskl.datasets.pipelines.alignment import AlignPersons
from pyskl.datasets.pipelines.ctrgcn_nwucla import FillBox, SampleSorted
from pyskl.datasets.pipelines.decompress import DecompressPose
from pyskl.datasets.pipelines.formatting import Collect, FormatGCNInput, FormatShape, PackActionInputs, ToTensor
from pyskl.datasets.pipelines.geometry2d import CenterCrop, PoseCompact, Resize
from pyskl.datasets.pipelines.heatmap import FormatHeatmapInput, GeneratePoseTarget
from pyskl.datasets.pipelines.normalize import PreNormalize2D, PreNormalize3D
from pyskl.datasets.pipelines.sampling import PadTo, PoseDecode, UniformSampleDecode, UniformSampleFrames
from pyskl.datasets.pipelines.stgcn_kinetics import PictureShare
from pyskl.datasets.pipelines.streams import GenSkeFeat, JointToBone, MergeSkeFeat, ToMotion
from pyskl.datasets.pipelines.temporal_resize import CropResize
from pyskl.inference.onnx import geometry2d, normalize
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import Graph, ints
from pyskl.inference.onnx.heatmap import pose_target
from pyskl.inference.onnx.sampling import even_frames, padding_frames, resized, uniform_clips
from pyskl.inference.onnx.streams import joint_to_bone, merge, streams, to_motion

WAY_OUT = 'export --network-only writes the network without its pipeline'


IN_IMAGE = (PictureShare, PoseCompact, Resize, CenterCrop, GeneratePoseTarget)


def needs_image_size(transforms: Sequence[Callable]) -> bool:
    """Whether the result of a pipeline depends on the size of the image that the joints, in pixels, are in."""
    return any(
        type(transform) in IN_IMAGE or (type(transform) is PreNormalize2D and transform.mode == 'fix')
        for transform in transforms
    )


def write_pipeline(graph: Graph, clip: Clip, transforms: Sequence[Callable]) -> str:
    """Write the transforms of a test pipeline.

    Args:
        graph: Receives the nodes.
        clip: The input; its fields follow the transforms.
        transforms: Of the pipeline, built.

    Returns:
        The input of the network, ``(1, S, M, T, V, C)``, or ``(1, S, K, T, H, W)`` of heatmaps.

    Raises:
        ValueError: If the graph cannot hold a transform; names it.
    """
    formatted = False
    for transform in transforms:
        write = WRITERS.get(type(transform))
        if write is None:
            raise ValueError(_refusal(transform, 'which the graph cannot hold'))
        write(graph, clip, transform)
        formatted = formatted or type(transform) in (FormatGCNInput, FormatShape)
    if not formatted:
        raise ValueError(f'the test pipeline has neither FormatGCNInput nor FormatShape; {WAY_OUT}')
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
    clip.num_clips, clip.length = sampler.num_clips, sampler.clip_len


def _sample_decode(graph: Graph, clip: Clip, sampler: UniformSampleDecode) -> None:
    _sample(graph, clip, sampler)
    _decode(graph, clip, sampler)


def _decode(graph: Graph, clip: Clip, transform: object) -> None:
    if clip.inds is not None:
        clip.other = {}
        clip.keypoint = graph('Gather', clip.keypoint, clip.inds, axis=1)
        clip.inds = None
    clip.half = False


def _sample_evenly(graph: Graph, clip: Clip, sampler: SampleSorted) -> None:
    inds = even_frames(graph, graph.size(clip.keypoint, 1), sampler.clip_len)
    clip.keypoint = graph('Gather', clip.keypoint, inds, axis=1)
    clip.half, clip.other = False, {}


def _resize(graph: Graph, clip: Clip, transform: CropResize) -> None:
    if len(transform.p_interval) > 1:
        raise ValueError(
            _refusal(transform, f'whose p_interval={transform.p_interval} takes a random part of the clip')
        )
    clip.keypoint = resized(graph, clip.keypoint, transform)
    clip.half, clip.other = False, {}


def _pad(graph: Graph, clip: Clip, transform: PadTo) -> None:
    clip.other = {}
    inds, own = padding_frames(graph, graph.size(clip.keypoint, 1), transform.length)
    clip.keypoint = graph('Gather', clip.keypoint, inds, axis=1)
    if transform.mode == 'zero':
        empty = graph('Unsqueeze', graph('Not', own), ints(1, 2))
        clip.keypoint = normalize.zero_where(graph, empty, clip.keypoint)
    clip.max_frames = min(clip.max_frames or transform.length, transform.length)


def _format(graph: Graph, clip: Clip, transform: FormatGCNInput) -> None:
    persons = np.arange(transform.num_person)
    absent = np.zeros(8, np.int64)
    absent[4] = transform.num_person  # pads after the last person
    padded = graph('Pad', clip.keypoint, absent)
    if transform.mode == 'loop':
        alone = graph('Equal', graph.size(clip.keypoint, 0), ints(1))
        persons = graph('Where', alone, np.zeros_like(persons), persons)
    chosen = graph('Gather', padded, persons, axis=0)
    shape = ints(transform.num_person, clip.num_clips, -1, clip.joints, clip.channels)
    clip.keypoint = graph('Transpose', graph('Reshape', chosen, shape), perm=[1, 0, 2, 3, 4])


def _merge(graph: Graph, clip: Clip, transform: MergeSkeFeat) -> None:
    if transform.axis not in (-1, 3) and len(transform.feat_list) > 1:
        raise ValueError(_refusal(transform, f'whose axis={transform.axis} is not that of the channels'))
    _check_arrays(clip, transform, transform.feat_list)
    merge(graph, clip, transform)


def _motion(graph: Graph, clip: Clip, transform: ToMotion) -> None:
    _check_arrays(clip, transform, [transform.source])
    to_motion(graph, clip, transform)


def _check_arrays(clip: Clip, transform: object, names: Sequence[str]) -> None:
    for name in names:
        if name not in ('keypoint', *clip.other):
            raise ValueError(_refusal(transform, f'which reads {name!r}, an array that the graph does not have there'))


def _heatmaps(graph: Graph, clip: Clip, transform: GeneratePoseTarget) -> None:
    try:
        pose_target(graph, clip, transform)
    except ValueError as error:
        raise ValueError(_refusal(transform, str(error))) from None


def _format_heatmaps(graph: Graph, clip: Clip, transform: FormatShape) -> None:
    shape = graph('Shape', clip.keypoint, start=1)  # (3,): K, H, W
    length = ints(-1) if clip.length is None else ints(clip.length)
    views = ints(1) if clip.length is None else ints(-1)
    volume = graph('Reshape', clip.keypoint, graph('Concat', views, length, shape, axis=0))
    clip.keypoint = graph('Transpose', volume, perm=[0, 2, 1, 3, 4])


def _on_device(graph: Graph, clip: Clip, transform: FormatHeatmapInput) -> None:
    raise ValueError(_refusal(transform, "of heatmap_on='device'; set heatmap_on='worker' to export heatmaps"))


def _nothing(graph: Graph, clip: Clip, transform: object) -> None:
    pass


WRITERS = {
    PreNormalize2D: normalize.prenormalize_2d,
    PreNormalize3D: normalize.prenormalize_3d,
    AlignPersons: normalize.align_persons,
    FillBox: normalize.fill_box,
    PictureShare: normalize.image_share,
    GenSkeFeat: _streams,
    JointToBone: joint_to_bone,
    ToMotion: _motion,
    MergeSkeFeat: _merge,
    DecompressPose: _nothing,  # a clip that is (M, T, V, C) is not changed
    PoseCompact: geometry2d.pose_compact,
    Resize: geometry2d.resize,
    CenterCrop: geometry2d.center_crop,
    GeneratePoseTarget: _heatmaps,
    FormatShape: _format_heatmaps,
    FormatHeatmapInput: _on_device,
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
