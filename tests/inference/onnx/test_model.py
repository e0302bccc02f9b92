"""A network with its test pipeline in one graph: scores, metadata and errors."""

import json

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from onnxruntime import InferenceSession  # noqa: E402

from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.onnx.model import compare, whole_model  # noqa: E402


def config(**more):
    """ST-GCN of two blocks on bones of NTU RGB+D."""
    pipeline = [
        {'type': 'PreNormalize3D'},
        {'type': 'GenSkeFeat', 'dataset': 'nturgb+d', 'feats': ['b']},
        {'type': 'UniformSample', 'clip_len': 12, 'num_clips': 2},
        {'type': 'PoseDecode'},
        {'type': 'FormatGCNInput'},
        {'type': 'Collect', 'keys': ['keypoint', 'label'], 'meta_keys': []},
        {'type': 'ToTensor', 'keys': ['keypoint']},
    ]
    graph = {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'}
    backbone = {'type': 'STGCN', 'graph_cfg': graph, 'base_channels': 4, 'num_stages': 2, 'down_stages': [2]}
    head = {'type': 'GCNHead', 'num_classes': 3, 'in_channels': 4}
    model = {'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head, **more.pop('model', {})}
    return Config({'model': model, 'test_pipeline': pipeline, 'fps': 25, 'classes': ['sit', 'stand', 'fall'], **more})


@pytest.fixture(scope='module')
def exported():
    cfg = config()
    network, _ = load_network(cfg, None, clips=None)
    return network, whole_model(network, cfg, mode='tensor')


def test_logits_of_each_clip_equal_those_of_pipeline_and_network(exported):
    network, whole = exported
    session = InferenceSession(whole.proto.SerializeToString(), providers=['CPUExecutionProvider'])
    assert whole.frames == (7, 18, 36)  # shorter than a clip, shorter than two clips, longer
    assert compare(whole, network, 'tensor', False, lambda inputs: session.run(None, inputs)[0]) < 1e-5
    assert session.run(None, {'keypoint': np.ones((1, 5, 25, 3), np.float32)})[0].shape == (2, 3)


def test_scores_of_a_network_on_heatmaps_equal_those_of_its_pipeline():
    pipeline = [
        {'type': 'DecompressPose'},
        {'type': 'UniformSample', 'clip_len': 8, 'num_clips': 2},
        {'type': 'PoseDecode'},
        {'type': 'PoseCompact', 'hw_ratio': 1.0},
        {'type': 'Resize', 'scale': (32, 32), 'keep_ratio': False},
        {'type': 'GeneratePoseTarget', 'double': True},
        {'type': 'FormatShape', 'input_format': 'NCTHW_Heatmap'},
        {'type': 'Collect', 'keys': ['imgs', 'label'], 'meta_keys': []},
        {'type': 'ToTensor', 'keys': ['imgs']},
    ]
    backbone = {'type': 'C3D', 'in_channels': 17, 'base_channels': 2, 'num_stages': 3}
    head = {'type': 'I3DHead', 'num_classes': 3, 'in_channels': 16}
    model = {'type': 'Recognizer3D', 'backbone': backbone, 'cls_head': head}
    cfg = Config({'model': model, 'test_pipeline': pipeline, 'classes': ['sit', 'stand', 'fall']})
    network, _ = load_network(cfg, None, clips=None)
    whole = whole_model(network, cfg)
    running = InferenceSession(whole.proto.SerializeToString(), providers=['CPUExecutionProvider'])
    assert compare(whole, network, 'predict', False, lambda inputs: running.run(None, inputs)[0]) < 1e-5
    about = {item.key: item.value for item in whole.proto.metadata_props}
    assert about['streams'] == 'heatmaps of joints' and about['channels'] == '["x", "y", "score"]'
    assert about['unit'] == 'pixels' and about['num_clips'] == '2' and 'num_person' not in about


def test_channels_other_than_those_of_the_network_raise():
    cfg = config()
    cfg.test_pipeline[1:2] = [
        {'type': 'JointToBone', 'dataset': 'nturgb+d', 'target': 'b'},
        {'type': 'MergeSkeFeat', 'feat_list': ['keypoint', 'b']},
    ]
    with pytest.raises(ValueError, match=r'gives 6 channels \(j\+b\), but the network takes 3'):
        whole_model(load_network(cfg, None, clips=None)[0], cfg)


def test_compare_returns_the_largest_difference(exported):
    network, whole = exported
    assert compare(whole, network, 'tensor', False, lambda inputs: np.zeros((2, 3))) == 1


def test_metadata_state_input_sampling_and_classes(exported):
    metadata = {item.key: item.value for item in exported[1].proto.metadata_props}
    assert json.loads(metadata.pop('classes')) == ['sit', 'stand', 'fall']
    assert json.loads(metadata.pop('joints'))[:2] == ['spine_base', 'spine_mid']
    assert metadata == {
        'layout': 'nturgb+d', 'channels': '["x", "y", "z"]', 'unit': 'metres', 'fps': '25', 'window': '0.48',
        'streams': 'b', 'num_person': '2', 'num_clips': '2', 'scores': 'logits', 'backbone': 'STGCN',
    }  # fmt: skip


def test_the_file_contains_no_source_paths(exported):
    assert b'.py' not in exported[1].proto.SerializeToString()


def test_features_and_shifted_frames_raise():
    cfg = config(model={'test_cfg': {'feat_ext': True}})
    with pytest.raises(ValueError, match=r'feat_ext asks for features in place of scores; export --network-only'):
        whole_model(load_network(cfg, None, clips=None)[0], cfg)
    cfg = config()
    cfg.data = {'test': {'type': 'PoseDataset', 'ann_file': 'x.pkl', 'start_index': 1, 'pipeline': cfg.test_pipeline}}
    with pytest.raises(ValueError, match=r'start_index shifts the frames that are sampled; export --network-only'):
        whole_model(load_network(cfg, None, clips=None)[0], cfg)


def test_an_operation_unknown_to_torch_onnx_raises_one_line(monkeypatch):
    def fail(*args, **kwargs):
        try:
            raise KeyError('aten.adaptive_max_pool2d has no ONNX function')
        except KeyError as error:
            raise torch.onnx.OnnxExporterError('step 3/3\nsee the report\n') from error

    monkeypatch.setattr(torch.onnx, 'export', fail)
    cfg = config()
    with pytest.raises(ValueError) as error:
        whole_model(load_network(cfg, None, clips=None)[0], cfg)
    assert str(error.value) == "torch.onnx cannot export STGCN: 'aten.adaptive_max_pool2d has no ONNX function'"
