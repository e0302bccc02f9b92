"""Tables of configs and seeds: finished runs are not repeated, accuracies are those of the last checkpoint."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from pyskl.cli import table
from pyskl.cli.table import (
    accuracies,
    between_markers,
    commands,
    markdown,
    outside_split,
    parse_args,
    run_folder,
    spread,
)


def test_the_folder_of_a_run_follows_the_config():
    assert run_folder(Path('w'), '../configs/stgcn/a/j.py', 2) == Path('w/stgcn/a/j/s2')
    assert run_folder(Path('w'), '/tmp/mine.py', 1) == Path('w/mine/s1')


def test_spread_is_mean_and_sample_deviation():
    assert spread([80.0]) == '80.0'
    assert spread([80.0, 82.0]) == '81.0 ± 1.4'  # sqrt(2)


def test_cfg_options_reach_training_and_test_and_other_options_only_training():
    args = parse_args(['a.py', '--gpus', '2', '--cfg-options', 'total_epochs=1', '--', '--amp', 'bf16'])
    train, test = commands('a.py', 1, Path('w'), args)
    assert all(command[command.index('--processes') + 1] == '2' for command in (train, test))
    assert '--amp' in train and '--amp' not in test
    assert all('total_epochs=1' in command for command in (train, test))


def test_an_option_may_name_the_seed_of_the_run():
    args = parse_args(['d6.py', '--cfg-options', 'load_from=work_dirs/d5/s{seed}/latest.pth'])
    for seed in (1, 12):
        for command in commands('d6.py', seed, Path('w'), args):
            assert command[-1] == f'load_from=work_dirs/d5/s{seed}/latest.pth'


def test_the_table_has_a_column_for_the_clips_that_remain():
    row = {
        'config': 'a', 'parameters': 1.4e6, 'macs': 0.35e9, 'seeds': [1, 2], 'minutes': 3.2,
        'accuracies': [[(464, 90.0), (369, 80.0)], [(464, 92.0), (369, 80.0)]],
    }  # fmt: skip
    header, _, line = markdown([row]).splitlines()
    assert header == ('| config | parameters | GMACs | top-1, 464 clips | top-1, 369 clips | seeds | minutes per run |')
    assert line == '| a | 1.400 M | 0.350 | 91.0 ± 1.4 | 80.0 ± 0.0 | 1, 2 | 3 |'


def scores(path, names, right):
    rows = [
        {'frame_dir': name, 'label': 0, 'score': np.array([1.0, 0.0] if yes else [0.0, 1.0])}
        for name, yes in zip(names, right, strict=True)
    ]
    path.write_bytes(pickle.dumps(rows))


def test_accuracies_without_the_clips_left_out(tmp_path):
    scores(tmp_path / 's.pkl', 'abcd', [True, True, False, True])
    assert accuracies(tmp_path / 's.pkl', []) == [(4, 75.0)]
    assert accuracies(tmp_path / 's.pkl', ['c', 'd']) == [(4, 75.0), (2, 100.0)]
    with pytest.raises(ValueError, match="--leave-out has clip 'x', which is not among the 4 clips"):
        accuracies(tmp_path / 's.pkl', ['a', 'x'])


def test_only_what_is_between_the_markers_changes():
    text = 'a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n'
    assert between_markers(text, 't', 'new', Path('R')) == text.replace('old', 'new')
    for broken in ('', text + text, '<!-- t: end --><!-- t: begin -->'):
        with pytest.raises(ValueError, match='R must have the lines .* once each'):
            between_markers(broken, 't', 'new', Path('R'))


def test_outside_split_lists_the_other_clips(tiny):
    tiny.split['seen'] = tiny.split['xsub_val'][1:]
    tiny.write_clips()
    assert outside_split(str(tiny.clips), 'xsub_val', 'seen') == tiny.split['xsub_val'][:1]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--seeds', '1', '1'], '--seeds must be different numbers, got [1, 1]'),
        (['--gpus', '0'], '--gpus must be at least 1, got 0'),
        (['--', '--cfg-options', 'a=1'], '--cfg-options must be before --'),
        (['--table-only'], 'has no finished run of these configs and seeds; remove --table-only'),
        (['--leave-out', 'clips.pkl.missing'], 'clips.pkl.missing'),
        (['--write', 'tiny.py'], "tiny.py must have the lines '<!-- table: begin -->'"),
        (['--part', 'xsub_train'], '--part xsub_train has clip '),
        (['--part', 'xsub_vla'], "no split 'xsub_vla'; did you mean 'xsub_val'"),
        (['--part', 'xsub_val', '--leave-out', 'a.txt'], '--part and --leave-out exclude each other'),
        (['--cfg-options', 'total_epoch=1'], "'total_epoch'"),
    ],
)
def test_invalid_options_raise_before_training(tiny, refused, arguments, message):
    refused('table', [tiny.config, *arguments], message)


@pytest.mark.slow
def test_a_table_resumes_and_is_written_between_the_markers(tiny, tool):
    readme = tiny.folder / 'README.md'
    readme.write_text('before\n<!-- table: begin -->\n<!-- table: end -->\nafter\n')
    (tiny.folder / 'copies.txt').write_text(f'# copies\n{tiny.split["xsub_val"][0]}\n')
    command = [tiny.config, '--out', 'runs', '--leave-out', 'copies.txt', '--write', 'README.md']
    assert tool('table', *command, '--seeds', 1) == (0, '')
    first = tiny.folder / 'runs/tiny/s1'
    written = {path: path.stat().st_mtime_ns for path in first.iterdir()}

    (tiny.folder / 'runs/tiny/s2').mkdir()
    assert tool('table', *command, '--seeds', 1, 2) == (0, '')
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == written
    before, rest = readme.read_text().split('<!-- table: begin -->')
    table_and_command, after = rest.split('<!-- table: end -->')
    assert (before, after) == ('before\n', '\nafter\n')
    assert '| top-1, 4 clips | top-1, 3 clips |' in table_and_command
    assert '| 1, 2 |' in table_and_command and ' ± ' in table_and_command
    assert 'python tools/table.py' in table_and_command and '--seeds 1 2' in table_and_command

    status, output = tool('table', *command, '--seeds', 1, '--cfg-options', 'optimizer.lr=0.5')
    assert status == 1 and 'choose another --out, or use the same options' in output


def test_a_failed_training_names_the_file_with_its_output(tiny, tool, monkeypatch):
    monkeypatch.setattr(table, 'commands', lambda *_: [['false'], ['true']])
    status, output = tool('table', tiny.config, '--seeds', 1, '--out', 'runs')
    assert status == 1 and 'seed 1: train failed; see the end of runs/tiny/s1/output.txt' in output
