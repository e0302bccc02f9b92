"""Label synthetic scenes with a network trained by tools/quickstart.sh or configs/quickstart/stgcn++.py.

Run with PYSKL_QUICKSTART='CONFIG CHECKPOINT' in the environment.
"""

import os

import pytest

from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.stream import StreamSettings
from pyskl.synthetic.scene import make_scene

PLANS = [[('wave', 5), ('squat', 5), ('walk', 5)], [('clap', 4), ('kick', 6), ('punch', 5)]]


@pytest.fixture(scope='module')
def recognizer():
    return ActionRecognizer(*os.environ['PYSKL_QUICKSTART'].split(), settings=StreamSettings(center=True))


@pytest.mark.slow
@pytest.mark.skipif('PYSKL_QUICKSTART' not in os.environ, reason='needs PYSKL_QUICKSTART="CONFIG CHECKPOINT"')
@pytest.mark.parametrize('seed', range(1, 7))
def test_actions_of_two_people_are_labelled_within_half_a_second(recognizer, seed):
    scene = make_scene(seed, PLANS)
    stream, events = recognizer.stream(scene.fps, scene.size), []
    for t in range(scene.keypoint.shape[1]):
        events += stream.update((scene.keypoint[:, t], scene.score[:, t]), ids=(0, 1))
    events += stream.finish()
    for person, start, end, action in scene.intervals:
        matches = [event for event in events if event.person == person and event.label == action]
        assert len(matches) == 1, (person, action, events)
        assert matches[0].start == pytest.approx(start, abs=0.5) and matches[0].end == pytest.approx(end, abs=0.5)
