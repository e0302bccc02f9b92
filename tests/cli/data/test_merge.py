"""Merging shards and other pickles."""

import argparse
import importlib
import pickle
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations, write_annotations
from tests.converters.test_job import number_of

job, merge = importlib.import_module('pyskl.converters.job'), importlib.import_module('pyskl.cli.data.merge')
SPLITS = {'val': ['f', 'a'], 'train': ['b', 'c', 'd', 'e', 'gone']}


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'raw').mkdir()
    paths = [tmp_path / 'raw' / f'{name}.txt' for name in 'abcdef']
    for frames, path in enumerate(paths, 4):
        path.write_text(str(frames))
    return paths


@pytest.fixture
def convert(tmp_path):
    """``convert('--shard', '1/4')``: run a data tool."""

    def call(files, *more):
        parser = argparse.ArgumentParser()
        job.add_job_options(parser)
        args = parser.parse_args(['--out', str(tmp_path / 'X.pkl'), '--max-bad', '100', *more])
        job.check_job_options(args)
        outcome = job.convert(args, files, partial(number_of, log=tmp_path / 'log.txt'), a_part=2)
        job.write_out(args, outcome, SPLITS)
        return args.out

    return call


@pytest.fixture
def merged(capfd, monkeypatch):
    """``merged(*arguments)`` -> (exit status, stdout, last line of stderr)."""
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['merge.py', *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            merge.run(merge.main)
        captured = capfd.readouterr()
        return left.value.code, captured.out, (captured.err.strip().splitlines() or [''])[-1]

    return call


@pytest.mark.parametrize('count', [1, 2, 4, 8])  # 8 shards of 6 files: some have none
def test_merged_shards_equal_the_whole_byte_for_byte(tmp_path, files, convert, merged, count):
    files[1].write_text('rubbish')
    files[4].write_text('nobody')
    shards = [convert(files, '--shard', f'{i}/{count}') for i in range(1, count + 1)]
    whole = convert(files)
    status, output, _ = merged(*reversed(shards), '--out', tmp_path / 'Y.pkl')
    assert status == 0
    assert (tmp_path / 'Y.pkl').read_bytes() == whole.read_bytes()
    assert (tmp_path / 'Y.skipped.csv').read_bytes() == (tmp_path / 'X.skipped.csv').read_bytes()
    assert '4 clips, 2 classes, 3 joints, 2D\n' in output
    assert 'skipped: 2 of 6, 1 garbled, 1 no body; ' in output
    assert read_annotations(tmp_path / 'Y.pkl')[1] == {'val': ['a', 'f'], 'train': ['c', 'd']}


def test_other_pickles_are_merged_in_the_given_order(tmp_path, merged):
    for name, frames in (('one', 2), ('two', 3)):
        record = {'frame_dir': name, 'label': 0, 'total_frames': frames, 'keypoint': np.ones((1, frames, 5, 3))}
        write_annotations(tmp_path / f'{name}.pkl', [record], {'train': [name]})
    status, output, _ = merged(tmp_path / 'two.pkl', tmp_path / 'one.pkl', '--out', tmp_path / 'Y.pkl')
    assert status == 0 and 'skipped' not in output
    records, splits = read_annotations(tmp_path / 'Y.pkl')
    assert [record['frame_dir'] for record in records] == ['two', 'one']
    assert splits == {'train': ['two', 'one']}
    assert not (tmp_path / 'Y.skipped.csv').exists()


def test_records_with_boxes_are_merged(tmp_path, merged):
    for name in ('one', 'two'):
        boxes = {'frame_dir': name, 'label': 0, 'total_frames': 9, 'keypoint': np.ones((2, 17, 3), np.float16)}
        write_annotations(tmp_path / f'{name}.pkl', [{**boxes, 'frame_inds': np.array([3, 4])}])
    status, output, _ = merged(tmp_path / 'one.pkl', tmp_path / 'two.pkl', '--out', tmp_path / 'Y.pkl')
    assert status == 0 and output.startswith('2 clips\n')


def test_a_shard_without_its_table_is_reported(tmp_path, files, convert, merged):
    shards = [convert(files, '--shard', f'{i}/2') for i in (1, 2)]
    (tmp_path / 'X.shard-2-of-2.skipped.csv').unlink()
    assert 'X.shard-2-of-2.skipped.csv does not exist; ' in merged(*shards, '--out', tmp_path / 'Y.pkl')[1]


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path, files, convert, merged):
    shards = [convert(files, '--shard', f'{i}/2') for i in (1, 2)]
    for name in ('X.pkl', 'X.skipped.csv'):
        (tmp_path / name).write_text('mine')
        status, _, error = merged(*shards, '--out', tmp_path / 'X.pkl')
        assert status == 1 and f'{name} exists' in error
        assert (tmp_path / name).read_text() == 'mine'
        (tmp_path / name).unlink()
    (tmp_path / 'X.pkl').write_text('mine')
    assert merged(*shards, '--out', tmp_path / 'X.pkl', '--overwrite')[0] == 0
    assert len(read_annotations(tmp_path / 'X.pkl')[0]) == 6


def names(*shards):
    return [Path(f'd/X.shard-{shard}.pkl') for shard in shards]


@pytest.mark.parametrize(
    ('paths', 'why'),
    [
        (names('1-of-4', '4-of-4'), '2 of 4 shards are missing: 2, 3; the first would be d/X.shard-2-of-4.pkl'),
        (names('1-of-2', '2-of-2', '1-of-2'), 'd/X.shard-1-of-2.pkl is given twice'),
        ([*names('1-of-1'), Path('e/X.shard-1-of-1.pkl')], 'd/X.shard-1-of-1.pkl and e/.* are the same shard'),
        (names('1-of-2', '2-of-3'), 'shards of different files'),
        ([*names('1-of-2'), Path('d/Z.shard-2-of-2.pkl')], 'shards of different files'),
        ([*names('1-of-2'), Path('d/other.pkl')], 'd/X.shard-1-of-2.pkl is a shard and d/other.pkl is not'),
        (names('1-of-1', '2-of-1'), 'd/X.shard-1-of-1.pkl is one of 1 shards, but 2 are given'),
    ],
)
def test_incomplete_shards_raise(paths, why):
    with pytest.raises(ValueError, match=why):
        merge.in_order(paths)


def record(name, frames=2, joints=5, channels=3, **more):
    keypoint = np.ones((1, frames, joints, channels), np.float32)
    return {'frame_dir': name, 'label': 0, 'total_frames': frames, 'keypoint': keypoint, **more}


SCORE = np.ones((1, 2, 5), np.float32)


@pytest.mark.parametrize(
    ('first', 'second', 'why'),
    [
        (([record('a')], {'x': ['a']}), ([record('b')], {'y': ['b']}), r"p has the splits \['x'\] and q has .*'y'"),
        (([record('a')], {'x': ['a']}), ([record('b')], None), 'q has no splits; they must have the same splits'),
        (([record('a')], None), ([record('a')], None), "clip 'a' is in p and in q"),
        (
            ([record('a')], None),
            ([record('b', joints=6)], None),
            "'a' has 5 joints with 3 .* 'b' of q has 6 joints with 3",
        ),
        (([record('a', channels=2)], None), ([record('b')], None), 'has 5 joints with 2 .* of q has 5 joints with 3'),
        (
            ([record('a', channels=2)], None),
            ([record('b', channels=2, keypoint_score=SCORE)], None),
            'with 2 coordinates, but .* 5 joints with 2 coordinates and a score',
        ),
    ],
)
def test_files_that_do_not_match_raise(first, second, why):
    with pytest.raises(ValueError, match=why):
        merge.join({Path('p'): first, Path('q'): second})


def test_invalid_files_and_tables_raise_one_line(tmp_path, files, convert, merged):
    shards = [convert(files, '--shard', f'{i}/2') for i in (1, 2)]
    table = tmp_path / 'X.shard-1-of-2.skipped.csv'
    for content in (b'name\nx\n', b'', b'file,kind,reason\nx\n', b'file,kind,reason\n"' + b'x' * 200_000 + b'",a,b'):
        table.write_bytes(content)
        status, _, error = merged(*shards, '--out', tmp_path / 'Y.pkl')
        assert status == 1 and f'{table} is not a table of skipped clips' in error
    table.unlink()
    shards[0].write_bytes(pickle.dumps(print))
    status, _, error = merged(*shards, '--out', tmp_path / 'Y.pkl')
    assert status == 1 and 'could run code' in error
    assert 'does not exist' in merged(tmp_path / 'none.pkl', '--out', tmp_path / 'Y.pkl')[2]
    assert not (tmp_path / 'Y.pkl').exists()


def test_shards_without_clips_raise(tmp_path, convert, merged):
    shards = [convert([], '--shard', f'{i}/2') for i in (1, 2)]
    assert 'files has a clip' in merged(*shards, '--out', tmp_path / 'Y.pkl')[2]


def test_a_missing_file_raises_one_line(tmp_path, merged):
    status, _, error = merged(tmp_path / 'no.shard-1-of-2.pkl', '--out', tmp_path / 'X.pkl')
    assert status == 1
    assert (
        error
        == f'error: {tmp_path / "no.shard-1-of-2.pkl"} does not exist; give the shards or annotation pickles to merge'
    )
