"""``pyskl predict`` with a simulated network that recognises waving and walking."""

import io
import json
import pickle
import re

import numpy as np
import pytest

from pyskl.cli import predict
from pyskl.inference.network import load_network
from pyskl.inference.recognizer import ActionRecognizer
from tests.inference.films import Explained, HandsUp, pose_of, render, two_people, write_film

MODEL = ['--model', 'any']


@pytest.fixture(scope='module')
def scene():
    return two_people()


@pytest.fixture
def call(monkeypatch, scene):
    """Run the command with the simulated recognizer."""
    monkeypatch.setattr(predict, 'make_recognizer', lambda args: ActionRecognizer.of(HandsUp(), pose_of(scene)))

    def run(*words, stdin=''):
        monkeypatch.setattr('sys.argv', ['predict', *map(str, words), *MODEL])
        monkeypatch.setattr('sys.stdin', io.StringIO(stdin))
        predict.main()

    return run


def lines_of(scene, **extra):
    for t in range(scene.keypoint.shape[1]):
        people = np.concatenate([scene.keypoint[:, t], scene.score[:, t, :, None]], -1).tolist()
        yield json.dumps({'size': [1080, 1920], 'people': [{'keypoints': person} for person in people], **extra})


def test_stdin_lines_give_one_json_line_per_event(call, scene, capsys, tmp_path):
    lines = '\n'.join(lines_of(scene))
    call('-', '--fps', 15, '--out', tmp_path / 'out', '--film-height', 180, stdin=lines)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(e['person'], e['label']) for e in events} == {(1, 'walk'), (1, 'wave'), (2, 'wave'), (2, 'walk')}
    assert (tmp_path / 'out' / 'film.mp4').stat().st_size > 1000


def test_a_file_of_lines_is_labelled_like_stdin(call, scene, capsys, tmp_path):
    path = tmp_path / 'people.jsonl'
    path.write_text('\n'.join(lines_of(scene)))
    call(path, '--fps', 15, '--out', tmp_path / 'out', '--no-film')
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[0].startswith('    0.00 - ')  # text, as for a video
    path.write_text('{"people": 3}')
    with pytest.raises(ValueError, match=f'{re.escape(str(path))}, line 1: a frame must be an object with a list'):
        call(path)


def test_decreasing_time_raises_after_writing_earlier_events(call, scene, capsys, tmp_path):
    lines = [*lines_of(scene), json.dumps({'time': 0.5, 'people': []})]
    with pytest.raises(ValueError, match='time must increase from frame to frame, got 0.5 s'):
        call('-', '--fps', 15, '--out', tmp_path / 'out', stdin='\n'.join(lines))
    assert len(json.loads((tmp_path / 'out' / 'events.json').read_text())['events']) == 4
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_video_prints_its_events(call, scene, capsys, tmp_path):
    call(write_film(tmp_path / 'a.mp4', render(scene)), '--out', tmp_path / 'out', '--no-film')
    out, err = capsys.readouterr()
    assert 'person 1  walk' in out and f'wrote {tmp_path / "out"}' in err
    assert not (tmp_path / 'out' / 'film.mp4').exists()


def test_an_annotation_file_is_labelled_clip_by_clip(call, scene, capsys, tmp_path):
    record = {
        'frame_dir': 'a', 'label': 0, 'total_frames': 90, 'img_shape': (1080, 1920), 'original_shape': (1080, 1920),
        'keypoint': scene.keypoint, 'keypoint_score': scene.score,
    }  # fmt: skip
    path = tmp_path / 'clips.pkl'
    path.write_bytes(pickle.dumps({'split': {}, 'annotations': [record, {**record, 'frame_dir': 'b'}]}))
    call(path, '--fps', 15, '--out', tmp_path / 'out', '--no-film')
    assert sorted(folder.name for folder in (tmp_path / 'out').iterdir()) == ['a', 'b']
    assert len(json.loads((tmp_path / 'out' / 'b' / 'events.json').read_text())['events']) == 4


def test_keypoint_json_with_other_joints_raises(call, tmp_path):
    person = {'image_id': '1.jpg', 'keypoints': [1.0, 2.0, 0.5] * 26, 'score': 1.0}
    (tmp_path / 'a.json').write_text(json.dumps([person]))
    with pytest.raises(ValueError, match=r'has 26 joints, but the network needs 17 \(coco\)'):
        call(tmp_path / 'a.json')


@pytest.mark.parametrize(
    ('words', 'error', 'message'),
    [
        (['nowhere.mp4'], FileNotFoundError, 'nowhere.mp4 does not exist; it must be a video'),
        (['0', '--fps', '0'], ValueError, '--fps must be above 0'),
        (['-', '--show'], ValueError, '--show needs a video or a camera'),
        (['.', '--seconds', '3'], ValueError, '--seconds needs a camera or stdin'),
        (['-', '--explain'], ValueError, '--explain needs --out'),
        (['0', '--explain', '--out', 'out'], ValueError, '--explain needs a file'),
        (['-', '--clips', '0'], ValueError, '--clips must be 1 to 100, got 0'),
    ],
)
def test_invalid_options_of_predict_raise_one_line(call, words, error, message):
    with pytest.raises(error, match=message):
        call(*words)


@pytest.mark.parametrize('lines', [True, False])
def test_explain_draws_and_writes_responses(lines, tiny, scene, call, monkeypatch, tmp_path):
    network, _ = load_network(str(tiny.config), None)
    recognizer = ActionRecognizer.of(Explained(network), pose_of(scene))
    monkeypatch.setattr(predict, 'make_recognizer', lambda args: recognizer)
    out = tmp_path / 'out'
    if lines:
        call('-', '--fps', 15, '--out', out, '--film-height', 180, '--explain', stdin='\n'.join(lines_of(scene)))
    else:
        call(write_film(tmp_path / 'a.mp4', render(scene)), '--out', out, '--explain', 'gradient', '--overwrite')
    arrays = np.load(out / 'explain.npz')
    assert arrays['response'].shape == (180, 17) and arrays['cells'].shape == (180, 5, 5)
    assert np.isfinite(arrays['response']).all() and str(arrays['kind']) == ('magnitude' if lines else 'gradient')
    assert (arrays['index'] >= 0).all() == (not lines)
    assert (out / 'film.mp4').stat().st_size > 1000


def test_out_without_pyav_raises_before_anything_is_labelled(call, monkeypatch, tmp_path, capsys):
    (tmp_path / 'clips.pkl').write_bytes(pickle.dumps([]))
    monkeypatch.setattr(predict, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match='film.mp4, which needs PyAV; run pip install av, or pass --no-film'):
        call(tmp_path / 'clips.pkl', '--out', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_folder_without_videos_or_images_raises(call, tmp_path):
    with pytest.raises(ValueError, match='has neither videos nor images'):
        call(tmp_path)


def test_a_config_without_a_checkpoint_raises(monkeypatch):
    with pytest.raises(ValueError, match='a.py needs a checkpoint'):
        predict.parse_args(['-', '--model', 'a.py'])
