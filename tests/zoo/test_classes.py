"""Class names, checkable against the pages of the data sets."""

import pytest

from pyskl.cli.data.nwucla import CLASSES
from pyskl.synthetic.actions import ACTIONS
from pyskl.zoo.classes import LABELS, class_names, shipped

SIZES = {
    'ntu60': 60, 'ntu120': 120, 'k400': 400, 'ucf101': 101, 'hagrid': 40, 'hmdb51': 51, 'finegym99': 99, 'diving48': 48,
    'nwucla': 10, 'synthetic': 10,
}  # fmt: skip


def test_each_list_has_as_many_names_as_its_data_set_has_classes():
    assert {name: len(class_names(name)) for name in shipped()} == SIZES


def test_each_list_names_its_source():
    assert all((LABELS / f'{name}.txt').read_text().startswith('# ') for name in shipped())


@pytest.mark.parametrize(
    ('name', 'label', 'action'),
    [
        ('ntu60', 0, 'drink water'),  # A1
        ('ntu60', 42, 'falling'),  # A43
        ('ntu120', 119, 'finger-guessing game (playing rock-paper-scissors)'),  # A120
        ('k400', 398, 'yoga'),
        ('ucf101', 100, 'YoYo'),
        ('hmdb51', 5, 'climb'),
        ('diving48', 47, 'Reverse+Dive+NoTwis+TUCK'),
    ],
)
def test_labels_have_their_published_names(name, label, action):
    assert class_names(name)[label] == action


def test_alphabetical_lists_are_sorted():
    for name in ('hmdb51', 'ucf101'):
        assert class_names(name) == sorted(class_names(name), key=str.lower), name


def test_synthetic_and_nwucla_names_are_those_of_their_tools():
    assert class_names('synthetic') == list(ACTIONS)
    assert class_names('nwucla') == list(CLASSES)


def test_names_from_a_file_or_list_keep_their_order(tmp_path):
    path = tmp_path / 'mine.txt'
    path.write_text('# mine\nwalk\n\nrun fast\n')
    assert class_names(path) == class_names(['walk', 'run fast']) == ['walk', 'run fast']


@pytest.mark.parametrize(
    ('classes', 'number', 'message'),
    [
        ('ntu6', None, "did you mean 'ntu60'"),
        ('mine.txt', None, 'shipped lists: diving48'),
        ('ntu60', 120, "'ntu60' has 60 names, but the network has 120 classes"),
        (['walk', 3], None, 'must be text, got 3'),
        (12, None, 'must be a name, a file or a list of names, got 12'),
    ],
)
def test_an_invalid_list_raises(classes, number, message):
    with pytest.raises(ValueError, match=message):
        class_names(classes, number)
