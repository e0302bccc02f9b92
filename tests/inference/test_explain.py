import numpy as np
import pytest
import torch
from torch import nn

from pyskl.inference.explain import cell_shares, class_evidence, explain, magnitude, over_frames, to_joints
from pyskl.inference.network import load_network


def window(frames=20, persons=1):
    random = np.random.RandomState(0)
    return {
        'keypoint': random.rand(persons, frames, 17, 2).astype(np.float32) * 900,
        'keypoint_score': np.ones((persons, frames, 17), np.float32),
        'img_shape': (1080, 1920),
    }


class OneJoint(nn.Module):
    """Two channels at joint 9: 3 and 4 times its distance in x from its first frame; 0 at other joints."""

    def forward(self, x):
        moved = (x[..., 0] - x[:, :, :1, :, 0]).abs()  # (N, M, T, V)
        mask = torch.zeros(x.shape[3], device=x.device)
        mask[9] = 1
        return torch.stack([3 * moved * mask, 4 * moved * mask], 2)


@pytest.fixture
def graph(tiny):
    network, _ = load_network(str(tiny.config), None)
    network.model.backbone = OneJoint()
    network.model.cls_head.fc = nn.Conv3d(2, 4, 1)
    network.model.cls_head.in_channels = 2
    return network


def test_magnitude_is_the_length_of_the_feature_vector():
    features = torch.zeros(1, 1, 2, 1, 3)
    features[0, 0, :, 0, 1] = torch.tensor([3.0, -4.0])
    assert magnitude(features)[0, 0, 0].tolist() == [0, 5, 0]


def test_a_network_that_uses_one_joint_responds_at_that_joint_only(graph):
    response = explain(graph, window())
    assert response.joints.shape == (2, 20, 17) and response.cells is None
    assert response.joints[0].sum(0).argmax() == 9
    assert np.delete(response.joints, 9, 2).max() == 0
    assert response.joints[1].max() == 0  # absent person
    assert response.probability.sum() == pytest.approx(1) and response.index == response.probability.argmax()


def test_evidence_of_a_linear_head_is_its_weights_times_the_features():
    class Head(nn.Module):
        def forward(self, x):  # logits of 2 classes: channel 0, and minus channel 0
            mean = x.mean((3, 4)).mean(1)
            return torch.stack([mean[:, 0], -mean[:, 0]], 1)

    features = torch.zeros(1, 1, 2, 1, 3)
    features[0, 0, 0, 0, 2] = 6.0
    features[0, 0, 1, 0, 0] = 9.0  # strong, but with zero weight for both classes
    assert class_evidence(features, Head(), 0)[0, 0, 0].tolist() == pytest.approx([0, 0, 2])  # 6 * 1/3
    assert class_evidence(features, Head(), 1)[0, 0, 0].tolist() == [0, 0, 0]


def test_the_response_of_a_cell_is_split_over_its_joints():
    class Grid(nn.Module):
        grid_shape = (2, 2)

        def grid_matrix(self):
            return torch.tensor([[1.0, 0, 0], [0, -2, 2], [0, 0, 3], [0, 0, 0]])

    shares = cell_shares(Grid(), (2, 2))
    assert shares.tolist() == [[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0]]
    assert to_joints(torch.tensor([[4.0, 2.0], [1.0, 0.0]]), shares).tolist() == [4, 1, 2]  # the sum stays 7
    pooled = cell_shares(Grid(), (1, 1))
    assert pooled[0].tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8])


@pytest.mark.parametrize('gradient', [False, True])
def test_responses_of_cells_and_joints_have_the_same_sum(tiny, gradient):
    network, _ = load_network(str(tiny.config), None, clips=2)
    response = explain(network, window(persons=2), gradient)
    assert response.cells.shape == (2, 20, 5, 5) and response.joints.shape == (2, 20, 17)
    assert (response.joints >= 0).all()
    assert response.joints.sum(-1) == pytest.approx(response.cells.sum((-2, -1)), rel=1e-4)
    shares = cell_shares(network.model.backbone, (5, 5))
    assert shares.shape == (25, 17) and shares.sum(1).detach().numpy() == pytest.approx(1, abs=1e-5)
    assert response.probability == pytest.approx(network.scores([window(persons=2)])[0][0], abs=1e-6)


def test_frames_between_samples_are_interpolated_and_repeated_samples_averaged():
    values = np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    assert over_frames(values, np.array([[0, 4]]), 5)[0, :, 0].tolist() == [1, 1.5, 2, 2.5, 3]
    assert over_frames(values, np.array([[0, 0]]), 2)[0, :, 0].tolist() == [2, 2]
    # Two feature frames for four sampled ones: their centres are at 0.5 and 2.5.
    assert over_frames(values, np.arange(4)[None], 4)[0, :, 0].tolist() == [1, 1.5, 2.5, 3]


def test_networks_without_joint_features_and_unknown_classes_raise(graph):
    graph.model.backbone.forward = lambda x: x.new_zeros(len(x), 2, 2, 8)
    with pytest.raises(ValueError, match='OneJoint has no features per joint'):
        explain(graph, window())
    with pytest.raises(ValueError, match='class 4 is not one of the 4 classes, 0 to 3'):
        explain(graph, window(), index=4)
