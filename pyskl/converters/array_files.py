"""Read one array from a user's file: ``.mat``, ``.npz``, ``.npy``, ``.json``, ``.csv`` and other text tables.

None of them can run code: NumPy's files are read with pickles disabled, JSON and text cannot hold objects, and only
numbers are read from a MAT file.
"""

import contextlib
import csv
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io

from pyskl.converters import json_input

MAX_BYTES = 16 << 30
_OURS = ('--key', 'no key', 'key ', 'MATLAB 7.3')  # prefix of our own errors
SUFFIXES = ('.mat', '.npz', '.npy', '.json', '.csv', '.tsv', '.txt')


def read_array(path: Path, key: str | None = None) -> np.ndarray:
    """Read the numbers that ``key`` selects in the file.

    Args:
        path: A file with one of :data:`SUFFIXES`.
        key: For ``.npz`` the member and for ``.mat`` the variable, ``a.b`` being field b of struct a; for ``.json``
            the keys from the top, ``people.0.joints``; for a table the columns, ``1:`` being all but the first; for
            ``.npy`` nothing. None: the only array; for ``.json`` and tables, all.

    Returns:
        Floats or integers, of any shape.

    Raises:
        ValueError: If the file is not of the type its name says, lacks the key, or holds anything but numbers there.
        OSError: If it cannot be read.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f'the file name must end with one of {", ".join(SUFFIXES)}')
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'larger than {MAX_BYTES >> 30} GB')
    try:
        array = reader(path, key)
    except MemoryError:
        raise ValueError('the file does not fit into memory') from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiu':
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f'{"its content" if key is None else f"key {key!r}"} is {found}, not an array of numbers')
    return array


def _npy(path: Path, key: str | None) -> np.ndarray:
    if key is not None:
        raise ValueError(f'a .npy file has no key {key!r}; remove --key')
    with path.open('rb') as file, _garbled('NumPy array'):
        return np.load(file, allow_pickle=False)


def _npz(path: Path, key: str | None) -> np.ndarray:
    with path.open('rb') as file, _garbled('archive of NumPy arrays'), np.load(file, allow_pickle=False) as members:
        key = _only(key, members.files)
        if members.zip.getinfo(f'{key}.npy').file_size > MAX_BYTES:
            raise ValueError(f'key {key!r} is larger than {MAX_BYTES >> 30} GB')
        return members[key]


@contextlib.contextmanager
def _garbled(what: str) -> Iterator[None]:
    """Convert any exception that NumPy's and SciPy's readers raise on a damaged file to a ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if str(error).startswith(_OURS):
            raise
        raise ValueError(f'not a valid {what}: {_without_advice(error)}') from None


def _without_advice(error: Exception) -> str:
    """NumPy's message, without its advice to allow pickles."""
    text = ' '.join(str(error).split()) or type(error).__name__
    return 'it contains Python objects, which could run code' if 'pickle' in text else text


def _mat(path: Path, key: str | None) -> np.ndarray:
    first, *fields = (key or '').split('.')
    with path.open('rb') as file, _garbled('MAT file'), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if scipy.io.matlab.matfile_version(file)[0] == 2:
            raise ValueError('MATLAB 7.3 (HDF5) is not supported; save it with -v7, or as .npz')
        known = [name for name, *_ in scipy.io.whosmat(file)]
        content = scipy.io.loadmat(file, variable_names=[_only(first or None, known)])
    found = [name for name in content if not name.startswith('__')]
    if not found:
        raise ValueError(f'not a valid MAT file: variable {known[0]!r} is listed but missing')
    value = content[found[0]]
    for field in fields:
        while isinstance(value, np.ndarray) and value.dtype.names is None and value.size == 1 and value.dtype == object:
            value = value.item()
        if not isinstance(value, np.ndarray) or field not in (value.dtype.names or ()):
            raise ValueError(f'no key {key!r}: {first!r} has no field {field!r}')
        value = value[field]
    while isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.item()
    return value


def _json(path: Path, key: str | None) -> np.ndarray:
    try:
        content = json_input.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f'not JSON: {error}') from None
    for step in key.split('.') if key else ():
        if isinstance(content, dict) and step in content:
            content = content[step]
        elif isinstance(content, list) and step.isascii() and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        else:
            has = list(content)[:8] if isinstance(content, dict) else f'a {type(content).__name__}'
            raise ValueError(f'no key {key!r}: {step!r} not found in {has}')
    if isinstance(content, dict):
        raise ValueError(f'--key must select one of its arrays: {", ".join(list(content)[:8])}')
    try:
        array = np.array(content)
    except (ValueError, OverflowError):
        raise ValueError('its lists differ in length') from None
    if array.dtype == object and _numbers_or_null(content):
        array = np.array(content, dtype=float)  # null is NaN
    return array


def _numbers_or_null(content: object) -> bool:
    if isinstance(content, list):
        return all(map(_numbers_or_null, content))
    return content is None or (isinstance(content, int | float) and not isinstance(content, bool))


def _table(path: Path, key: str | None) -> np.ndarray:
    """Read ``(rows, columns)``; a header line is skipped, empty cells are NaN."""
    start, _, stop = (key or ':').partition(':')
    try:
        columns = slice(int(start) if start else None, int(stop) if stop else None)
        if key and ':' not in key:
            raise ValueError
    except ValueError:
        raise ValueError(f"--key of a table must be columns such as '1:' or '2:36', got {key!r}") from None
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'not text: {error}') from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith('#')]
    if not lines:
        raise ValueError('it has no line of numbers')
    delimiter = max(',;\t', key=lines[0].count)
    if delimiter in lines[0]:
        try:
            rows = list(csv.reader(io.StringIO('\n'.join(lines)), delimiter=delimiter))
        except csv.Error as error:
            raise ValueError(f'not a valid table: {error}') from None
    else:
        rows = [line.split() for line in lines]
    head = not _all_numbers(rows[0][columns])
    rows = rows[head:]
    if not rows or len(set(map(len, rows))) > 1:
        raise ValueError(f'its rows have {sorted(set(map(len, rows)))[:5]} columns' if rows else 'it has only a header')
    if not len(rows[0][columns]):
        raise ValueError(f'--key {key} selects none of its {len(rows[0])} columns')
    try:
        return np.array([[float(cell) if cell.strip() else np.nan for cell in row[columns]] for row in rows])
    except ValueError as error:
        raise ValueError(f'a cell is not a number: {error}') from None


def _all_numbers(cells: list[str]) -> bool:
    for cell in cells:
        try:
            float(cell or 'nan')
        except ValueError:
            return False
    return True


def _only(key: str | None, names: list[str]) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return key
    if key is None:
        raise ValueError(f'--key must select one of its arrays: {", ".join(names[:8]) or "it has none"}')
    raise ValueError(f'no key {key!r}; it has {", ".join(names[:8])}')


_READERS = {
    '.mat': _mat, '.npz': _npz, '.npy': _npy, '.json': _json, '.csv': _table, '.tsv': _table, '.txt': _table,
}  # fmt: skip
