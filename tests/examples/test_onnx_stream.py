"""The example without torch and pyskl gives the scores of ``pyskl test``."""

import ast
import importlib.util
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

import torch  # noqa: E402

from pyskl import apis  # noqa: E402
from pyskl.cli import export  # noqa: E402
from pyskl.engine.build import build_recognizer  # noqa: E402
from tests.conftest import TinyExperiment  # noqa: E402

EXAMPLE = Path(__file__).resolve().parents[2] / 'examples' / 'onnx_stream.py'
TEN = "test=dict(type='PoseDataset', ann_file='@', split='xsub_val', pipeline=test_pipeline)"
WITHOUT_TORCH = """
import runpy, sys
sys.modules['torch'] = sys.modules['pyskl'] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def load_example():
    spec = importlib.util.spec_from_file_location('onnx_stream', EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def experiment(tmp_path_factory):
    """A tiny Ske2Grid, tested on ten clips per record, exported as net.onnx."""
    tiny = TinyExperiment(tmp_path_factory.mktemp('tiny'))
    tiny.write_config("test=dict(type='PoseDataset', ann_file='@', split='xsub_val')", TEN)
    text = tiny.config.read_text().replace(
        'data = dict(',
        'test_pipeline = [dict(step) for step in val_pipeline]\n'
        "test_pipeline[2].update(num_clips=10)\nclasses = ['wave', 'clap', 'kick', 'bow']\ndata = dict(",
    )
    tiny.config.write_text(text)
    torch.manual_seed(0)
    model = build_recognizer(apis.load_config(str(tiny.config)), torch.device('cpu'))
    with torch.no_grad():
        model.cls_head.fc.weight.mul_(500)  # so that classes differ
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tiny.folder / 'net.pth')
    with pytest.MonkeyPatch.context() as patch:
        files = [str(tiny.folder / name) for name in ('tiny.py', 'net.pth', 'net.onnx')]
        patch.setattr(sys, 'argv', ['export', *files[:2], '--out', files[2]])
        export.main()
    return tiny


@pytest.fixture(scope='module')
def model(experiment):
    return load_example().Recognizer(experiment.folder / 'net.onnx')


def run(*arguments, **more):
    """Run the example in a process in which torch and pyskl cannot be imported."""
    return subprocess.run(
        [sys.executable, '-c', WITHOUT_TORCH, EXAMPLE, *arguments], capture_output=True, text=True, timeout=120,
        env={key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}, **more,
    )  # fmt: skip


def test_the_example_imports_numpy_and_onnxruntime_only():
    imports = set()
    for node in ast.walk(ast.parse(EXAMPLE.read_text())):
        if isinstance(node, ast.Import):
            imports |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports.add(node.module.split('.')[0])
    assert imports - sys.stdlib_module_names == {'numpy', 'onnxruntime'}


def test_scores_equal_those_of_pyskl_test(experiment, model):
    dump = experiment.folder / 'scores.pkl'
    apis.test(apis.load_config(str(experiment.config)), str(experiment.folder / 'net.pth'), dump=str(dump))
    expected = {row['frame_dir']: row['score'] for row in pickle.loads(dump.read_bytes())}
    assert len(expected) == 4
    spread = np.ptp(list(expected.values()), axis=0).max()
    assert spread > 0.01  # clips differ
    for record in experiment.annotations[8:]:
        scores = model.scores(record['keypoint'], record['keypoint_score'], record['img_shape'])
        assert scores == pytest.approx(np.asarray(expected[record['frame_dir']]), abs=1e-5)


def test_a_clip_is_labelled_without_torch(experiment, model):
    record = experiment.annotations[8]
    arrays = {key: record[key] for key in ('keypoint', 'keypoint_score', 'img_shape')}
    np.savez(experiment.folder / 'clip.npz', **arrays)
    process = run(experiment.folder / 'net.onnx', experiment.folder / 'clip.npz')
    assert process.returncode == 0, process.stderr
    scores = model.scores(**arrays)
    best = int(scores.argmax())
    assert process.stdout.splitlines()[1] == f'{scores[best]:.4f}  {["wave", "clap", "kick", "bow"][best]}'


def lines_of(record, **more):
    """Yield a record as JSON lines."""
    joints = np.concatenate([record['keypoint'], record['keypoint_score'][..., None]], -1).astype(float)
    for t in range(joints.shape[1]):
        people = [{'keypoints': person[t].tolist()} for person in joints]
        yield json.dumps({'size': list(record['img_shape']), 'people': people, **more}) + '\n'


def test_a_stream_is_labelled_once_per_window(experiment, model):
    record = experiment.annotations[8]
    lines = [*lines_of(record), 'null\n', '\n']
    process = run(experiment.folder / 'net.onnx', '-', input=''.join(lines))
    assert process.returncode == 0, process.stderr
    events = [json.loads(line) for line in process.stdout.splitlines()]
    frames = record['keypoint'].shape[1]
    times = [event['time'] for event in events]
    assert times[:2] == pytest.approx([8 / 30, 16 / 30], abs=1e-3) and len(times) == frames // 8
    # The second window holds frames 8 to 16.
    window = {key: record[key][:, 8:17] for key in ('keypoint', 'keypoint_score')}
    scores = model.scores(**window, img_shape=record['img_shape'])
    assert events[1]['person'] == 0
    assert events[1]['label'] == model.classes[int(scores.argmax())]
    assert events[1]['score'] == pytest.approx(scores.max(), abs=1e-4)


def test_a_person_gets_no_labels_after_leaving(model):
    record = np.random.default_rng(0).random((17, 3)).tolist()
    frames = [{'time': 0.1 * t, 'people': [{'id': 7, 'keypoints': record}] if t < 5 else []} for t in range(30)]
    events = list(load_example().label_stream(model, map(json.dumps, frames), 30, 0.2))
    assert {event['person'] for event in events} == {7}
    assert max(event['time'] for event in events) <= 0.4 + 1.0


@pytest.mark.parametrize(
    'line, message',
    [('{"people": [{}]}', "frame 1: KeyError('keypoints')"), ('7', 'frame 1: '), ('{', 'frame 1: JSONDecodeError')],
)
def test_an_invalid_line_prints_one_line(experiment, line, message):
    process = run(experiment.folder / 'net.onnx', '-', input=line)
    assert process.returncode == 1
    assert process.stderr.startswith(f'error: {message}') and process.stderr.count('\n') == 1


def test_other_joints_and_other_files_raise(model, tmp_path):
    with pytest.raises(
        ValueError, match=r'needs keypoint \(M, T, 17, 3\), coco joints of x, y, score, got \(1, 5, 25, 3'
    ):
        model.scores(np.zeros((1, 5, 25, 3)))
    (tmp_path / 'net.onnx').write_text('not a model')
    with pytest.raises(ValueError, match='net.onnx cannot be opened'):
        load_example().Recognizer(tmp_path / 'net.onnx')
