"""Bytes are those of the file wherever the window ends, and the file position follows the last byte used."""

import io

import pytest

from pyskl.datasets.records.byte_window import STEP, ByteWindow

DATA = bytes(i * 7 % 251 for i in range(STEP * 2 + 100))


@pytest.mark.parametrize('count', [1, 7, 4097, STEP - 1, STEP + 1, 2 * STEP])
def test_pieces_of_every_size_are_those_of_the_file(count):
    window, found = ByteWindow(io.BytesIO(DATA), len(DATA)), []
    for _ in range(min(len(DATA) // count, 60)):
        found.append(window.read(count))
        assert window.tell() == sum(map(len, found))
    assert b''.join(found) == DATA[: window.tell()]


def test_a_line_may_reach_over_the_end_of_the_window():
    lines = b'a' * (STEP - 3) + b'\n' + b'b' * 10 + b'\n' + b'c'
    window = ByteWindow(io.BytesIO(lines), len(lines))
    assert [len(window.readline()), window.readline()] == [STEP - 2, b'b' * 10 + b'\n']
    with pytest.raises(EOFError, match='unexpected end of file within a line'):
        window.readline()


def test_missing_bytes_are_not_allocated():
    window = ByteWindow(io.BytesIO(b'abc'), 3)
    with pytest.raises(EOFError, match='3000000000 bytes'):
        window.read(3 * 10**9)
    with pytest.raises(EOFError):
        window.read(4)


def test_bytes_read_ahead_are_returned_to_the_file():
    file = io.BytesIO(DATA)
    file.seek(5)
    window = ByteWindow(file, len(DATA))
    assert window.read(3) == DATA[5:8]
    window.close()
    assert file.tell() == 8 == window.tell()
    window.move(STEP)
    assert window.read(2) == DATA[STEP : STEP + 2]
