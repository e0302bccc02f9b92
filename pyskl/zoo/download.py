"""Download published files once, with resumption and checksums; files are never executed.

They are stored in ``$PYSKL_HOME/checkpoints``; ``PYSKL_HOME`` defaults to ``$PYSKL_CACHE``, else
``$XDG_CACHE_HOME/pyskl``, else ``~/.cache/pyskl``. The sha256 of each file, from the zoo or else from the first
download, is stored with it and verified at each use.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlparse

from tqdm import tqdm

from pyskl.files import write_text

CHUNK = 1 << 18
TIMEOUT = 30  # seconds without data
_HASH_IN_NAME = re.compile(r'-([0-9a-f]{8})\.(?:pth|onnx|zip)$')  # OpenMMLab's file names end in part of the sha256


def home() -> Path:
    """Return the folder of downloaded files."""
    named = os.environ.get('PYSKL_HOME') or os.environ.get('PYSKL_CACHE')
    if named:
        return Path(named)
    return Path(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'pyskl')


def fetch(url: str, sha256: str | None = None) -> str:
    """Return the local path of ``url``, downloading it if necessary.

    Args:
        url: An http(s) address.
        sha256: The file's hash in hex, or the beginning of it, if known.

    Raises:
        OSError: If the address cannot be reached, or the download is interrupted; the next call resumes it.
        ValueError: If the sha256 does not match; a new download is removed, an existing file is renamed.
    """
    if not url.startswith(('http://', 'https://')):
        raise ValueError(f'{url!r} is not an http(s) address')
    name = os.path.basename(urlparse(url).path) or 'file'
    address = hashlib.sha256(url.encode()).hexdigest()[:8]  # two addresses may end in the same name
    path = home() / 'checkpoints' / f'{address}_{name}'
    path.parent.mkdir(parents=True, exist_ok=True)
    in_name = _HASH_IN_NAME.search(name)
    known = sha256 or (in_name.group(1) if in_name else None)
    with _alone(path):
        if path.is_file():
            _check_held(path, known, url)
            return str(path)
        part = path.with_name(f'{path.name}.part')
        try:
            _download(url, part)
        except (OSError, HTTPException) as error:
            raise OSError(f'cannot download {url}: {_reason(error)}') from error
        found = _sha256(part)
        if known and not found.startswith(known.lower()):
            part.unlink()
            raise ValueError(f'{url} has sha256 {found}, expected {known}; the download was removed')
        write_text(_note(path), f'{found}  {path.name}\n')
        os.replace(part, path)
    return str(path)


def _check_held(path: Path, known: str | None, url: str) -> None:
    """Verify the hash of an existing file.

    Raises:
        ValueError: If it does not match; the file is renamed.
    """
    note = _note(path)
    noted = note.read_text().split()[:1] if note.is_file() else []
    expected = known or (noted[0] if noted else None)
    found = _sha256(path)
    if expected is None:
        write_text(note, f'{found}  {path.name}\n')
    elif not found.startswith(expected.lower()):
        aside = path.with_name(f'{path.name}.damaged')
        os.replace(path, aside)
        raise ValueError(
            f'{path} has sha256 {found}, expected {expected}: it is damaged or was changed, and was renamed to '
            f'{aside.name}; run the same command again to download {url}'
        )


def _download(url: str, part: Path) -> None:
    """Download ``url`` to ``part``, resuming if the file on the server has not changed."""
    tag_file = part.with_name(f'{part.name}.json')
    tag = _read_tag(tag_file) if part.is_file() else None
    start = part.stat().st_size if tag else 0
    request = urllib.request.Request(url, headers={'User-Agent': 'pyskl'})
    if start:
        request.add_header('Range', f'bytes={start}-')
        request.add_header('If-Range', tag)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # longer than the file on the server: start again
        _download(url, part)
        return
    with response:
        if response.status != 206:
            start = 0
        total = start + int(response.headers['Content-Length']) if response.headers['Content-Length'] else None
        tag = response.headers['ETag'] or response.headers['Last-Modified'] or ''
        write_text(tag_file, json.dumps({'tag': '' if tag.startswith('W/') else tag}))
        size = _copy(response, part, start, total)
    if total is not None and size < total:
        raise OSError(f'the connection ended after {size} of {total} bytes; run the same command again to resume')
    tag_file.unlink(missing_ok=True)


def _copy(response: HTTPResponse, part: Path, start: int, total: int | None) -> int:
    """Append the body to the first ``held`` bytes of ``part``; return the new size."""
    bar = tqdm(total=total, initial=start, unit='B', unit_scale=True, desc=part.name[9:-5], leave=False)
    with open(part, 'r+b' if start else 'wb') as file, bar:
        file.seek(start)
        file.truncate()
        while chunk := response.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
        return file.tell()


def _read_tag(path: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(path.read_text())['tag'] or None
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f'the server responded {error.code} {error.reason}'
    return str(getattr(error, 'reason', None) or error or type(error).__name__)


def _note(path: Path) -> Path:
    return path.with_name(f'{path.name}.sha256')


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock so that one process downloads ``path`` while others wait."""
    with open(path.with_name(f'{path.name}.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
