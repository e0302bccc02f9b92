"""labels.csv: rows, classes, invalid lines, and pairing of clips with rows."""

import argparse
import importlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

labels = importlib.import_module('pyskl.converters.labels')
LeftOut = importlib.import_module('pyskl.converters.job').LeftOut
Row = labels.Row


@pytest.fixture
def read(tmp_path):
    def call(text, **more):
        path = tmp_path / 'labels.csv'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return labels.read_labels(path, **more)

    return call


def test_every_column_is_read(read):
    found = read('name,label,subject,split,width,height,num_frames\nwave/01.mp4,3,anna,val,1920,1080,40\n')
    assert found.rows == (Row('wave/01', 3, 'anna', 'val', (1080, 1920), 40),)
    assert found.classes is None and found.bad == () and found.notes == ()


@pytest.mark.parametrize('mark', [',', ';', '\t'])
def test_byte_order_marks_and_blank_cells_are_accepted(read, mark):
    text = '\ufeffLabel , NAME,subject\r\n0,a,\r\n\r\n1, b ,ben\r\n'.replace(',', mark)
    assert read(text).rows == (Row('a', 0), Row('b', 1, 'ben'))


def test_class_names_are_numbered_alphabetically_or_as_given(read):
    text = 'name,label\na,wave\nb,bow\nc,wave\n'
    found = read(text)
    assert [row.label for row in found.rows] == [1, 0, 1]
    assert found.classes == ('bow', 'wave')
    assert found.notes == ('2 classes, numbered alphabetically: 0 bow, 1 wave',)
    assert [row.label for row in read(text, classes=('wave', 'jump', 'bow')).rows] == [0, 2, 0]


def test_invalid_lines_are_reported_and_the_rest_is_used(read):
    found = read('name,label,num_frames\na,0\nb,\nc,-1\nd,wave\n,0\ne,0,many\nf,0,7,extra\ng,1,8\n')
    assert [row.name for row in found.rows] == ['a', 'f', 'g']
    assert [(where.rsplit(' ', 1)[1], why) for where, why in found.bad] == [
        ('3', 'no label'),
        ('4', 'label -1 must be 0 to 99999'),
        ('5', "label 'wave' is a name, but most labels are numbers"),
        ('6', 'no name'),
        ('7', "num_frames 'many' must be an integer from 1 to 1000000"),
    ]


def test_a_number_among_names_is_not_a_class(read):
    found = read('name,label\na,wave\nb,7\nc,bow\n')
    assert [why for _, why in found.bad] == ["label '7' is a number, but most labels are names"]
    assert found.classes == ('bow', 'wave')
    found = read('name,label\na,wave\nb,wvae\n', classes=('wave',))
    assert [why for _, why in found.bad] == ["label 'wvae' is not in --classes"]


def test_repeated_names_count_once_if_the_rows_agree_else_not(read):
    found = read('name,label\na,0\nb,1\na.mp4,0\nb,2\nc,1\n')
    assert [row.name for row in found.rows] == ['a', 'c']
    assert [why for _, why in found.bad] == [
        "name 'a' repeats line 2",
        "name 'b' is in lines 3, 5, which differ",
        "name 'b' is in lines 3, 5, which differ",
    ]


def test_ignored_columns_are_reported(read):
    assert ': camera, place' in read('name,label,camera,place\na,0,1,2\n').notes[0]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('clip_1,3\nclip_2,4\n', "has no column 'name'; its first line must be a header such as name,label, got"),
        ('', "has no column 'name'"),
        ('name,class\na,0\n', "has no column 'label'"),
        ('name,label,Label\na,0,0\n', "two columns 'label'"),
        ('name,label\n', 'has no valid row'),
        ('name,label\na,\n', 'no valid row; the first: .* line 2: no label'),
        (b'name,label\n\xff\xfe,0\n', 'is not UTF-8 text'),
        (b'name,label\na\0,0\n', 'zero bytes'),
        ('name,label\n"a' + 'x' * 200_000 + '",0\n', 'line 2: field larger than'),
    ],
)
def test_an_invalid_table_raises_one_line(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_missing_files_raise(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        labels.read_labels(tmp_path / 'no.csv')
    with pytest.raises(IsADirectoryError, match='is a folder; name a file'):
        labels.read_labels(tmp_path)


def test_clips_and_rows_are_paired_by_whole_name_then_by_its_last_part(read):
    table = read('name,label\na,0\nwave/b,1\nbow/b,2\nc,3\nlost,4\nd\n')
    found = dict.fromkeys(['x/a', 'wave/b', 'bow/b', 'x/c', 'y/c', 'z'])
    items = labels.pair_up(table, {name: Path(name) for name in found})
    rows = [row.label if isinstance(row, Row) else row.replace(table.source, 'CSV') for _, row in items]
    assert rows == [
        0, 1, 2,
        "2 clips are named 'c'; write 'x/c' in CSV",
        "2 clips are named 'c'; write 'y/c' in CSV",
        "no row of CSV is named 'z'",
        'no clip with this name was found',
        'no clip with this name was found',
        'no label',
    ]  # fmt: skip
    assert [row.name for row in labels.rows_of(items)] == ['a', 'wave/b', 'bow/b']
    assert labels.paired(items[0]) == (Path('x/a'), Row('a', 0))
    with pytest.raises(LeftOut, match="named 'z'"):
        labels.paired(items[5])


def test_names_without_any_match_raise_with_examples(read):
    table = read('name,label\nclip_1,0\nclip_2,1\n')
    with pytest.raises(
        ValueError, match=r"none of the 1 clips found is in .*: found '1', which names 'clip_1', 'clip_2'"
    ):
        labels.pair_up(table, {'1': Path('1.json')})


def options(tmp_path, overwrite=False, shard=None):
    name = 'X.shard-{}-of-{}.pkl'.format(*shard) if shard else 'X.pkl'
    return argparse.Namespace(out=tmp_path / name, overwrite=overwrite, shard=shard)


def test_class_names_are_written_once_and_never_replace_others(tmp_path):
    for shard in (None, (1, 2), (2, 2)):
        labels.check_classes_free(options(tmp_path, shard=shard), ('bow', 'wave'))
        labels.write_classes(options(tmp_path, shard=shard), ('bow', 'wave'))
    assert [path.name for path in tmp_path.iterdir()] == ['X.classes.txt']
    assert labels.read_classes(tmp_path / 'X.classes.txt') == ('bow', 'wave')
    with pytest.raises(FileExistsError, match='exists with other classes'):
        labels.check_classes_free(options(tmp_path), ('bow', 'jump'))
    labels.check_classes_free(options(tmp_path, overwrite=True), ('bow', 'jump'))


def test_a_repeated_class_raises(tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_text('wave\nbow\nwave\n')
    with pytest.raises(ValueError, match="has 'wave' twice"):
        labels.read_classes(path)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab01,;\n\r"\t -é\u2028'), max_size=60))
def test_any_text_gives_rows_or_raises_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / 'fuzz.csv'
    path.write_text('name,label\n' + text, newline='')
    try:
        found = labels.read_labels(path)
    except ValueError as why:
        assert str(why)
        return
    assert all(row.name and 0 <= row.label < 100_000 for row in found.rows)
    assert len({row.name for row in found.rows}) == len(found.rows)
