"""Tables of configs and seeds: finished runs are not repeated, accuracies are those of the last checkpoint."""

from pathlib import Path

import pytest

from pyskl.cli import table
from pyskl.cli.table import between_markers, commands, fused_configs, parse_args, run_folder


def test_the_folder_of_a_run_follows_the_config():
    assert run_folder(Path('w'), '../configs/stgcn/a/j.py', 2) == Path('w/stgcn/a/j/s2')
    assert run_folder(Path('w'), '/tmp/mine.py', 1) == Path('w/mine/s1')


def test_cfg_options_reach_training_and_test_and_other_options_only_training():
    args = parse_args(['a.py', '--gpus', '2', '--cfg-options', 'total_epochs=1', '--', '--amp', 'bf16'])
    train, test = commands('a.py', 1, Path('w'), args)
    assert all(command[command.index('--processes') + 1] == '2' for command in (train, test))
    assert '--amp' in train and '--amp' not in test
    assert all('total_epochs=1' in command for command in (train, test))


def test_configs_of_a_fusion_may_have_weights():
    args = parse_args(['j.py', 'b.py', 'a=1.py', '--fuse', 'j.py=2', 'b.py', '--fuse', 'a=1.py', 'b.py=0.5'])
    assert args.fuse == [(['j.py', 'b.py'], [2, 1]), (['a=1.py', 'b.py'], [1, 0.5])]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['j.py'], 'needs two or more different configs, got j.py'),
        (['j.py', 'j.py=2'], 'needs two or more different configs, got j.py j.py=2'),
        (['j.py', 'jm.py'], '--fuse jm.py is not among the configs of this table: j.py, b.py'),
        (['j.py', 'b.py=two'], '--fuse b.py=two must end in a number after =, as in b.py=2'),
        (['j.py', 'b.py=nan'], '--fuse b.py=nan must end in a number'),
        (['j.py=0', 'b.py=0'], '--fuse j.py=0 b.py=0 has only weights of 0'),
    ],
)
def test_invalid_fusions_are_refused(words, message):
    with pytest.raises(ValueError, match=message.replace('?', '.')):
        fused_configs(words, ['j.py', 'b.py'])


def test_the_command_beside_the_table_trains():
    assert parse_args(['a.py', '--table-only', '--gpus', '2']).command == 'a.py --gpus 2'


def test_an_option_may_name_the_seed_of_the_run():
    args = parse_args(['d6.py', '--cfg-options', 'load_from=work_dirs/d5/s{seed}/latest.pth'])
    for seed in (1, 12):
        for command in commands('d6.py', seed, Path('w'), args):
            assert command[-1] == f'load_from=work_dirs/d5/s{seed}/latest.pth'


def test_only_what_is_between_the_markers_changes():
    text = 'a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n'
    assert between_markers(text, 't', 'new', Path('R')) == text.replace('old', 'new')
    for broken in ('', text + text, '<!-- t: end --><!-- t: begin -->'):
        with pytest.raises(ValueError, match='R must have the lines .* once each'):
            between_markers(broken, 't', 'new', Path('R'))


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


def test_fused_configs_must_be_tested_on_the_same_clips(tiny, refused):
    other = tiny.folder / 'other.py'
    other.write_text("_base_ = './tiny.py'\ndata = dict(test=dict(split='xsub_train'))\n")
    fuse = [tiny.config, other, '--fuse', tiny.config, other]
    refused('table', fuse, '--fuse needs configs with one test set, but', "'xsub_val'", "'xsub_train'")


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
