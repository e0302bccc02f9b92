"""Splits of clips into train, val and test."""

import argparse
import importlib
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

module = importlib.import_module('pyskl.converters.splits')
Row = importlib.import_module('pyskl.converters.labels').Row

ROWS = [Row(f'c{i:02d}', i % 2, f's{i % 5}', ('train', 'val', None)[i % 3]) for i in range(20)]


def split(rows, *arguments):
    parser = argparse.ArgumentParser()
    module.add_split_options(parser)
    args = parser.parse_args(['--split-by', *map(str, arguments)])
    module.check_split_options(args)
    return module.splits_of(args, rows)


def test_random_selects_a_share_of_each_class_in_any_order():
    splits = split(ROWS, 'random')
    labels = {row.name: row.label for row in ROWS}
    assert [sum(labels[name] == label for name in splits['val']) for label in (0, 1)] == [2, 2]  # 0.2 of 10 and 10
    assert sorted(splits['train'] + splits['val']) == [row.name for row in ROWS]
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    assert split(shuffled, 'random') == splits
    assert split(ROWS, 'random', '--seed', 1) != splits
    assert len(split(ROWS, 'random', '--val-share', 0.5)['val']) == 10


def test_a_small_class_is_in_both_splits_and_a_single_clip_in_train():
    rows = [Row('a', 0), Row('b', 0), Row('c', 1)]
    splits = split(rows, 'random')
    assert len(splits['val']) == 1 and splits['val'][0] in 'ab' and 'c' in splits['train']


def test_train_and_val_share_no_subject():
    splits = split(ROWS, 'subject', '--val-subjects', 's1, s4')
    assert splits['val'] == [row.name for row in ROWS if row.subject in ('s1', 's4')]
    assert sorted(splits['train'] + splits['val']) == [row.name for row in ROWS]
    subjects = {row.name: row.subject for row in ROWS}
    splits = split(ROWS, 'subject', '--val-share', 0.4)
    val = {subjects[name] for name in splits['val']}
    assert len(val) == 2 and not val & {subjects[name] for name in splits['train']}


def test_the_split_column_is_used_and_empty_cells_are_in_no_split():
    splits = split(ROWS, 'split')
    assert splits['val'] == [row.name for row in ROWS[1::3]]
    assert splits['train'] == [row.name for row in ROWS[0::3]]
    rows = [Row('a', 0, split='Training'), Row('b', 0, split='dev'), Row('c', 0, split='TEST')]
    assert split(rows, 'split') == {'train': ['a'], 'val': ['b'], 'test': ['c']}


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('s.csv', 'split;name\nval;c01.mp4\ntrain;c00\n;c05\n'),
        ('s.json', json.dumps({'train': ['c00'], 'val': ['c01', 'unknown']})),
        ('s.json', json.dumps({'c00': 'train', 'c01': 'val'})),
        ('s.json', json.dumps([{'name': 'c00', 'split': 'train'}, {'name': 'c01', 'split': 'val'}])),
        ('s.yaml', 'train: [c00]\nval:\n  - c01\n'),
        ('s.txt', '# mine\nname split\nc00 train\n\nc01, val\n'),
    ],
)
def test_every_format_of_a_split_file_gives_the_same_splits(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert split(ROWS, tmp_path / name) == {'train': ['c00'], 'val': ['c01']}


def test_a_file_names_clips_by_the_last_part_of_their_name(tmp_path):
    (tmp_path / 's.txt').write_text('a train\nx/b val\n')
    assert split([Row('wave/a', 0), Row('x/b', 0), Row('y/c', 0)], tmp_path / 's.txt') == {
        'train': ['wave/a'],
        'val': ['x/b'],
    }


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['random', '--val-share', '1'], '--val-share must be between 0 and 1, got 1'),
        (['random', '--val-subjects', 's1'], '--val-subjects requires --split-by subject'),
        (['split', '--val-share', '0.1'], '--val-share requires --split-by subject or random'),
        (['subject', '--val-share', '0.1', '--val-subjects', 's1'], 'mutually exclusive'),
        (['subject', '--val-subjects', 's9'], "names 's9', which no clip has; the subjects are s0, s1, s2, s3, s4"),
        (['subject', '--val-subjects', 's0,s1,s2,s3,s4'], 'all subjects, which leaves none for training'),
        (['random', '--seed', '-1'], '--seed must be 0 to 4294967295'),
    ],
)
def test_invalid_options_raise_one_line(arguments, message):
    with pytest.raises(ValueError, match=message):
        split(ROWS, *arguments)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('s.txt', 'c00 train\nc00 val\n', "puts 'c00' into 'train' and into 'val'"),
        ('s.txt', 'c00\n', "line 1: 'c00' is not 'name split'"),
        ('s.txt', 'c00 third\n', "puts 'c00' into 'third'; it must be train, val or test"),
        (
            's.txt',
            'other train\n',
            "which names 'other' and others, assigns none of the 20 clips to a split; they are 'c00'",
        ),
        ('s.csv', 'clip,split\n', "has no column 'name'"),
        ('s.json', '{"train": [', 'Expecting value'),
        ('s.json', '[1, 2]', 'must be'),
        ('s.json', '{"train": [[1]]}', 'must be'),
        ('s.yaml', 'a: [', 'while parsing'),
        ('s.yaml', '!!python/object/apply:os.system [ls]', 'could not determine a constructor'),
    ],
)
def test_an_invalid_file_raises_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        split(ROWS, tmp_path / name)


def test_missing_columns_raise(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='must be subject, random, split, or an existing file; there is no such file'
    ):
        split(ROWS, tmp_path / 'none.csv')
    with pytest.raises(ValueError, match="1 of 2 clips have no subject, the first: 'b'"):
        split([Row('a', 0, 'anna'), Row('b', 0)], 'subject')
    with pytest.raises(ValueError, match='needs at least two subjects'):
        split([Row('a', 0, 'anna')], 'subject')
    with pytest.raises(ValueError, match='needs at least two clips, got 1'):
        split([Row('a', 0)], 'random')
    with pytest.raises(
        ValueError, match="the column 'split', which names no clip, assigns none of the 1 clips to a split"
    ):
        split([Row('a', 0)], 'split')


def test_notes_on_a_split():
    rows = [Row('a', 0, 'anna'), Row('b', 1, 'ben'), Row('c', 0, 'ben'), Row('d', 1)]
    assert module.notes_on({'train': ['a', 'c'], 'val': ['b']}, rows).splitlines() == [
        'subjects in val: ben',
        'note: 1 subjects are in both train and val; --split-by subject separates them',
        'note: 1 of 4 clips are in no split',
        'note: 1 classes are tested but have no clip in train: 1',
    ]
    assert module.notes_on({'train': ['a', 'b', 'c', 'd'], 'val': []}, rows).splitlines() == [
        'note: no clip is in val, so training cannot be validated'
    ]
    assert module.notes_on({'train': [], 'test': ['a', 'b', 'c', 'd']}, rows).startswith('note: no clip is in train')
    assert module.notes_on(None, rows) == ''


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(['.csv', '.txt', '.json', '.yaml']), st.text(max_size=60))
def test_any_text_is_a_split_or_raises_one_line(tmp_path_factory, suffix, text):
    path = tmp_path_factory.getbasetemp() / f'fuzz{suffix}'
    path.write_text(text, newline='', errors='surrogatepass')
    try:
        output = module.read_splits(path)
    except ValueError as why:
        assert str(why)
        return
    assert all(isinstance(part, str) for pair in output.items() for part in pair)
