import copy
import pickle

import pytest
import torch

from pyskl.models import build_model

GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}}
SMALL = {'base_channels': 8, 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}
NETWORKS = {
    'ske2grid': (
        {'type': 'Ske2Grid', 'graph_cfg': GRAPH, 'grid_shape': (2, 3), 'progressive_joint_seq': [3, 4], **SMALL},
        {'type': 'GridHead', 'num_classes': 6, 'in_channels': 16},
    ),
    'stgcn': (
        {'type': 'STGCN', 'graph_cfg': {**GRAPH, 'mode': 'stgcn_spatial'}, **SMALL},
        {'type': 'GCNHead', 'num_classes': 6, 'in_channels': 16},
    ),
    'stgcn++': (
        {
            'type': 'STGCN', 'graph_cfg': GRAPH, 'gcn_adaptive': 'init', 'gcn_with_res': True, 'tcn_type': 'mstcn',
            **SMALL,
        },
        {'type': 'GCNHead', 'num_classes': 6, 'in_channels': 16},
    ),
}  # fmt: skip


def network(name='stgcn', **options):
    torch.manual_seed(0)
    backbone, head = copy.deepcopy(NETWORKS[name])
    return build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head, **options})


def warmed(name):
    """A network in evaluation mode whose running statistics differ from the initial ones."""
    model = network(name)
    with torch.no_grad():
        for seed in range(2):
            torch.manual_seed(seed)
            model(keypoint=torch.randn(4, 1, 2, 10, 3, 3))
    return model.eval()


def same(a, b):
    return torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_persons_can_be_swapped(name):
    model, x = warmed(name), torch.randn(2, 1, 3, 10, 3, 3)
    assert same(model(keypoint=x), model(keypoint=x.flip(2)))


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_a_batch_of_five_scores_as_five_batches_of_one(name):
    model, x = warmed(name), torch.randn(5, 1, 2, 10, 3, 3)
    x[1, :, 1] = 0
    x[3, :, 1] = 0
    assert same(model(keypoint=x), torch.cat([model(keypoint=row[None]) for row in x]))


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_evaluation_changes_no_state(name):
    model = warmed(name)
    before = copy.deepcopy(model.state_dict())
    model(keypoint=torch.randn(2, 2, 2, 10, 3, 3), mode='predict')
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_a_copy_and_a_pickle_score_the_same(name):
    model, x = warmed(name), torch.randn(2, 1, 2, 10, 3, 3)
    scores = model(keypoint=x)
    assert torch.equal(scores, copy.deepcopy(model)(keypoint=x))
    assert torch.equal(scores, pickle.loads(pickle.dumps(model))(keypoint=x))


@pytest.mark.parametrize('name', NETWORKS)
def test_training_lowers_the_loss_and_gives_every_trained_parameter_a_gradient(name):
    model = network(name)
    x, label = torch.randn(8, 1, 2, 10, 3, 3), torch.arange(8) % 6
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = model(keypoint=x, label=label, mode='loss')['loss_cls']
        loss.backward()
        assert not [key for key, p in model.named_parameters() if p.requires_grad and p.grad is None]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize('name', NETWORKS)
def test_bf16_scores_are_close_to_float32(name):
    model, x = warmed(name), torch.randn(4, 1, 2, 10, 3, 3)
    with torch.no_grad():
        exact = model(keypoint=x)
        with torch.autocast('cpu', torch.bfloat16):
            near = model(keypoint=x)
    assert near.dtype == torch.float32
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()
    model.train()
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(keypoint=x, label=torch.arange(4), mode='loss')['loss_cls']
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_compiled_networks_train_and_score_like_eager_ones(name):
    torch._dynamo.reset()
    plain = network(name)
    traced = copy.deepcopy(plain)
    compiled = torch.compile(traced, backend='aot_eager')
    x, label = torch.randn(4, 1, 2, 10, 3, 3), torch.arange(4)
    x[1:3, :, 1] = 0
    for call, model in ((plain, plain), (compiled, traced)):
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
        for _ in range(2):
            optimizer.zero_grad()
            call(keypoint=x, label=label, mode='loss')['loss_cls'].backward()
            optimizer.step()
        model.eval()
    with torch.no_grad():
        assert torch.allclose(plain(keypoint=x), compiled(keypoint=x), atol=1e-5)
    state = traced.state_dict()
    assert all(torch.allclose(value, state[key], atol=1e-5) for key, value in plain.state_dict().items())


def test_average_clips_is_prob_score_or_none():
    x = torch.randn(2, 3, 2, 10, 3, 3)
    with torch.no_grad():
        raw = network().eval()(keypoint=x)  # (6, K)
        prob, score, every = (
            network(test_cfg={'average_clips': how}).eval()(keypoint=x, mode='predict')
            for how in ('prob', 'score', None)
        )
        default = network().eval()(keypoint=x, mode='predict')
    assert same(prob, raw.softmax(1).view(2, 3, -1).mean(1))
    assert same(score, raw.view(2, 3, -1).mean(1))
    assert same(every, raw.view(2, 3, -1))
    assert torch.equal(default, prob)


@pytest.mark.parametrize('name', ['ske2grid', 'stgcn'])
def test_an_input_with_other_joints_or_channels_raises(name):
    for shape in ((1, 1, 2, 10, 4, 3), (1, 1, 2, 10, 3, 2)):
        with pytest.raises(ValueError, match='graph_cfg.layout has V=3 joints and backbone.in_channels is C=3'):
            network(name)(keypoint=torch.zeros(shape))


def test_invalid_inputs_raise():
    with pytest.raises(ValueError, match='got no label'):
        network()(keypoint=torch.zeros(1, 1, 2, 10, 3, 3), mode='loss')
    with pytest.raises(ValueError, match='num_clips=1.*got num_clips=2'):
        network()(keypoint=torch.zeros(1, 2, 2, 10, 3, 3), label=torch.tensor([0]), mode='loss')
    with pytest.raises(ValueError, match="'tensor', 'loss' or 'predict', got 'train'"):
        network()(keypoint=torch.zeros(1, 1, 2, 10, 3, 3), mode='train')
    with pytest.raises(ValueError, match=r'must be \(N, clips, M, T, V, C\), got \(1, 2, 10, 3, 3\)'):
        network()(keypoint=torch.zeros(1, 2, 10, 3, 3))


@torch.no_grad()
def test_views_in_chunks_score_the_same():
    clips = torch.randn(2, 5, 2, 10, 3, 3)
    whole = network().eval()
    turns = network(test_cfg={'max_testing_views': 3}).eval()
    turns.load_state_dict(whole.state_dict())
    assert torch.allclose(whole(clips, mode='predict'), turns(clips, mode='predict'), atol=1e-6)
    with pytest.raises(ValueError, match='max_testing_views must be a positive integer or None, got 0'):
        network(test_cfg={'max_testing_views': 0})


def test_an_invalid_test_cfg_raises():
    with pytest.raises(ValueError, match="average_clips must be 'prob', 'score' or None, got 'mean'"):
        network(test_cfg={'average_clips': 'mean'})
    with pytest.raises(ValueError, match=r"'pool_opt', 'max_testing_views' only, got \['average_clip'\]"):
        network(test_cfg={'average_clip': 'prob'})


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_scores_of_pooled_features_equal_the_mean_score_of_the_clips(name):
    model, x = network(name, test_cfg={'score_ext': True}).eval(), torch.randn(2, 3, 2, 10, 3, 3)
    pooled = model(keypoint=x, mode='predict')
    assert pooled.shape[:5] == (2, 1, 1, 6, 1)
    model.score_ext, model.average_clips = False, 'score'
    assert same(pooled.flatten(1), model(keypoint=x, mode='predict'))


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_feat_ext_and_score_ext_return_every_position(name):
    model, x = network(name, test_cfg={'feat_ext': True, 'pool_opt': 'none'}).eval(), torch.randn(2, 3, 2, 10, 3, 3)
    maps = model.extract_feat(x).unflatten(0, (2, 3))
    assert torch.equal(model(keypoint=x, mode='predict'), maps)
    model.score_ext = True
    scores = model(keypoint=x, mode='predict')
    assert scores.shape == (*maps.shape[:3], 6, *maps.shape[4:])
    place = maps[1, 2, 0, :, 4].flatten(1)[:, -1]
    assert same(scores[1, 2, 0, :, 4].flatten(1)[:, -1], model.cls_head.classify(place[None])[0])
    model.pooled = [4]
    assert same(model(keypoint=x, mode='predict'), scores.mean(4, keepdim=True))


def test_pool_opt_names_axes_by_letters():
    assert network(test_cfg={'pool_opt': 'all'}).pooled == network(test_cfg={'pool_opt': 'nmtv'}).pooled == [1, 2, 4, 5]
    assert network(test_cfg={'pool_opt': 'tv'}).pooled == [4, 5]
    for wrong in ('mean', 'tt', 3, ['t']):
        with pytest.raises(ValueError, match=r"pool_opt must be letters of 'nmtv', 'all' or 'none', got"):
            network(test_cfg={'pool_opt': wrong})
