"""Commands that open a malicious store print one line, soon, without a traceback."""

import numpy as np
import pytest

from pyskl.datasets.records.store_format import HEADER, ROW
from pyskl.datasets.records.store_writer import pack_annotations
from tests.datasets.records.test_store_attacks import Parts


def place(name, number, value):
    return lambda parts: parts.directory['tables'][name].__setitem__(number, value)


def entry(name, value):
    return lambda parts: parts.directory.__setitem__(name, value)


def cell(name, index, value):
    return lambda parts: parts.table(name).__setitem__(index, value)


def field(value):
    """Set the numbers of the first block, its offsets and shapes, to ``value``."""

    def change(parts):
        start = ROW.unpack_from(parts.data, parts.directory['tables']['rows'][2])[0]
        parts.data[start : start + 64] = np.full(8, value, '<u8').tobytes()
        parts.row(0)

    return change


ATTACKS = {
    'a negative place': place('labels', 2, -64),
    'a place far away': place('shapes', 2, 2**62),
    'rows without end': place('rows', 1, [10**9, 0]),
    'a table of objects': place('labels', 0, '|O'),
    'a block beyond the file': lambda parts: parts.row(0, start=2**40),
    'a block in the header': lambda parts: parts.row(0, start=8),
    'a kind that is not there': lambda parts: parts.row(0, kind=2**30),
    'huge arrays': field(2**62),
    'an array of 2**32 numbers': field(2**32),
    'names that go backwards': cell('names_ends', 1, 2**40),
    'a split of clips that are not there': cell('split 0', 0, 2**40),
    'splits of no kind': entry('splits', 7),
    'kinds of no kind': entry('kinds', [[['keypoint', 'array', ['<f2', 10**9]]]]),
    'steps of no kind': entry('steps', 7),
}
UNREAD = 'names that go backwards'
FILES = {
    'cut in the middle': lambda data: data[: len(data) // 2],
    'a header alone': lambda data: data[: HEADER.size],
    'another version': lambda data: data[:8] + b'\xff' * 4 + data[12:],
}


@pytest.fixture
def attacked(tiny):
    """``attacked(name)``: the store of the tiny experiment, attacked."""

    def write(name):
        path = tiny.folder / 'x.skl'
        with path.open('wb') as file:
            pack_annotations(tiny.clips, file)
        if name in FILES:
            path.write_bytes(FILES[name](path.read_bytes()))
        else:
            parts = Parts(path)
            ATTACKS[name](parts)
            parts.write()
        return path

    return write


@pytest.mark.parametrize('name', [*ATTACKS, *FILES])
def test_every_command_reports_a_malicious_store_in_one_line(tiny, attacked, tool, name):
    path = attacked(name)
    options = ['--cfg-options', f'data.train.dataset.ann_file={path}', 'model.backbone.base_channels=4']
    doors = {
        'data.check': [path],
        'data.pack': [path, '--verify'],
        'data.browse': [path, '--out', tiny.folder / 'films', '--split', 'xsub_train', '--size', '48'],
        'train': [tiny.config, '--work-dir', tiny.work_dir, '--no-validate', *options],
    }
    for door, arguments in doors.items():
        status, stderr = tool(door, *arguments)
        lines = [line for line in stderr.splitlines() if line and '%|' not in line]  # without the progress bar
        skipped = lines[:1] == ['skipped 1:']
        if skipped:  # browse draws the other clips
            lines = [f'error: {line}' for line in lines[1:]]
        assert all(line.startswith('error: ') for line in lines) and len(lines) <= 1, (door, stderr)
        # Names are used in messages only; training does not read them.
        harmless = skipped or (door, name) == ('train', UNREAD)
        assert status == (0 if harmless else 1), (door, status, stderr)
