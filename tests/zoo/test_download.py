"""Downloads from a local server."""

import hashlib
import http.server
import re
import threading

import pytest

from pyskl.zoo.download import fetch, home

BODY = bytes(range(256)) * 40
SHA = hashlib.sha256(BODY).hexdigest()


class Files(http.server.BaseHTTPRequestHandler):
    """Serve BODY under every name; while ``server.cuts`` is positive, send a third of the announced length only."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers['Range']))
        if self.path.startswith('/gone'):
            self.send_error(404)
            return
        span = re.fullmatch(r'bytes=(\d+)-', self.headers['Range'] or '')
        start = int(span.group(1)) if span and self.headers['If-Range'] == server.tag else 0
        if start >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header('ETag', server.tag)
        self.send_header('Content-Length', str(len(BODY) - start))
        self.end_headers()
        rest = BODY[start:]
        self.wfile.write(rest[: len(rest) // 3] if server.cuts > 0 else rest)
        server.cuts -= 1

    def log_message(self, *args):
        """Print nothing."""


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv('PYSKL_HOME', str(tmp_path / 'home'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Files)
    server.requests, server.cuts, server.tag = [], 0, '"one"'
    server.address = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def test_a_file_is_downloaded_once_and_its_hash_is_stored(server):
    path = fetch(f'{server.address}/a/j.pth')
    assert read(path) == BODY
    assert path == fetch(f'{server.address}/a/j.pth')
    assert len(server.requests) == 1
    assert read(f'{path}.sha256').split()[0].decode() == SHA
    assert path.startswith(str(home()))


def test_equal_file_names_of_different_addresses_are_different_files(server):
    assert fetch(f'{server.address}/a/j.pth') != fetch(f'{server.address}/b/j.pth')


def test_an_interrupted_download_resumes(server):
    server.cuts = 1
    with pytest.raises(OSError, match=f'ended after {len(BODY) // 3} of {len(BODY)} bytes; run the same command again'):
        fetch(f'{server.address}/j.pth', SHA)
    assert read(fetch(f'{server.address}/j.pth', SHA)) == BODY
    assert [requests for _, requests in server.requests] == [None, f'bytes={len(BODY) // 3}-']


def test_a_download_restarts_if_the_file_changed_on_the_server(server):
    server.cuts = 1
    with pytest.raises(OSError, match='run the same command again to resume'):
        fetch(f'{server.address}/j.pth')
    server.tag = '"two"'
    assert read(fetch(f'{server.address}/j.pth')) == BODY


@pytest.mark.parametrize('expected', [SHA, SHA[:8], SHA.upper()])
def test_a_matching_hash_or_prefix_is_accepted(server, expected):
    assert fetch(f'{server.address}/j.pth', expected)


def test_a_wrong_hash_raises_and_removes_the_download(server):
    with pytest.raises(ValueError, match=f'sha256 {SHA}, expected 0000; the download was removed'):
        fetch(f'{server.address}/j.pth', '0000')
    assert not list((home() / 'checkpoints').glob('*.pth'))


def test_the_hash_in_a_file_name_is_compared(server):
    assert fetch(f'{server.address}/stgcn-{SHA[:8]}.pth')
    with pytest.raises(ValueError, match='expected 00000000'):
        fetch(f'{server.address}/stgcn-00000000.pth')


def test_a_changed_file_raises_and_is_renamed(server):
    path = fetch(f'{server.address}/j.pth')
    with open(path, 'r+b') as file:
        file.write(b'xxxx')
    with pytest.raises(ValueError, match='damaged or was changed'):
        fetch(f'{server.address}/j.pth')
    assert read(f'{path}.damaged')[:4] == b'xxxx'
    assert read(fetch(f'{server.address}/j.pth')) == BODY


def test_a_missing_file_and_another_protocol_raise(server):
    with pytest.raises(OSError, match=f'cannot download {server.address}/gone.pth: the server responded 404'):
        fetch(f'{server.address}/gone.pth')
    with pytest.raises(ValueError, match='not an http'):
        fetch('file:///etc/passwd')


def test_simultaneous_callers_share_one_download(server):
    paths = []
    threads = [threading.Thread(target=lambda: paths.append(fetch(f'{server.address}/j.pth'))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == 1 and len(paths) == 4 and len(server.requests) == 1
