"""``pyskl data scene``, and ``pyskl predict`` on its file."""

import sys

import numpy as np
import pytest

from pyskl.cli.data.scene import main
from pyskl.inference.keypoint_lines import read_lines
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.scene import make_scene, random_plans


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['pyskl data scene', *map(str, words)])
    main()


def test_the_file_has_the_scene_and_the_command_prints_its_intervals(monkeypatch, capsys, tmp_path):
    out = tmp_path / 'new' / 'scene.jsonl'
    call(monkeypatch, '--seconds', 9, '--seed', 2, '--out', out)
    scene = make_scene(2, random_plans(2, people=2, seconds=9))
    frames = list(read_lines(out.read_text().splitlines(), get_skeleton('coco')))
    assert len(frames) == 270 and frames[30].time == 1.0 and frames[0].size == (1080, 1920)
    assert {tuple(frame.ids) for frame in frames} == {(0, 1)}
    read = np.stack([frame.keypoint for frame in frames], axis=1)
    assert np.abs(read - scene.keypoint).max() <= 0.05 + 1e-3  # one decimal of a pixel
    lines = capsys.readouterr().out.splitlines()
    person, start, end, action = scene.intervals[0]
    assert lines[0] == f'{start:8.2f} - {end:7.2f} s  person {person}  {action}'
    assert lines[-1] == f'wrote {out}' and len(lines) == len(scene.intervals) + 1


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--out', 'x.json'], '--out x.json must end in .jsonl'),
        (['--out', 'x.jsonl', '--people', '0'], '--people must be 1 to 10, got 0'),
        (['--out', 'x.jsonl', '--seconds', 'nan'], '--seconds must be 1 to 3600, got nan'),
        (['--out', 'x.jsonl', '--seed', '-1'], r'--seed must be 0 to 2\*\*32 - 1, got -1'),
    ],
)
def test_invalid_options_raise(monkeypatch, words, message):
    with pytest.raises(ValueError, match=message):
        call(monkeypatch, *words)


def test_an_existing_file_is_replaced_only_with_overwrite(monkeypatch, tmp_path):
    out = tmp_path / 'scene.jsonl'
    out.write_text('mine')
    with pytest.raises(FileExistsError, match='exists already; pass --overwrite'):
        call(monkeypatch, '--seconds', 1, '--out', out)
    assert out.read_text() == 'mine'
    call(monkeypatch, '--seconds', 1, '--people', 1, '--out', out, '--overwrite')
    assert len(out.read_text().splitlines()) == 30
