"""Read text and tables written by users, as saved by spreadsheets, and report files of other types."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

MAX_BYTES = 256 << 20


def read_text(path: Path, what: str) -> str:
    """Read a small text file of the user.

    Args:
        path: The file.
        what: The option that named it.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger than expected, or not UTF-8.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{what} {path} is a folder; name a file')
    if not path.exists():
        raise FileNotFoundError(f'{what} {path} does not exist')
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'{what} {path} is larger than {MAX_BYTES >> 20} MB')
    content = path.read_bytes()
    try:
        text = content.decode('utf-8-sig')  # spreadsheets prepend a byte order mark
    except UnicodeDecodeError as error:
        raise ValueError(f'{what} {path} is not UTF-8 text ({error}); save it as CSV in UTF-8') from None
    if '\0' in text:
        raise ValueError(f'{what} {path} is not text: it contains zero bytes')
    return text


def read_table(path: Path, what: str, needed: Sequence[str]) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a table with a header: lower-case column names, and (line number, values by column) per row.

    Raises:
        ValueError: If it is not a table, or lacks a column of ``needed``.
    """
    text = read_text(path, what)
    head = text.split('\n', 1)[0]
    delimiter = max(',;\t', key=head.count)
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        lacking = [column for column in needed if column not in columns]
        if lacking:
            raise ValueError(
                f'{what} {path} has no column {lacking[0]!r}; its first line must be a header such as '
                f'{",".join(needed)}, got {head.strip()[:80]!r}'
            )
        twice = [column for column, count in Counter(columns).items() if count > 1 and column]
        if twice:
            raise ValueError(f'{what} {path} has two columns {twice[0]!r}')
        rows = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                # Missing cells are empty; cells beyond the header are ignored.
                cells = [cell.strip() for cell in cells] + [''] * (len(columns) - len(cells))
                rows.append((reader.line_num, dict(zip(columns, cells, strict=False))))
    except csv.Error as error:
        raise ValueError(f'{what} {path}, line {reader.line_num}: {error}') from None
    return columns, rows
