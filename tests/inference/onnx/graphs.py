"""Run the graph of a test pipeline in onnxruntime and compare it with the pipeline."""

from typing import NamedTuple

import numpy as np
from onnx import helper
from onnxruntime import InferenceSession

from pyskl.datasets.pipelines.base import Compose
from pyskl.inference.onnx.clip import Clip
from pyskl.inference.onnx.graph import FLOAT, INT, Graph
from pyskl.inference.onnx.pipeline import needs_image_size, write_pipeline
from pyskl.skeletons import get_skeleton

SIZE = 480, 853  # (height, width)
OPSET = 20


def session(graph, inputs, result, dtype=FLOAT, axes=1):
    """A function that runs ``graph``: arrays by name -> the array ``result``. ``inputs``: name -> (type, shape)."""
    inputs_info = [helper.make_tensor_value_info(name, *about) for name, about in inputs.items()]
    outputs = [helper.make_tensor_value_info(graph('Identity', result), dtype, (None,) * axes)]
    whole = helper.make_graph(graph.nodes, 'test', inputs_info, outputs, graph.tensors)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=10)
    runtime = InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return lambda **arrays: runtime.run(None, arrays)[0]


class Both(NamedTuple):
    """A pipeline and the graph that computes the same."""

    pipeline: Compose
    graph: object
    layout: str
    channels: int
    half: bool
    size: bool

    def apart(self, frames, persons=1, holes=False, seed=0, **extra):
        """The largest difference on a random record with these numbers of frames and persons."""
        record = {**self.record(frames, persons, holes, seed), **extra}
        arrays = {'keypoint': record['keypoint'].astype(np.float32)}
        if 'keypoint_score' in record:
            score = record['keypoint_score'].astype(np.float32)
            arrays['keypoint'] = np.concatenate([arrays['keypoint'], score[..., None]], -1)
        if self.size:
            arrays['img_shape'] = np.array(SIZE)
        results = self.pipeline(record)
        expected = results['imgs' if 'imgs' in results else 'keypoint'].numpy()[None]
        actual = self.graph(**arrays)
        assert actual.shape == expected.shape
        assert np.isfinite(expected).all() and np.isfinite(actual).all()
        return abs(actual - expected).max()

    def record(self, frames, persons, holes, seed):
        """Joints anywhere in the image or in 2 m; with ``holes`` joints, frames and persons are missing."""
        random, skeleton = np.random.default_rng(seed), get_skeleton(self.layout)
        shape = persons, frames, skeleton.num_joints
        far = np.array(SIZE[::-1] if skeleton.dims == 2 else (2, 2, 2))
        keypoint = random.random((*shape, skeleton.dims)) * far
        if holes:
            keypoint[0, ::3] = 0
            keypoint[-1, 1:5] = 0
            keypoint[random.random(shape) < 0.05] = 0
        kind = np.float16 if self.half else np.float32
        record = {'keypoint': keypoint.astype(kind), 'total_frames': frames, 'test_mode': True, 'label': 0}
        if self.channels > skeleton.dims:
            score = random.random(shape) * (random.random(shape) > 0.2)
            record['keypoint_score'] = score.astype(kind)
        return {**record, 'img_shape': SIZE}


def both(steps, layout='coco', channels=3, half=False):
    """A pipeline and its graph."""
    pipeline, skeleton = Compose(steps), get_skeleton(layout)
    size = needs_image_size(pipeline.transforms)
    inputs = {'keypoint': (FLOAT, ('M', 'T', skeleton.num_joints, channels))}
    if size:
        inputs['img_shape'] = (INT, (2,))
    graph = Graph()
    scored = skeleton.dims == 2 and channels == 3
    clip = Clip('keypoint', 'img_shape' if size else None, skeleton.num_joints, channels, scored, half)
    result = write_pipeline(graph, clip, pipeline.transforms)
    return Both(pipeline, session(graph, inputs, result, axes=6), layout, channels, half, size)


def ending(num_person=2, mode='zero'):
    """The last transforms of a pipeline."""
    return [
        {'type': 'FormatGCNInput', 'num_person': num_person, 'mode': mode},
        {'type': 'Collect', 'keys': ['keypoint', 'label'], 'meta_keys': []},
        {'type': 'ToTensor', 'keys': ['keypoint']},
    ]
