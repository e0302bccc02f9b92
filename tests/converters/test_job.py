"""Shared parts of the data tools, tested on items that are files with one number."""

import argparse
import csv
import importlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pyskl.converters.labels import Row
from pyskl.datasets.records.annotations import read_annotations
from pyskl.datasets.records.safe_pickle import load_numbers

job = importlib.import_module('pyskl.converters.job')


def number_of(path: Path, log: Path) -> dict:
    """The record of a file that contains a number of frames; calls are recorded in ``log``."""
    with log.open('a') as file:
        file.write(f'{path.stem}\n')
    text = path.read_text()
    if text == 'nobody':
        raise job.LeftOut('no body', 'it has no person')
    frames = int(text)
    return {
        'frame_dir': path.stem,
        'label': frames % 2,
        'total_frames': frames,
        'keypoint': np.zeros((1, frames, 3, 2), np.float16),
        'keypoint_score': np.zeros((1, frames, 3), np.float16),
    }


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'raw').mkdir()
    paths = [tmp_path / 'raw' / f'{name}.txt' for name in 'abcdef']
    for frames, path in enumerate(paths, 4):
        path.write_text(str(frames))
    return paths


def options(tmp_path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    job.add_job_options(parser)
    args = parser.parse_args(['--out', str(tmp_path / 'X.pkl'), *more])
    job.check_job_options(args)
    return args


def go(tmp_path, files, *more: str, splits=None, settings=None) -> list[str]:
    """Convert and write; return the names in the file."""
    args = options(tmp_path, *more)
    work = partial(number_of, log=tmp_path / 'log.txt')
    outcome = job.convert(args, files, work, settings, a_part=2)
    job.write_out(args, outcome, splits)
    return [record['frame_dir'] for record in read_annotations(args.out)[0]]


def worked(tmp_path) -> list[str]:
    """Items processed since the last call."""
    log = tmp_path / 'log.txt'
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(names)


@pytest.mark.parametrize('jobs', ['1', '2'])
def test_records_come_in_the_order_of_the_items(tmp_path, files, jobs):
    assert go(tmp_path, files, '--jobs', jobs) == list('abcdef')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['X.pkl', 'X.skipped.csv', 'log.txt', 'raw']


def test_skipped_items_are_listed_with_reason_and_counted(tmp_path, files, capsys):
    files[1].write_text('rubbish\n')
    files[2].write_text('nobody')
    assert go(tmp_path, files, '--max-bad', '20') == list('adef')
    rows = list(csv.reader((tmp_path / 'X.skipped.csv').open()))
    assert rows[0] == ['file', 'kind', 'reason']
    assert [(Path(row[0]).name, row[1]) for row in rows[1:]] == [('b.txt', 'garbled'), ('c.txt', 'no body')]
    assert 'skipped: 2 of 6, 1 garbled, 1 no body; ' in capsys.readouterr().out


def test_too_many_bad_files_raise_with_the_first_one(tmp_path, files):
    files[4].write_text('rubbish')
    with pytest.raises(ValueError, match=r'1 of 6 are garbled, more than --max-bad 1 %; the first: .*e\.txt: invalid'):
        go(tmp_path, files)
    assert not (tmp_path / 'X.pkl').exists()
    assert 'e.txt,garbled' in (tmp_path / 'X.skipped.csv').read_text()


def test_other_skipped_items_do_not_raise(tmp_path, files):
    for path in files[:5]:
        path.write_text('nobody')
    assert go(tmp_path, files, '--max-bad', '0') == ['f']
    files[5].write_text('nobody')
    with pytest.raises(ValueError, match=r'none of 6 files gives a clip; see the reasons in .*X\.skipped\.csv'):
        go(tmp_path, files, '--overwrite')


def test_only_new_or_changed_items_are_converted(tmp_path, files):
    files[4].write_text('rubbish')
    with pytest.raises(ValueError, match='garbled'):
        go(tmp_path, files)
    assert worked(tmp_path) == list('abcdef')
    files[4].write_text('12')
    assert go(tmp_path, files) == list('abcdef')
    assert worked(tmp_path) == ['e', 'f']  # its part, of two


def test_parts_with_other_settings_or_damage_are_redone(tmp_path, files):
    files[4].write_text('rubbish')
    for settings in (1, 2):
        with pytest.raises(ValueError, match='garbled'):
            go(tmp_path, files, settings=settings)
        assert worked(tmp_path) == list('abcdef')
    for part in (tmp_path / '.X.pkl.parts').iterdir():
        part.write_bytes(part.read_bytes()[:-20])
    files[4].write_text('12')
    assert go(tmp_path, files, settings=1) == list('abcdef')
    assert worked(tmp_path) == list('abcdef')


def test_a_file_that_could_not_be_read_is_retried(tmp_path, files):
    late = files[0].rename(tmp_path / 'late.txt')
    with pytest.raises(ValueError, match='No such file'):
        go(tmp_path, files)
    worked(tmp_path)
    late.rename(files[0])
    assert go(tmp_path, files) == list('abcdef')
    assert worked(tmp_path) == ['a', 'b']


def test_concatenated_shards_equal_the_full_run(tmp_path, files):
    names = [go(tmp_path, files, '--shard', f'{i}/4') for i in (1, 2, 3, 4)]
    assert names == [['a'], ['b', 'c'], ['d'], ['e', 'f']]
    assert (tmp_path / 'X.shard-2-of-4.pkl').exists()
    assert not (tmp_path / 'X.pkl').exists()


def test_an_empty_shard_is_written_too(tmp_path, files, capsys):
    splits = {'train': ['a']}
    args = options(tmp_path, '--shard', '1/3')
    outcome = job.convert(args, files[:2], partial(number_of, log=tmp_path / 'log.txt'))
    assert outcome.total == 0
    job.write_out(args, outcome, splits)
    assert load_numbers(args.out) == {'split': {'train': []}, 'annotations': []}
    assert 'no clips\nskipped: 0 of 0\n' in capsys.readouterr().out


def test_splits_contain_only_existing_clips(tmp_path, files):
    files[0].write_text('nobody')
    go(tmp_path, files, '--shard', '1/2', splits={'train': ['a', 'b', 'f'], 'val': ['c']})
    assert read_annotations(tmp_path / 'X.shard-1-of-2.pkl')[1] == {'train': ['b'], 'val': ['c']}


def test_a_second_clip_with_the_same_name_is_garbled(tmp_path, files):
    (tmp_path / 'more').mkdir()
    same_name = tmp_path / 'more' / 'a.txt'
    same_name.write_text('30')
    with pytest.raises(ValueError, match="a second clip with the name 'a'"):
        go(tmp_path, [*files, same_name])


def test_an_existing_file_is_kept_without_overwrite(tmp_path, files):
    (tmp_path / 'X.pkl').write_text('mine')
    with pytest.raises(FileExistsError, match='--overwrite'):
        options(tmp_path)
    assert options(tmp_path, '--shard', '1/2').out.name == 'X.shard-1-of-2.pkl'


@pytest.mark.parametrize('text', ['0/2', '3/2', '1', 'a/b', '1/0', '-1/2', '1/2/3'])
def test_a_shard_is_i_of_n(text):
    with pytest.raises(argparse.ArgumentTypeError, match='must be I/N with I from 1 to N'):
        job.shard(text)


def test_numbers_out_of_range_are_refused(tmp_path):
    with pytest.raises(ValueError, match='--jobs must be at least 1, got 0'):
        options(tmp_path, '--jobs', '0')
    with pytest.raises(ValueError, match='--max-bad must be 0 to 100'):
        options(tmp_path, '--max-bad', '101')


def test_a_folder_of_several_clips_is_reported_with_the_clip(tmp_path):
    first = tmp_path / 'a_000_keypoints.json'
    files = (tmp_path, ((0, first), (1, tmp_path / 'a_001_keypoints.json')))
    assert job.called((files, Row('a', 0))) == f'{tmp_path} (clip a)'
    assert job.called((files, 'no row')) == str(first)
    assert job.called((tmp_path / 'x.json', Row('a', 0))) == str(tmp_path / 'x.json')
