import subprocess
import sys
from pathlib import Path

from pyskl.datasets.records.annotations import read_annotations

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'synthetic.py'


def generate(*args):
    done = subprocess.run([sys.executable, str(TOOL), *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.strip().splitlines()[-1:]


def test_the_file_depends_on_the_seed_and_can_be_loaded(tmp_path):
    for name in ('one', 'two'):
        status, output, _ = generate('--layout', 'coco', '--clips', 50, '--seed', 7, '--out', tmp_path / name)
        assert status == 0
    assert (tmp_path / 'one').read_bytes() == (tmp_path / 'two').read_bytes()
    records, splits = read_annotations(tmp_path / 'one')
    assert len(records) == 50
    assert (len(splits['xsub_train']), len(splits['xsub_val'])) == (40, 10)  # people 0, 1, 2, 4 and person 3
    assert '50 clips, 10 actions, 17 joints (coco), pixels and scores' in output
    assert '  3 clap: 5' in output


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path):
    out = tmp_path / 'x.pkl'
    out.write_bytes(b'mine')
    status, _, errors = generate('--clips', 40, '--out', out)
    assert (status, out.read_bytes()) == (1, b'mine')
    assert errors == [f'error: --out {out} exists already; pass --overwrite to replace it, or choose another file']
    assert generate('--clips', 40, '--out', out, '--overwrite')[0] == 0
    assert len(read_annotations(out)[0]) == 40


def test_too_few_clips_raise_one_line(tmp_path):
    status, _, errors = generate('--clips', 3, '--out', tmp_path / 'x.pkl')
    assert status == 1
    assert errors == ['error: clips must be at least 40, so that validation has every action, got 3']
