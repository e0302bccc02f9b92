import pytest
import torch

from pyskl.models.layers.absent_persons import distinct_persons, once_per_absent


class Counting:
    """Row sums plus one; remembers how many rows it saw."""

    def __call__(self, x):
        self.rows = len(x)
        return x.flatten(1).sum(1) + 1


@pytest.mark.parametrize(
    ('present', 'rows'),
    [([1, 1, 1], 3), ([1, 0, 1], 3), ([0, 1, 0], 2), ([1, 0, 0, 2, 0], 3), ([0, 0, 0], 1), ([0], 1), ([1], 1)],
)
def test_rows_come_back_in_their_order_and_absent_ones_are_computed_once(present, rows):
    persons = torch.tensor(present, dtype=torch.float)[:, None, None].expand(-1, 2, 3) * torch.ones(2, 3)
    network = Counting()
    assert once_per_absent(network, persons).tolist() == [6 * p + 1 for p in present]
    assert network.rows == rows


def test_a_row_with_one_number_is_present():
    persons = torch.zeros(3, 4, 5)
    persons[1, 3, 4] = -1e-9
    kept, source = distinct_persons(persons)
    assert kept.tolist() == [1, 0]
    assert source.tolist() == [1, 0, 1]


def test_where_tensors_have_no_numbers_every_row_is_computed():
    network = Counting()
    assert once_per_absent(network, torch.zeros(4, 2, 3, device='meta')).shape == (4,)
    assert network.rows == 4


@pytest.mark.parametrize(
    ('present', 'kept', 'source'),
    [  # two places, one row of the table a sample
        ([1, 0, 1, 0, 1, 1], [0, 2, 4, 5, 1], [0, 4, 1, 4, 2, 3]),
        ([1, 0, 0, 1, 1, 0, 0, 1], [0, 3, 4, 7, 2, 1], [0, 5, 4, 1, 2, 5, 4, 3]),
        ([0, 0, 0, 0], [0, 1], [0, 1, 0, 1]),
        ([1, 0, 0, 1], None, None),
    ],
)
def test_absent_persons_are_alike_in_the_same_place_only(present, kept, source):
    rows = distinct_persons(torch.tensor(present)[:, None], places=2)
    assert (rows is None) == (kept is None)
    if rows is not None:
        assert [each.tolist() for each in rows] == [kept, source]


def test_persons_may_be_moved_where_absent_ones_are_zero_before():
    joints = torch.tensor([1.0, 0, 2, 0])[:, None]
    network = Counting()
    assert once_per_absent(network, joints + 5, joints).tolist() == [7, 6, 8, 6]
    assert network.rows == 3
