"""A small /dev/shm and full disks: real file systems of a few kilobytes, mounted for a single command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_bad_checkpoint import save_network

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def mounted(mounts, command, folder, **environment):
    """Run a tool with file systems of the given sizes at ``mounts``; exit status, lines of stderr, files left there."""
    where = ' '.join(f"'{path}'" for path in mounts)
    script = [f"mkdir -p '{path}' && mount -t tmpfs -o size={size} tmpfs '{path}'" for path, size in mounts.items()]
    script.append('{ "$@"; status=$?; }')
    script.append(f"{{ find {where} -mindepth 1 > '{folder}/left.txt'; exit $status; }}")
    command = ['unshare', '-m', 'sh', '-c', ' && '.join(script), 'sh', sys.executable, *map(str, command)]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    left = [Path(line).name for line in (folder / 'left.txt').read_text().splitlines()]
    return done.returncode, done.stderr.splitlines(), left


@pytest.fixture(autouse=True)
def namespaces(tmp_path):
    """Skip if mount namespaces are not available: they need root and may be forbidden in containers."""
    if shutil.which('unshare') is None:
        pytest.skip('no unshare')
    probe = f"mount -t tmpfs -o size=4k tmpfs '{tmp_path}'"
    if subprocess.run(['unshare', '-m', 'sh', '-c', probe], capture_output=True).returncode:
        pytest.skip('mounts are not permitted here')


def one_line(status, lines, *messages):
    assert status == 1 and len(lines) == 1, '\n'.join(lines)
    for part in ('error: ', *messages):
        assert part in lines[0], lines[0]


def test_loader_workers_with_a_small_shared_memory(tiny):
    tiny.write_config('clip_len=8', 'clip_len=6000')  # 10 MB per batch
    command = [ROOT / 'tools/train.py', 'tiny.py', '--work-dir', 'run', '--cfg-options', 'data.workers_per_gpu=1']
    status, lines, _ = mounted({'/dev/shm': '4m'}, command, tiny.folder)
    one_line(status, lines, '/dev/shm (4 MB)', '--shm-size=8g', 'data.workers_per_gpu=0')
    assert not [path for path in (tiny.folder / 'run').iterdir() if path.name.endswith(('.tmp', '.pth'))]


def test_a_work_dir_that_fills_up_keeps_the_checkpoints_that_are_whole(tiny):
    command = [ROOT / 'tools/train.py', 'tiny.py', '--work-dir', 'run', '--cfg-options', 'total_epochs=60',
               'checkpoint_config.interval=1']  # fmt: skip
    status, lines, left = mounted({tiny.work_dir: '640k'}, command, tiny.folder)
    one_line(status, lines, 'no space left', '.pth', str(tiny.work_dir))
    epochs = sorted(int(name[6:-4]) for name in left if name.startswith('epoch_'))
    assert epochs == list(range(1, len(epochs) + 1)) and len(epochs) >= 1
    assert 'latest.pth' in left and not [name for name in left if '.tmp' in name]


def test_packing_onto_a_full_disk_leaves_no_file(tiny):
    small = tiny.folder / 'small'
    status, lines, left = mounted(
        {small: '16k'}, [ROOT / 'tools/data/pack.py', 'clips.pkl', 'small/x.skl'], tiny.folder
    )
    one_line(status, lines, 'no space left', 'x.skl')
    assert left == []


def test_a_full_cache_is_reported(tiny):
    save_network(tiny, 'fits.pth')
    small = tiny.folder / 'small'
    command = [ROOT / 'tools/train.py', 'tiny.py', '--work-dir', 'run']
    places = {'PYSKL_CACHE': str(small / 'cache'), 'TMPDIR': str(small)}
    status, lines, left = mounted({small: '16k'}, command, tiny.folder, **places)
    one_line(status, lines, 'no folder can hold the cached records', 'set PYSKL_CACHE to a private folder', '1 MB free')
    assert not [name for name in left if name.endswith(('.tmp', '.records'))]


def test_scores_onto_a_full_disk_leave_no_file(tiny):
    save_network(tiny, 'fits.pth')
    small = tiny.folder / 'small'
    command = [ROOT / 'tools/test.py', 'tiny.py', 'fits.pth', '--out', 'small/scores.pkl', '--dump', 'other.pkl']
    script = f"head -c 8k /dev/zero > '{small}/full'"
    status, lines, left = mounted({small: '8k'}, ['-c', RUN, script, *command], tiny.folder)
    one_line(status, lines, 'no space left', 'scores.pkl')
    assert left == ['full']


RUN = """
import os, subprocess, sys
subprocess.run(sys.argv[1], shell=True)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
