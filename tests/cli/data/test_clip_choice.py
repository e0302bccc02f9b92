"""Selection of clips from a store of six."""

from types import SimpleNamespace

import numpy as np
import pytest

from pyskl.cli.data.clip_choice import chosen_clips, file_stems, guess_layout, joints_of, layout_of, named_label

NAMES = ['a1', 'a2', 'b1', 'b2', 'c1', 'a1']  # one name is repeated
CLASSES = ['walk', 'wave', 'jump']


def store(**fields):
    defaults = {
        'names': NAMES, 'labels': np.array([0, 0, 1, 1, -1, 2]), 'splits': {'train': [0, 1, 2], 'val': [3, 4, 5]},
        'problem_rows': [4], 'steps': [], 'problem': lambda index: 'is broken', **fields,
    }  # fmt: skip
    return type('Store', (SimpleNamespace,), {'__len__': lambda self: len(self.names)})(**defaults)


def chosen(**options):
    defaults = {'ids': None, 'split': None, 'label': None, 'random': None, 'seed': 0, 'file': 'x.pkl'}
    return chosen_clips(SimpleNamespace(**defaults | options), store(), CLASSES).tolist()


@pytest.mark.parametrize(
    ('options', 'rows'),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({'split': 'val'}, [3, 4, 5]),
        ({'ids': ['b1', 'a1', 'b1']}, [2, 0, 5]),
        ({'ids': ['a1'], 'split': 'val'}, [5]),
        ({'label': ['wave']}, [2, 3]),
        ({'label': ['1', 'jump'], 'split': 'val'}, [3, 5]),
        ({'random': 9}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_options_select_clips(options, rows):
    assert chosen(**options) == rows


def test_random_clips_are_sorted_and_depend_on_the_seed():
    first = chosen(random=3)
    assert first == chosen(random=3) == sorted(set(first)) and len(first) == 3
    assert len({tuple(chosen(random=3, seed=seed)) for seed in range(10)}) > 1


@pytest.mark.parametrize(
    ('options', 'line'),
    [
        ({'random': 0}, '--random must be at least 1'),
        ({'split': 'test'}, "'test'"),
        ({'ids': ['b3']}, "x.pkl has no clip 'b3'; similar names: 'b[12]'"),
        ({'ids': ['b1'], 'split': 'val'}, "split 'val' of x.pkl has no clip 'b1'"),
        ({'label': ['wavve']}, "'wavve' is neither a number nor a class; similar names: 'wave'"),
        ({'label': ['7']}, 'no selected clip has it; x.pkl has labels 0 to 2'),
    ],
)
def test_a_missing_clip_split_or_label_raises(options, line):
    with pytest.raises(ValueError, match=line):
        chosen(**options)


def test_file_names_are_unique_and_cannot_leave_their_folder():
    stems = file_stems(['clip', 'clip', '../up', '/etc/x', '..', 'a b', 'a_b', 'ü' * 100])
    assert stems[:2] == ['clip', 'clip-2'] and len(set(stems)) == len(stems)
    assert not any('/' in stem or stem.startswith(('.', '-')) for stem in stems)
    assert max(len(stem.encode()) for stem in stems) <= 127
    assert stems[6] == 'a_b' and stems[5] != 'a_b'


def test_the_caption_of_a_label():
    assert [named_label(label, CLASSES) for label in (1, 7, -1)] == ['1 wave', 'label 7', 'no single label']


def test_a_layout_is_a_name_or_a_dict():
    assert layout_of('coco').num_joints == 17
    assert layout_of('{joints: [a, b], edges: [[b, a]]}').edges == ((1, 0),)
    with pytest.raises(ValueError, match='--layout'):
        layout_of('{joints: [a')


def shapes(*rows):
    return store(names=list(map(str, range(len(rows)))), shapes=np.array([(1, 4, *row) for row in rows]))


@pytest.mark.parametrize(
    ('rows', 'third', 'layout'),
    [
        ([(17, 2), (17, 2), (25, 3)], None, 'coco'),
        ([(25, 3)], 3.0, 'nturgb+d'),
        ([(17, 3)], 0.5, 'coco'),  # the third channel is a score
        ([(9, 2)], None, 'unknown'),
    ],
)
def test_the_guessed_layout_fits_most_records(rows, third, layout):
    clips = shapes(*rows)
    clips.record = lambda index: {'keypoint': np.full((1, 4, *rows[index]), third)}
    assert guess_layout(clips)[0].name == layout


def test_a_layout_is_not_guessed_without_joints():
    with pytest.raises(ValueError, match="no record has valid joints; first 'c1': is broken"):
        guess_layout(store(shapes=np.zeros((6, 4), int)))


def test_joints_of_returns_coordinates_and_visibilities():
    clips = store(record=lambda index: {'keypoint': np.full((1, 2, 17, 3), 0.5)})
    _, keypoint, visible = joints_of(clips, 0, layout_of('coco'))
    assert keypoint.shape == (1, 2, 17, 2) and keypoint.dtype == np.float32
    assert visible.shape == (1, 2, 17) and (visible > 0).all()
    for index, layout, line in ((4, 'coco', 'is broken'), (0, 'openpose', "'openpose' has 18 joints")):
        with pytest.raises(ValueError, match=line):
            joints_of(clips, index, layout_of(layout))
    flat = store(record=lambda index: {'keypoint': np.full((1, 2, 25, 2), 0.5)})
    with pytest.raises(ValueError, match="'nturgb.d' is 3D; choose another --layout"):
        joints_of(flat, 0, layout_of('nturgb+d'))
    nobody = store(record=lambda index: {'keypoint': np.zeros((1, 2, 17, 2))})
    with pytest.raises(ValueError, match='shows no person'):
        joints_of(nobody, 0, layout_of('coco'))
