import pytest
import torch
from torch import nn

from pyskl.inference.fused_stgcn import FastRecognizer, FusedSTGCN, can_fuse
from pyskl.models.recognizers import RecognizerGCN

SHORT = {
    'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': 'spatial'}, 'num_stages': 3, 'inflate_stages': [2],
    'down_stages': [2, 3], 'base_channels': 12,
}  # fmt: skip
PLUSPLUS = {**SHORT, 'gcn_adaptive': 'init', 'gcn_with_res': True, 'tcn_type': 'mstcn'}
NETWORKS = {
    'st-gcn': SHORT,
    'st-gcn, other kernel': {**SHORT, 'tcn_kernel_size': 5, 'tcn_dilation': 2, 'data_bn_type': 'MVC'},
    'st-gcn, offset': {**SHORT, 'gcn_adaptive': 'offset', 'data_bn_type': None},
    'st-gcn++': PLUSPLUS,
    'st-gcn++, other branches': {**PLUSPLUS, 'tcn_ms_cfg': [('max', 3), '1x1', (5, 1)]},
    'st-gcn++, 1x1 alone': {**PLUSPLUS, 'tcn_ms_cfg': ['1x1', '1x1']},
}


def network(backbone):
    torch.manual_seed(0)
    model = RecognizerGCN(backbone, {'type': 'GCNHead', 'num_classes': 4, 'in_channels': 24, 'init_std': 1.0}).eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.weight)  # some are negative
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def clip(n=2):
    return torch.randn(n, 1, 2, 13, 17, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('name', NETWORKS)
@torch.inference_mode()
def test_fused_features_equal_those_of_the_network(name):
    model = network(NETWORKS[name])
    assert can_fuse(model.backbone)
    x = clip()[:, 0]
    expected, actual = model.backbone(x), FusedSTGCN(model.backbone)(x)
    assert actual.shape == expected.shape and expected.std() > 0.1
    assert (actual - expected).abs().max() < 2e-6 * expected.abs().max()
    double = model.double().backbone(x.double())
    assert (FusedSTGCN(model.backbone)(x.double()) - double).abs().max() < 1e-13 * double.abs().max()


@torch.inference_mode()
def test_changed_weights_are_fused_again():
    model = network(PLUSPLUS)
    run = FastRecognizer(model)
    first = run(keypoint=clip())
    assert torch.allclose(first, model(keypoint=clip()), rtol=1e-4, atol=1e-4)
    assert type(run._fused.backbone) is FusedSTGCN and type(model.backbone) is not FusedSTGCN
    model.backbone.gcn[1].gcn.conv.weight.data.mul_(1.5)
    model.cls_head.fc_cls.bias.data.add_(3.0)
    second = run(keypoint=clip())
    assert torch.allclose(second, model(keypoint=clip()), rtol=1e-4, atol=1e-4)
    assert (second - first).abs().min() > 0.1


def test_a_network_with_hooks_is_not_fused():
    model, seen = network(PLUSPLUS), []
    run = FastRecognizer(model)
    model.backbone.gcn[0].register_forward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        run(keypoint=clip())
    assert seen == [1]


@pytest.mark.parametrize(
    'options', [{'gcn_norm': None}, {'gcn_act': 'LeakyReLU'}, {'gcn_conv_pos': 'post'}, {'tcn_norm': None}]
)
def test_other_networks_are_not_fused(options):
    model = network({**SHORT, **options})
    assert not can_fuse(model.backbone)
    with torch.no_grad():
        assert torch.equal(FastRecognizer(model)(keypoint=clip()), model(keypoint=clip()))
