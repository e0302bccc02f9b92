"""Rows of a table of configs and seeds, and their accuracies."""

import json
import pickle

import numpy as np
import pytest

from pyskl.cli.table_rows import Row, accuracies, fused_name, markdown, outside_split, spread


def test_spread_is_mean_and_sample_deviation():
    assert spread([80.0]) == '80.0'
    assert spread([80.0, 82.0]) == '81.0 ± 1.4'  # sqrt(2)


def test_the_table_has_a_column_for_the_clips_that_remain():
    row = Row(
        name='a', parameters=1_400_000, macs=350_000_000, seconds=192, left_out=['copy'],
        accuracies={1: [(464, 90.0), (369, 80.0)], 2: [(464, 92.0), (369, 80.0)]},
    )  # fmt: skip
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
    assert accuracies([tmp_path / 's.pkl'], [1], []) == [(4, 75.0)]
    assert accuracies([tmp_path / 's.pkl'], [1], ['c', 'd']) == [(4, 75.0), (2, 100.0)]
    with pytest.raises(ValueError, match="--leave-out has clip 'x', which is not among the 4 clips"):
        accuracies([tmp_path / 's.pkl'], [1], ['a', 'x'])


def test_outside_split_lists_the_other_clips(tiny):
    tiny.split['seen'] = tiny.split['xsub_val'][1:]
    tiny.write_clips()
    assert outside_split(str(tiny.clips), 'xsub_val', 'seen') == tiny.split['xsub_val'][:1]


def test_a_fused_row_has_the_weighted_sum_of_the_scores_of_each_clip(tmp_path):
    """Clips are matched by name: right is [1, 0], wrong [0, 1], so the file with the larger weight decides."""
    scores(tmp_path / 'j.pkl', 'abc', [True, False, True])
    scores(tmp_path / 'b.pkl', 'cba', [False, True, True])
    paths = [tmp_path / 'j.pkl', tmp_path / 'b.pkl']
    assert accuracies(paths, [2, 1], []) == [(3, pytest.approx(200 / 3))]  # a and c, as j
    assert accuracies(paths, [1, 2], ['a']) == [(3, pytest.approx(200 / 3)), (2, 50.0)]  # a and b, as b


def test_the_name_of_a_fused_row_has_weights_that_differ():
    assert fused_name(['j', 'b'], [1, 1]) == 'j + b'
    assert fused_name(['j', 'b', 'jm'], [0.6, 0.6, 0.4]) == 'j + b + jm, 0.6 : 0.6 : 0.4'


def test_a_fused_row_has_the_seeds_that_all_its_configs_have(tiny, tool):
    other = tiny.folder / 'other.py'
    other.write_text("_base_ = './tiny.py'\n")
    for config, seeds in (('tiny', (1, 2)), ('other', (2,))):
        for seed in seeds:
            work = tiny.folder / 'runs' / config / f's{seed}'
            work.mkdir(parents=True)
            scores(work / 'scores.pkl', 'ab', [True, config == 'tiny'])
            budget = {'cfg_options': [], 'train_options': [], 'gpus': 1}
            (work / 'table.json').write_text(json.dumps({'budget': budget, 'seconds': 60 * seed}))
    readme = tiny.folder / 'README.md'
    readme.write_text('<!-- table: begin -->\n<!-- table: end -->\n')
    options = ['--out', 'runs', '--seeds', 1, 2, '--table-only', '--write', readme]
    assert tool('table', tiny.config, other, '--fuse', f'{tiny.config}=2', other, *options) == (0, '')
    rows = [line.split(' | ') for line in readme.read_text().splitlines() if line.startswith('| ')]
    assert [(row[0], *row[3:]) for row in rows[2:]] == [
        ('| tiny', '100.0 ± 0.0', '1, 2', '2 |'),
        ('| other', '50.0', '2', '2 |'),
        ('| tiny + other, 2 : 1', '100.0', '2', '4 |'),
    ]
