"""The call forms of PYSKL and MMAction2 give the same results as ``mode``."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pyskl.models import build_model

GCN = {
    'type': 'RecognizerGCN',
    'backbone': {'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': 'stgcn_spatial'}, 'base_channels': 4,
                 'num_stages': 2},
    'cls_head': {'type': 'GCNHead', 'num_classes': 7, 'in_channels': 4},
}  # fmt: skip
HEAT = {
    'type': 'Recognizer3D',
    'backbone': {'type': 'ResNet3dSlowOnly', 'in_channels': 3, 'base_channels': 4, 'num_stages': 1,
                 'out_indices': [0], 'stage_blocks': [1], 'inflate': [0], 'spatial_strides': [1],
                 'temporal_strides': [1]},
    'cls_head': {'type': 'I3DHead', 'num_classes': 7, 'in_channels': 16, 'dropout': 0.0},
}  # fmt: skip
INPUTS = {'keypoint': torch.rand(2, 1, 1, 8, 17, 3), 'imgs': torch.rand(2, 1, 3, 4, 8, 8)}
LABEL = torch.tensor([[3], [6]])


@pytest.fixture(params=['keypoint', 'imgs'])
def case(request):
    torch.manual_seed(0)
    model = build_model({'keypoint': GCN, 'imgs': HEAT}[request.param]).eval()
    return model, request.param, INPUTS[request.param]


def test_every_call_form_gives_the_same_scores(case):
    model, key, x = case
    with torch.no_grad():
        scores = model(**{key: x}, mode='predict')
    batch = {key: x, 'label': LABEL, 'sample_index': torch.arange(2), 'img_metas': None}
    for output in (model(x, return_loss=False), model(return_loss=False, **batch), model(x, LABEL, False)):
        assert isinstance(output, np.ndarray) and output.dtype == np.float32
        assert np.allclose(output, scores.numpy(), atol=1e-6)
    for output in (model(x, mode='predict'), model(inputs=x, mode='predict'), model(x, None, 'predict')):
        assert torch.allclose(output, scores, atol=1e-6)
    assert torch.allclose(model(x).softmax(-1), scores, atol=1e-6)  # logits


def test_every_call_form_gives_the_same_losses(case):
    model, key, x = case
    losses = model(**{key: x}, label=LABEL, mode='loss')
    samples = [SimpleNamespace(gt_label=label) for label in LABEL]
    calls = [
        model(x, LABEL, return_loss=True), model(x, LABEL, True), model(return_loss=True, **{key: x, 'label': LABEL}),
        model(x, samples, mode='loss'), model(inputs=x, data_samples=samples, mode='loss'),
    ]  # fmt: skip
    for output in calls:
        assert output.keys() == losses.keys()
        assert all(torch.equal(output[name], losses[name]) for name in losses)
    step = model.train_step({key: x, 'label': LABEL}, None)
    assert step['num_samples'] == 2 and torch.equal(step['loss'], losses['loss_cls'])
    assert step['log_vars'] == pytest.approx({k: float(v) for k, v in losses.items()} | {'loss': float(step['loss'])})


def test_mode_and_return_loss_together_raise(case):
    model, _, x = case
    with pytest.raises(ValueError, match="pass mode or return_loss, not both: got 'predict' and False"):
        model(x, mode='predict', return_loss=False)
    with pytest.raises(ValueError, match='the loss needs a label'):
        model(x, return_loss=True)
