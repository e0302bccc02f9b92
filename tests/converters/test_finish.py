import argparse

import numpy as np
import pytest

from pyskl.converters.finish import finish
from pyskl.converters.job import add_job_options, convert
from pyskl.converters.labels import Row
from pyskl.datasets.records.annotations import read_annotations


def record(name):
    keypoint = np.ones((1, 6, 17, 2), np.float16)
    return {'frame_dir': name, 'label': 0, 'total_frames': 6, 'keypoint': keypoint, 'keypoint_score': keypoint[..., 0]}


@pytest.fixture
def args(tmp_path):
    parser = argparse.ArgumentParser()
    add_job_options(parser)
    return parser.parse_args(['--out', str(tmp_path / 'x.pkl')])


def test_the_file_the_notes_and_the_class_names_are_written(args, capsys):
    outcome = convert(args, ['a', 'b'], record, (), unit='clips')
    rows = [Row(name='a', label=0), Row(name='b', label=0)]
    finish(args, outcome, rows, {'train': ['a'], 'val': ['b']}, 'coco', ['wave'], ['note: sizes were guessed'])
    assert [clip['frame_dir'] for clip in read_annotations(args.out)[0]] == ['a', 'b']
    assert args.out.with_name('x.classes.txt').read_text() == 'wave\n'
    output = capsys.readouterr().out
    assert 'note: sizes were guessed' in output and '17 joints (coco)' in output
