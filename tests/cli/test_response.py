import sys

import numpy as np
import pytest
from PIL import Image

from pyskl.cli import response
from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import load_config


@pytest.fixture
def call(tiny, monkeypatch, capsys):
    """``call(*arguments)`` -> stdout; files are written to ``call.out``."""
    import torch

    model = build_recognizer(load_config(str(tiny.config)), torch.device('cpu'))
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tiny.folder / 'net.pth')

    def run(*arguments):
        out = tiny.folder / 'out'
        monkeypatch.setattr(
            sys, 'argv', ['response', *map(str, (tiny.config, tiny.folder / 'net.pth', '--out', out, *arguments))]
        )
        assert response.main() == 0
        return capsys.readouterr().out

    run.out = tiny.folder / 'out'
    return run


def test_the_video_of_a_clip_has_its_frames_and_the_grid(tiny, call):
    name = tiny.split['xsub_val'][0]
    output = call('--ids', name, '--size', 64, '--gradient', '--of', 2)
    assert f'{name}: class 0, predicted class' in output and 'contribution to class 2' in output
    with Image.open(call.out / f'{name}.gif') as film:
        assert film.n_frames == tiny.annotations[8]['total_frames']
        assert film.width > 48 + 64  # a panel of joints and the square of the grid
    with pytest.raises(FileExistsError, match='exists'):
        call('--ids', name)


def test_a_sheet_has_a_row_per_clip(call):
    assert 'wrote 3 of 3 clips' in call('--random', 3, '--sheet', '--size', 64, '--columns', 2)
    with Image.open(call.out / 'response.png') as sheet:
        assert sheet.height > 3 * 64
    assert [path.name for path in call.out.iterdir()] == ['response.png']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((), 'select clips with --ids, --split, --label or --random'),
        (('--random', 1, '--of', 1), '--of needs --gradient'),
        (
            ('--random', 1, '--gradient', '--of', 'swim'),
            "--of 'swim' is not a class; give a name, e.g. 'class 0', or 0",
        ),
        (('--random', 1, '--size', 7), '--size must be 48 to 2160, got 7'),
        (('--split', 'xsub_val', '--max-clips', 2), '4 clips are selected'),
    ],
)
def test_invalid_options_of_response_raise(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)
    assert not call.out.exists()


def test_strengths_are_scaled_between_the_visible_extremes():
    values = np.array([2.0, 4.0, 6.0, 100.0]).reshape(1, 1, 4)
    seen = np.array([True, True, True, False]).reshape(1, 1, 4)
    found = response.strengths(values, seen)[0, 0]
    assert found[0] == 0 and found[2] == found[3] == 1
    assert found[1] == pytest.approx((4 - 2.2) / (6 - 2.2))  # the 5th percentile of 2, 4, 6 is 2.2
    assert response.strengths(values, ~seen & False).max() == 0
