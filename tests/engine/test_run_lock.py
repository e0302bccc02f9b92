import json
import os
import subprocess
import sys
import time

import pytest

from pyskl.engine import run_lock
from pyskl.engine.run_lock import NAME, locked

HOLD = """
import sys, time
from pyskl.engine.run_lock import locked
with locked(sys.argv[1]):
    print('held', flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, '-c', HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'held\n'
    yield process
    process.kill()
    process.wait()


def test_the_lock_file_is_removed_after_the_block(tmp_path):
    for _ in range(2):
        with locked(tmp_path):
            assert json.loads((tmp_path / NAME).read_text())['pid'] == os.getpid()
        assert os.listdir(tmp_path) == []


def test_a_second_run_raises_until_the_first_is_killed(tmp_path, holder):
    with (
        pytest.raises(OSError, match=rf'is in use by process {holder.pid} on .*pass another --work-dir'),
        locked(tmp_path),
    ):
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_without_file_locks_the_lock_is_valid_while_the_process_runs(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(run_lock, '_kernel_lock', lambda descriptor: None)
    with pytest.raises(OSError, match=f'in use by process {holder.pid}'), locked(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_a_lock_of_another_machine_is_stale_without_updates(tmp_path):
    path = tmp_path / NAME
    path.write_text(json.dumps({'pid': 1, 'host': 'node7', 'boot': 'another', 'since': 'today'}))
    with pytest.raises(OSError, match='in use by process 1 on node7'), locked(tmp_path):
        pass
    os.utime(path, (time.time() - run_lock.STALE - 1,) * 2)
    with locked(tmp_path):
        pass


def test_a_link_at_the_path_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / 'mine').write_text('mine')
    (tmp_path / NAME).symlink_to(tmp_path / 'mine')
    with pytest.raises(OSError), locked(tmp_path):
        pass
    assert (tmp_path / 'mine').read_text() == 'mine'
