import pytest
import torch

from pyskl.models.backbones.ctrgcn import CTRGC, CTRGCN
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN

GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}, 'mode': 'spatial'}
SMALL = {'base_channels': 16, 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}


def unit(variant, A, alpha=1.0):
    torch.manual_seed(0)
    model = CTRGC(16, 16, A, variant).eval()
    torch.nn.init.constant_(model.alpha, alpha)
    torch.nn.init.ones_(model.bn.weight)
    return model


@pytest.mark.parametrize('variant', ['pyskl', 'original'])
def test_the_batched_subsets_equal_the_papers_formula(variant):
    x = torch.randn(2, 16, 6, 5)
    model = unit(variant, torch.rand(3, 5, 5))
    total = 0
    for conv, graph in zip(model.convs, model.A, strict=True):
        a, b = conv.conv1(x).mean(2), conv.conv2(x).mean(2)
        refined = conv.conv4((a[..., :, None] - b[..., None, :]).tanh()) + graph  # (B, C, u, v)
        product = 'bcuv,bctu->bctv' if variant == 'pyskl' else 'bcuv,bctv->bctu'
        total = total + torch.einsum(product, refined, conv.conv3(x))
    assert torch.allclose(model(x), (model.bn(total) + x).relu(), atol=1e-4)


def test_the_variants_use_transposed_graphs():
    A, x = torch.rand(3, 5, 5), torch.randn(2, 16, 6, 5)
    ours, theirs = unit('pyskl', A, alpha=0), unit('original', A.transpose(1, 2), alpha=0)
    for one, other in zip(ours.convs, theirs.convs, strict=True):
        other.conv3.load_state_dict(one.conv3.state_dict())
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_only_the_original_lacks_the_second_relu_and_the_buffer():
    ours, theirs = (CTRGCN(GRAPH, variant=variant, **SMALL) for variant in ('pyskl', 'original'))
    x = torch.randn(2, 16, 8, 3)
    assert ours.net[0].tcn1(x).min() >= 0
    assert theirs.net[0].tcn1(x).min() < 0
    assert 'A' in ours.state_dict()
    assert 'A' not in theirs.state_dict()


@pytest.mark.parametrize(
    ('variant', 'widths'), [('pyskl', {2: 8, 3: 8, 9: 8, 16: 8, 64: 8}), ('original', {2: 8, 3: 8, 9: 8, 16: 2, 64: 8})]
)
def test_each_variant_has_its_own_width_of_the_refining_convolution(variant, widths):
    convs = {channels: CTRGC(channels, 8, torch.eye(3)[None], variant).convs[0].conv1 for channels in widths}
    assert {channels: conv.out_channels for channels, conv in convs.items()} == widths


def test_the_last_branch_takes_the_remaining_channels():
    branches = MultiBranchTCN(8, 64).branches
    assert [branch[0].out_channels for branch in branches] == [10] * 5 + [14]


def test_kernel_size_may_be_one_per_dilation():
    branches = MultiBranchTCN(8, 8, kernel_size=[3, 5], dilations=[1, 2]).branches
    assert [branches[i][3].conv.kernel_size[0] for i in range(2)] == [3, 5]


@pytest.mark.parametrize('frames', [7, 8])
def test_a_stride_of_two_halves_the_frames_rounding_up(frames):
    assert MultiBranchTCN(6, 12, stride=2)(torch.randn(2, 6, frames, 3)).shape == (2, 12, (frames + 1) // 2, 3)


def test_dropout_in_training_does_not_overwrite_the_output_of_relu():
    MultiBranchTCN(6, 12, dropout=0.5)(torch.randn(2, 6, 8, 3)).sum().backward()
    model = CTRGCN(GRAPH, tcn_dropout=0.5, **SMALL)
    assert [block.tcn1.drop.p for block in model.net] == [0, 0.5, 0.5]
    model(torch.randn(2, 2, 8, 3, 3)).sum().backward()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'variant': 'ctr'}, r"unknown backbone.variant 'ctr'; choose from \('pyskl', 'original'\)"),
        ({'kernel_size': [3, 5, 7]}, r'kernel_size \[3, 5, 7\] and backbone.dilations \[1, 2\] differ in length'),
        ({'base_channels': 3}, r'backbone.dilations \[1, 2\] and two more branches are too many for 3 channels'),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        CTRGCN(GRAPH, **{**SMALL, **options})


@pytest.mark.parametrize('variant', ['pyskl', 'original'])
def test_both_memory_formats_give_the_same_outputs_and_gradients(variant):
    model = unit(variant, torch.rand(3, 5, 5)).double()
    x = torch.randn(2, 16, 6, 5, dtype=torch.double)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):  # by matrix products, by one einsum
        z = x.contiguous(memory_format=layout).requires_grad_()
        y = model(z)
        results.append([y, *torch.autograd.grad(y.square().sum(), [z, *model.parameters()])])
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, rtol=1e-9)


def test_parameters_get_gradients_from_an_input_without_one():
    model = unit('pyskl', torch.rand(3, 5, 5))
    model(torch.randn(2, 16, 6, 5)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
