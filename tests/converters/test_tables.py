import pytest

from pyskl.converters.tables import read_table, read_text


def table(tmp_path, content, needed=('clip', 'label')):
    path = tmp_path / 'labels.csv'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, '--labels', needed)


@pytest.mark.parametrize('mark', [',', ';', '\t'])
def test_the_delimiter_is_the_one_of_the_head(tmp_path, mark):
    columns, rows = table(tmp_path, f'Clip{mark} Label \na{mark}1\n\nb{mark}2\n')
    assert columns == ['clip', 'label']
    assert rows == [(2, {'clip': 'a', 'label': '1'}), (4, {'clip': 'b', 'label': '2'})]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    assert table(tmp_path, b'\xef\xbb\xbfclip,label\na,1\n')[0] == ['clip', 'label']


def test_short_rows_are_filled_and_long_rows_are_cut(tmp_path):
    assert table(tmp_path, 'clip,label\na\nb,2,more\n')[1] == [
        (2, {'clip': 'a', 'label': ''}),
        (3, {'clip': 'b', 'label': '2'}),
    ]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('clip,class\na,1\n', "no column 'label'"),
        ('clip,label,clip\n', "two columns 'clip'"),
        (b'clip,label\n\xff,1\n', 'UTF-8'),
        (b'clip,label\na\0,1\n', 'zero bytes'),
        ('', "no column 'clip'"),
    ],
)
def test_invalid_tables_raise(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        table(tmp_path, content)


def test_a_missing_file_and_a_folder_are_named_with_their_option(tmp_path):
    with pytest.raises(FileNotFoundError, match='--split-file .*none.txt does not exist'):
        read_text(tmp_path / 'none.txt', '--split-file')
    with pytest.raises(IsADirectoryError, match='name a file'):
        read_text(tmp_path, '--split-file')
