"""Class-balanced epochs: class frequencies and order."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.samplers import (
    balanced_indices,
    balanced_length,
    class_balanced_indices,
    class_balanced_length,
    epoch_indices,
    epoch_length,
    seeds_of,
)
from pyskl.datasets.wrappers import RepeatDataset
from pyskl.engine.loaders import EpochSampler

LABELS = np.array([2, 0, 0, 1, 2, 0, 0])


def counts(indices):
    return np.bincount(LABELS[indices], minlength=3).tolist()


def test_whole_numbers_are_copies():
    assert counts(class_balanced_indices(LABELS, [1, 2, 3])) == [4, 2, 6]


def test_a_fraction_is_a_part_of_the_class_that_changes_with_the_epoch():
    epochs = [class_balanced_indices(LABELS, {0: 1.5}, epoch=epoch) for epoch in range(20)]
    assert all(counts(indices) == [6, 1, 2] for indices in epochs)
    doubled = {tuple(np.flatnonzero(np.bincount(indices, minlength=7) == 2)) for indices in epochs}
    assert len(doubled) > 1


def test_times_multiplies_every_class_also_absent_ones():
    assert counts(class_balanced_indices(LABELS, [0.5], times=3)) == [6, 3, 6]


def test_the_order_is_that_of_the_published_sampler():
    # Step by step: a permutation of each class in order of first appearance, then one of all samples.
    generator = torch.Generator().manual_seed(7 + 3)
    parts = []
    for members, copies, extra in (([0, 4], 1, 0), ([1, 2, 5, 6], 0, 2), ([3], 2, 0)):
        permutation = torch.randperm(len(members), generator=generator).tolist()
        parts += members * copies + [members[i] for i in permutation[:extra]]
    expected = [parts[i] for i in torch.randperm(len(parts), generator=generator)]
    assert class_balanced_indices(LABELS, [0.5, 2, 1], epoch=3, seed=7).tolist() == expected


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.dictionaries(st.integers(0, 4), st.floats(0, 4)),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_the_length_is_known_beforehand(labels, class_prob, times, epoch):
    labels = np.array(labels)
    assert class_balanced_length(labels, class_prob, times) == len(
        class_balanced_indices(labels, class_prob, times, epoch)
    )


def test_wrong_probabilities_are_refused():
    with pytest.raises(ValueError, match='class_prob must hold numbers of at least 0'):
        class_balanced_indices(LABELS, [1, -1])
    with pytest.raises(ValueError, match='sample 1 has none'):
        class_balanced_indices(np.array([0, -1]), [1])


def test_wrong_types_of_class_prob_raise():
    for wrong in ('balance', 2):
        with pytest.raises(ValueError, match=f"a list of numbers, a dict by class or 'balanced', got {wrong!r}"):
            class_balanced_length(LABELS, wrong)


def test_balanced_rounds_have_one_sample_per_class():
    indices = balanced_indices(LABELS)  # 7 samples of 3 classes: two of each
    assert np.sort(LABELS[indices].reshape(2, 3), axis=1).tolist() == [[0, 1, 2]] * 2
    assert counts(balanced_indices(LABELS, times=5)) == [11, 11, 11]


def test_a_balanced_class_is_exhausted_before_a_sample_repeats():
    for epoch in range(20):
        indices = balanced_indices(LABELS, times=6, epoch=epoch)  # 14 of each class
        uses = np.bincount(indices, minlength=len(LABELS))
        assert uses[3] == 14 and uses[[0, 4]].tolist() == [7, 7]
        assert set(uses[[1, 2, 5, 6]]) == {3, 4}


def test_a_balanced_epoch_is_determined_by_seed_and_epoch():
    draw = {key: tuple(balanced_indices(LABELS, 4, *key)) for key in ((0, 0), (1, 0), (0, 5))}  # (epoch, seed)
    assert draw[0, 0] == tuple(balanced_indices(LABELS, 4, 0, 0)) and len(set(draw.values())) == 3


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 5), st.integers(0, 3))
def test_the_balanced_length_is_known_beforehand(labels, times, epoch):
    labels = np.array(labels, np.int64)
    indices = balanced_indices(labels, times, epoch)
    assert balanced_length(labels, times) == len(indices)
    assert len(set(np.unique(labels[indices], return_counts=True)[1])) <= 1


def test_balance_needs_labels():
    for function in (balanced_length, balanced_indices):
        with pytest.raises(ValueError, match='class_prob needs one label per sample; sample 1 has none'):
            function(np.array([0, -1]))


def test_a_balanced_epoch_is_divided_among_processes(tmp_path, make_record):
    labels = np.arange(48) % 4  # as many classes as processes: in a fixed order, each process would have a single class
    write_annotations(tmp_path / 'x.pkl', [make_record(str(i), label=int(c)) for i, c in enumerate(labels)])
    dataset = RepeatDataset(PoseDataset(tmp_path / 'x.pkl', class_prob='balanced'), 2)
    samplers = [EpochSampler(dataset, seed=0, shuffle=True, rank=rank, world_size=4) for rank in range(4)]
    shares = [[index % 48 for index, _ in sampler] for sampler in samplers]
    whole = np.stack(shares, 1).ravel()
    assert whole.tolist() == epoch_indices(dataset, 0, 0).tolist() and len(whole) == epoch_length(dataset) == 96
    assert np.bincount(whole).tolist() == [2] * 48
    assert all(set(labels[share]) == {0, 1, 2, 3} for share in shares)


def test_an_epoch_of_a_dataset(tmp_path, make_record):
    write_annotations(tmp_path / 'x.pkl', [make_record(str(i), label=int(c)) for i, c in enumerate(LABELS)])
    plain = RepeatDataset(PoseDataset(tmp_path / 'x.pkl'), 2)
    assert epoch_length(plain) == 14
    assert sorted(epoch_indices(plain, seed=0, epoch=0).tolist()) == list(range(14))
    assert epoch_indices(plain, 0, 1).tolist() != epoch_indices(plain, 0, 0).tolist()
    balanced = RepeatDataset(PoseDataset(tmp_path / 'x.pkl', class_prob=[1, 2]), 2)
    indices = epoch_indices(balanced, seed=0, epoch=0)
    assert epoch_length(balanced) == len(indices) == 8 + 4 + 4
    assert counts(indices) == [8, 4, 4]


@pytest.mark.parametrize(
    ('class_prob', 'words'),
    [
        ({'0': 2}, r"a dict by class index \(a whole number\), got \{'0': 2\}"),
        ({0: float('nan')}, 'numbers of at least 0'),
        ([1, float('inf')], 'numbers of at least 0'),
    ],
)
def test_a_class_prob_without_effect_raises(class_prob, words):
    with pytest.raises(ValueError, match=words):
        class_balanced_length(LABELS, class_prob)


@pytest.mark.parametrize(('total', 'rank', 'world_size'), [(0, 0, 1), (1, 0, 1), (3, 2, 4), (10, 0, 1), (1001, 5, 8)])
@pytest.mark.parametrize('key', [[0, 0], [2**32 - 1, 7], [3, 2**31]])
def test_the_seeds_of_a_process_are_numpys(key, total, rank, world_size):
    whole = np.random.SeedSequence(key).generate_state(total)
    found = seeds_of(key, total, rank, world_size)
    assert found.dtype == np.uint32 and found.tolist() == whole[rank::world_size].tolist()
