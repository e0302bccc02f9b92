import pytest
import torch
from torch import nn

from pyskl.models.layers.absent_persons import distinct_persons, obstacle, once_per_absent
from pyskl.models.layers.batch_norm import BatchNorm2d


class Counting(nn.Module):
    """Row sums plus one; records the number of rows."""

    shares_absent = True
    full_batch = ()

    def forward(self, x):
        self.rows = len(x)
        return x.flatten(1).sum(1) + 1


@pytest.mark.parametrize(
    ('present', 'rows'),
    [([1, 1, 1], 3), ([1, 0, 1], 3), ([0, 1, 0], 2), ([1, 0, 0, 2, 0], 3), ([0, 0, 0], 1), ([0], 1), ([1], 1)],
)
@pytest.mark.parametrize('training', [False, True])
def test_rows_keep_their_order_and_absent_ones_are_computed_once(present, rows, training):
    if training and not any(present):
        rows = len(present)
    persons = torch.tensor(present, dtype=torch.float)[:, None, None].expand(-1, 2, 3) * torch.ones(2, 3)
    network = Counting().train(training)
    assert once_per_absent(network, network, persons).tolist() == [6 * p + 1 for p in present]
    assert network.rows == rows


def test_a_row_with_one_nonzero_number_is_present():
    persons = torch.zeros(3, 4, 5)
    persons[1, 3, 4] = -1e-9
    kept, source, copies = distinct_persons(persons)
    assert kept.tolist() == [1, 0]
    assert source.tolist() == [1, 0, 1]
    assert (copies.single, copies.counts.tolist(), copies.total) == (1, [2], 3)


def test_on_the_meta_device_every_row_is_computed():
    network = Counting()
    assert once_per_absent(network, network, torch.zeros(4, 2, 3, device='meta')).shape == (4,)
    assert network.rows == 4


@pytest.mark.parametrize(
    ('present', 'kept', 'source'),
    [  # two places, one row of the table per sample
        ([1, 0, 1, 0, 1, 1], [0, 2, 4, 5, 1], [0, 4, 1, 4, 2, 3]),
        ([1, 0, 0, 1, 1, 0, 0, 1], [0, 3, 4, 7, 2, 1], [0, 5, 4, 1, 2, 5, 4, 3]),
        ([0, 0, 0, 0], [0, 1], [0, 1, 0, 1]),
        ([1, 0, 0, 1], None, None),
    ],
)
def test_absent_persons_are_shared_within_each_place_only(present, kept, source):
    rows = distinct_persons(torch.tensor(present)[:, None], places=2)
    assert (rows is None) == (kept is None)
    if rows is not None:
        assert [each.tolist() for each in rows[:2]] == [kept, source]


def test_absent_persons_are_found_in_the_joints_before_normalisation():
    joints = torch.tensor([1.0, 0, 2, 0])[:, None]
    network = Counting()
    assert once_per_absent(network, network, joints + 5, joints).tolist() == [7, 6, 8, 6]
    assert network.rows == 3


@pytest.mark.parametrize(
    ('multiple', 'kept', 'source', 'single', 'counts'),
    [
        (1, [0, 4, 1], [0, 2, 2, 2, 1, 2], 2, [4]),
        (3, [0, 4, 1], [0, 2, 2, 2, 1, 2], 2, [4]),
        (4, [0, 2, 4, 1], [0, 3, 1, 3, 2, 3], 3, [3]),
    ],
)
def test_absent_rows_are_added_up_to_a_multiple(multiple, kept, source, single, counts):
    rows = distinct_persons(torch.tensor([1, 0, 0, 0, 1, 0])[:, None], multiple=multiple)
    assert (rows.kept.tolist(), rows.source.tolist()) == (kept, source)
    assert (rows.copies.single, rows.copies.counts.tolist(), rows.copies.total) == (single, counts, 6)
    assert distinct_persons(torch.tensor([1, 0, 0, 0, 1, 0])[:, None], multiple=6) is None


def test_gradients_of_absent_persons_are_summed():
    persons = torch.tensor([1.0, 0, 2, 0, 0])[:, None]
    network = Counting()
    network.forward = lambda x: x * scale
    scale = torch.ones(1, requires_grad=True)
    shift = torch.zeros(5, 1, requires_grad=True)
    y = once_per_absent(network, network, persons + shift, persons)
    y.backward(torch.arange(5.0)[:, None])
    assert shift.grad[:, 0].tolist() == [0, 1 + 3 + 4, 2, 0, 0]


class Network(nn.Sequential):
    shares_absent = True
    full_batch = ('data_bn',)


@pytest.mark.parametrize(
    ('layer', 'expected'),
    [
        (BatchNorm2d(3), None),
        (nn.Dropout(0.0), None),
        (nn.Dropout(0.25), 'x.0 is a dropout of 0.25'),
        (nn.BatchNorm2d(3), 'x.0 is a BatchNorm2d'),
        (nn.SyncBatchNorm(3), 'x.0 is a SyncBatchNorm'),
        (BatchNorm2d(3, momentum=None), 'x.0 is a BatchNorm2d'),
    ],
)
def test_obstacle_names_the_layer_that_makes_absent_persons_differ(layer, expected):
    network = Network()
    network.add_module('data_bn', nn.BatchNorm1d(3))
    network.add_module('x', nn.Sequential(layer))
    assert obstacle(network) == expected


def test_obstacle_names_networks_that_do_not_state_shares_absent():
    assert obstacle(nn.Sequential(BatchNorm2d(3))) == 'Sequential does not state shares_absent'
