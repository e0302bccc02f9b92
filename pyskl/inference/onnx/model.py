"""Convert a network to an ONNX model, alone or with its test pipeline, with metadata for the caller.

Axes: ``N`` samples, ``S`` clips, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` channels, ``K`` classes.
"""

import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from onnx import GraphProto, ModelProto, helper
from torch import nn

from pyskl.datasets.pipelines.heatmap import GeneratePoseTarget
from pyskl.datasets.pipelines.normalize import PreNormalize2D
from pyskl.datasets.pipelines.streams import GenSkeFeat, MergeSkeFeat
from pyskl.engine.build import inference_dataset
from pyskl.engine.flops import clip_shape
from pyskl.inference.network import ActionNetwork
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import FLOAT, INT, Graph, ints
from pyskl.inference.onnx.pipeline import WAY_OUT, needs_image_size, write_pipeline

IMAGE = (480, 854)  # of the random clips that models are compared on


class _OneMode(nn.Module):
    """A recognizer whose argument is positional and whose mode is fixed."""

    def __init__(self, model: nn.Module, key: str, mode: str) -> None:
        super().__init__()
        self.model, self.key, self.mode = model, key, mode

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """``(N, S, ...)`` -> scores or logits."""
        return self.model(**{self.key: clips}, mode=self.mode)


def trace_network(
    model: nn.Module, key: str, mode: str, clips: torch.Tensor, names: tuple[str, str], any_number: bool
) -> ModelProto:
    """Convert the network to an ONNX model.

    Args:
        model: A recognizer in evaluation mode.
        key: Its argument: ``keypoint`` or ``imgs``.
        mode: ``predict`` or ``tensor``.
        clips: An input ``(N, S, ...)``.
        names: Of input and output.
        any_number: Whether N is free; otherwise it is that of ``clips``.

    Raises:
        ValueError: If torch.onnx does not know an operation of the network.
    """
    shapes = ({0: torch.export.Dim('n', min=1)},) if any_number else None
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # messages of torch.onnx on its own internals
        logging.getLogger('torch.onnx._internal.exporter._registration').setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                _OneMode(model, key, mode).eval(), (clips,), input_names=[names[0]], output_names=[names[1]],
                dynamic_shapes=shapes, dynamo=True, verbose=False,
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise ValueError(
                f'torch.onnx cannot export {type(model.backbone).__name__}: {_first_cause(error)}'
            ) from None
    found = program.model_proto
    _forget_sources(found.graph)
    return found


def _first_cause(error: BaseException) -> str:
    """The first line of the original error in a chain."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).split('\n')[0]


def _forget_sources(graph: GraphProto) -> None:
    """Remove the stack traces, which contain local paths, that torch.onnx adds to each node."""
    for part in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output, graph):
        del part.metadata_props[:]
        part.doc_string = ''


@dataclass(frozen=True)
class WholeModel:
    """An ONNX model from a clip to its scores.

    Args:
        proto: Inputs ``keypoint`` ``(M, T, V, C)`` float32 and, if joints are divided by it, ``img_shape`` ``(2,)``
            int64; output ``scores``.
        frames: Numbers of frames at which its sampler takes different branches.
        channels: C.
        key: Argument of the network: ``keypoint`` or ``imgs``.
    """

    proto: ModelProto
    frames: tuple[int, ...]
    channels: int
    key: str = 'keypoint'


def whole_model(network: ActionNetwork, cfg, mode: str = 'predict', half: bool = False) -> WholeModel:
    """Convert a network with its test pipeline.

    Args:
        network: On the CPU.
        cfg: The config that it was built from.
        mode: ``predict``: scores ``(K,)``, as of a test; ``tensor``: logits ``(S, K)``.
        half: Whether clips are records of float16 arrays, so that the arithmetic before sampling rounds to float16.

    Raises:
        ValueError: If the graph cannot hold a transform, or the config asks for features or shifts frames.
    """
    if getattr(network.model, 'feat_ext', False):
        raise ValueError(f'model.test_cfg.feat_ext asks for features in place of scores; {WAY_OUT}')
    if (inference_dataset(cfg) or {}).get('start_index'):
        raise ValueError(f'data.test.start_index shifts the frames that are sampled; {WAY_OUT}')
    transforms, skeleton = network.pipeline.transforms, network.skeleton
    shape = clip_shape(cfg)
    key = getattr(network.model, 'input_key', 'keypoint')
    channels = _input_channels(network, shape[-1], key)
    image = needs_image_size(transforms)
    graph = Graph()
    scored = skeleton.dims == 2 and channels == 3
    clip = Clip('keypoint', 'img_shape' if image else None, skeleton.num_joints, channels, scored, half)
    clip.keypoint = clip.rounded(graph, clip.keypoint)
    graph.rename(write_pipeline(graph, clip, transforms), 'clips')

    if key == 'keypoint' and clip.channels != shape[-1]:
        raise ValueError(
            f'the test pipeline gives {clip.channels} channels ({clip.stream}), but the network takes {shape[-1]}'
        )
    clips = torch.rand(1, clip.views, *shape)
    traced = trace_network(network.model, key, mode, clips, ('clips', 'rows'), any_number=False)
    inputs = [helper.make_tensor_value_info('keypoint', FLOAT, ('M', 'T', skeleton.num_joints, channels))]
    if image:
        inputs.append(helper.make_tensor_value_info('img_shape', INT, (2,)))
    rows = [axis.dim_value for axis in traced.graph.output[0].type.tensor_type.shape.dim]
    behind = Graph(graph)
    behind.rename(behind('Squeeze', 'rows', ints(0)) if mode == 'predict' else behind('Identity', 'rows'), 'scores')
    output = helper.make_tensor_value_info('scores', FLOAT, rows[1:] if mode == 'predict' else rows)
    whole = helper.make_graph(
        [*graph.nodes, *traced.graph.node, *behind.nodes], 'pyskl', inputs, [output],
        [*graph.tensors, *traced.graph.initializer], value_info=traced.graph.value_info,
    )  # fmt: skip
    proto = helper.make_model(whole, opset_imports=traced.opset_import, ir_version=traced.ir_version)
    proto.producer_name = 'pyskl'
    helper.set_model_props(proto, _metadata(network, cfg, clip, channels, mode, half))
    length = shape[1]
    frames = tuple(min(n, clip.max_frames or n) for n in (length // 2 + 1, length + length // 2, 3 * length))
    return WholeModel(proto, frames, channels, key)


def _input_channels(network: ActionNetwork, channels: int, key: str) -> int:
    """Channels of the joints before a pipeline that ends in ``channels``."""
    transforms, skeleton = network.pipeline.transforms, network.skeleton
    feats = next((t.feats for t in transforms if type(t) is GenSkeFeat), None)
    if key == 'imgs' or (feats is None and any(type(t) is MergeSkeFeat for t in transforms)):
        return 3 if network.scored or key == 'imgs' else skeleton.dims
    return channels // len(feats or ('j',))


def _metadata(network: ActionNetwork, cfg, clip: Clip, channels: int, mode: str, half: bool) -> dict[str, str]:
    """Metadata for the caller, as texts; lists as JSON."""
    skeleton = network.skeleton
    plane = 'shares of the image' if network.shares else 'pixels'
    axes = ['x', 'y', 'score'] if skeleton.dims == 2 else ['x', 'y', 'z']
    how = getattr(network.model, 'average_clips', 'prob')
    known = {
        'classes': json.dumps(network.classes, ensure_ascii=False),
        'layout': skeleton.name,
        'joints': json.dumps(list(skeleton.joints)),
        'channels': json.dumps(axes[:channels]),
        'unit': plane if skeleton.dims == 2 else 'metres',
        'fps': f'{network.fps:g}',
        'window': f'{network.window:g}',
        'streams': clip.stream,
        'num_clips': str(clip.num_clips),
        'scores': 'logits' if mode == 'tensor' or how != 'prob' else 'probabilities',
        'backbone': str(cfg.model.backbone.type),
    }
    if not any(type(t) is GeneratePoseTarget for t in network.pipeline.transforms):
        known['num_person'] = str(network.num_person)
    assumed = next((t.img_shape for t in network.pipeline.transforms if type(t) is PreNormalize2D), None)
    if isinstance(clip.img_shape, str) and assumed:  # of clips without an image size
        known['img_shape'] = json.dumps([int(side) for side in assumed])
    if half:
        known['rounding'] = 'float16'
    if clip.max_frames:
        known['max_frames'] = str(clip.max_frames)
    return known


def random_record(whole: WholeModel, network: ActionNetwork, frames: int, persons: int, half: bool, seed: int) -> dict:
    """A record of joints at random positions in the image (or within 2 m)."""
    random, skeleton = np.random.default_rng(seed), network.skeleton
    shape = persons, frames, skeleton.num_joints
    kind = np.float16 if half else np.float32
    record = {
        'total_frames': frames, 'test_mode': True, 'label': 0, 'frame_dir': 'random', 'img_shape': IMAGE,
        'start_index': 0, 'modality': 'Pose',
    }  # fmt: skip
    scale = (1, 1) if network.shares else IMAGE[::-1]
    far = np.array(scale if skeleton.dims == 2 else (2, 2, 2))
    record['keypoint'] = (random.random((*shape, skeleton.dims)) * far).astype(kind)
    if whole.channels > skeleton.dims:
        record['keypoint_score'] = random.random(shape).astype(kind)
    return record


def compare(whole: WholeModel, network: ActionNetwork, mode: str, half: bool, run: Callable) -> float:
    """The largest difference between ``run`` and the pipeline with the network, as a share of the largest score.

    Args:
        whole: The model.
        network: The network that it was made from.
        mode: As of :func:`whole_model`.
        half: As of :func:`whole_model`.
        run: From the inputs, a dict of arrays, to the scores.
    """
    apart = 0.0
    for seed, frames in enumerate(whole.frames):
        record = random_record(whole, network, frames, 1 + seed % 2 * network.num_person, half, seed)
        inputs = {'keypoint': record['keypoint'].astype(np.float32)}
        if 'keypoint_score' in record:
            score = record['keypoint_score'].astype(np.float32)[..., None]
            inputs['keypoint'] = np.concatenate([inputs['keypoint'], score], axis=-1)
        if len(whole.proto.graph.input) > 1:
            inputs['img_shape'] = np.array(IMAGE)
        clips = torch.as_tensor(network.pipeline(record)[whole.key])[None]
        with torch.inference_mode():
            expected = network.model(**{whole.key: clips}, mode=mode).numpy()
        expected = expected[0] if mode == 'predict' else expected
        apart = max(apart, float(abs(run(inputs) - expected).max() / abs(expected).max()))
    return apart
