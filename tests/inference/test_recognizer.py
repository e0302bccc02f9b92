import contextlib
import json
import resource

import numpy as np
import pytest

av = pytest.importorskip('av')

from pyskl.inference.live import label_live  # noqa: E402
from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer, find_model  # noqa: E402
from pyskl.inference.sources import FilmSource  # noqa: E402
from tests.inference.films import SIZE, HandsUp, pose_of, render, two_people, write_film  # noqa: E402


@pytest.fixture(scope='module')
def scene():
    return two_people()


@pytest.fixture(scope='module')
def film(scene, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp('film') / 'two.mp4', render(scene), sound=True)


@pytest.fixture(scope='module')
def labelled(scene, film, tmp_path_factory):
    out = tmp_path_factory.mktemp('labelled') / 'out'
    recognizer = ActionRecognizer.of(HandsUp(), pose_of(scene))
    return list(recognizer.film(film, out)), out


def test_intervals_of_two_people_are_within_half_a_second(scene, labelled):
    events, _ = labelled
    intervals = {}  # persons may be numbered in any order
    for event in events:
        intervals.setdefault(event.person, []).append((event.label, event.start, event.end))
    assert len(intervals) == 2
    expected = {}
    for person, start, end, action in scene.intervals:
        expected.setdefault(person, []).append((action, start, end))
    plans = sorted(expected.values())
    for labelled_intervals, plan in zip(sorted(intervals.values()), plans, strict=True):
        assert [label for label, *_ in labelled_intervals] == [action for action, *_ in plan]
        for (_, start, end), (_, true_start, true_end) in zip(labelled_intervals, plan, strict=True):
            assert start == pytest.approx(true_start, abs=0.5) and end == pytest.approx(true_end, abs=0.5)


def test_the_folder_has_events_scores_and_the_film_with_sound(labelled):
    events, out = labelled
    assert sorted(path.name for path in out.iterdir()) == [
        'events.csv', 'events.json', 'events.srt', 'film.mp4', 'scores.npz',
    ]  # fmt: skip
    summary = json.loads((out / 'events.json').read_text())
    assert len(summary['events']) == len(events) == 4
    assert (summary['layout'], summary['classes']) == ('coco', ['walk', 'wave'])
    assert (out / 'events.csv').read_text().splitlines()[0] == 'person,start,end,label,score,partner'
    assert '00:00:00,000 --> ' in (out / 'events.srt').read_text()
    scores = np.load(out / 'scores.npz')
    assert scores['scores'].shape == (len(scores['time']), 2) and set(scores['person']) == {1, 2}
    with av.open(str(out / 'film.mp4')) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == 'h264' and video.width == SIZE[1] and video.height > SIZE[0]
        assert sum(1 for _ in container.decode(video)) == 90
    with av.open(str(out / 'film.mp4')) as container:
        assert container.streams.audio[0].codec_context.name == 'aac'
        sound = [frame.samples for frame in container.decode(audio=0)]
        assert sum(sound) / 16000 == pytest.approx(6, abs=0.2)


def test_interrupting_writes_the_events_so_far(scene, film, tmp_path):
    recognizer = ActionRecognizer.of(HandsUp(), pose_of(scene))

    def stop(frames, total, what):
        for number, frame in enumerate(frames):
            if number == 70:
                raise KeyboardInterrupt
            yield frame

    with pytest.raises(KeyboardInterrupt):
        list(recognizer.film(film, tmp_path / 'out', progress=stop))
    summary = json.loads((tmp_path / 'out' / 'events.json').read_text())
    assert sorted(event['label'] for event in summary['events']) == ['walk', 'walk', 'wave', 'wave']
    assert summary['events'][-1]['end'] == pytest.approx(69 / 15, abs=0.01)
    assert not (tmp_path / 'out' / 'film.mp4').exists()


def test_existing_results_need_overwrite(scene, film, labelled):
    _, out = labelled
    with pytest.raises(FileExistsError, match='events.json exists already; pass --overwrite'):
        next(ActionRecognizer.of(HandsUp(), pose_of(scene)).film(film, out))


def test_a_film_without_people_is_reported(film):
    class Nobody:
        layout = 'coco'

        def people(self, frame):
            return np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)

    lines = []
    assert list(ActionRecognizer.of(HandsUp(), Nobody()).film(film, report=lines.append)) == []
    assert lines == [f'no person was detected in {film}']


def test_an_estimator_of_another_skeleton_raises(film):
    class Hands:
        layout = 'handmp'

    with pytest.raises(ValueError, match="needs joints of 'coco', but the pose estimator detects 'handmp'"):
        next(ActionRecognizer.of(HandsUp(), Hands()).film(film))


@contextlib.contextmanager
def small_disk(size):
    """Limit files to ``size`` bytes inside the block only: pytest's own output may go to a larger file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope='module')
def noisy(tmp_path_factory):
    """A film that compresses badly, so that its copy fills the disk."""
    noise = np.random.RandomState(0).randint(0, 255, (90, 90, 160, 3), np.uint8)
    return write_film(tmp_path_factory.mktemp('noisy') / 'noise.mp4', noise, size=(90, 160))


def labels_in(folder):
    return sorted(event['label'] for event in json.loads((folder / 'events.json').read_text())['events'])


def test_a_full_disk_leaves_a_shorter_film_and_all_events(scene, noisy, tmp_path):
    out, events = tmp_path / 'out', []
    message = r'film.mp4 ends at \d.\d s: .*; events and scores are in '
    with small_disk(400_000), pytest.raises(OSError, match=message) as error:
        events.extend(ActionRecognizer.of(HandsUp(), pose_of(scene)).film(noisy, out))
    assert '\n' not in str(error.value)
    assert labels_in(out) == ['walk', 'walk', 'wave', 'wave']
    frames = 0
    with av.open(str(out / 'film.mp4')) as film, contextlib.suppress(av.error.FFmpegError):
        for _ in film.decode(video=0):
            frames += 1
    assert 5 < frames < 90
    assert sorted(path.name for path in out.iterdir()) == [
        'events.csv', 'events.json', 'events.srt', 'film.mp4', 'scores.npz',
    ]  # fmt: skip


def test_a_full_disk_during_detection_leaves_the_events_so_far(scene, film, tmp_path):
    out, labels = tmp_path / 'out', []
    message = r'cannot write the joints at \d.\d s to .*events and scores up to there'
    with small_disk(20_000), pytest.raises(OSError, match=message):
        for event in ActionRecognizer.of(HandsUp(), pose_of(scene)).film(film, out):
            labels.append(event.label)
    assert labels_in(out) == sorted(labels) and {'walk', 'wave'} == set(labels)
    assert not (out / 'film.mp4').exists()


@pytest.mark.parametrize('size', [250_000, 400_000])  # the second limit is reached while the encoder is flushed
def test_a_camera_continues_without_recording_on_a_full_disk(scene, noisy, tmp_path, size):
    lines, out = [], tmp_path / 'out'
    recognizer = ActionRecognizer.of(HandsUp(), pose_of(scene))
    with small_disk(size):
        events = list(label_live(recognizer, FilmSource(noisy), out, report=lines.append))
    assert [event.label for event in events] and max(event.end for event in events) == pytest.approx(89 / 15, abs=0.01)
    assert labels_in(out) == ['walk', 'walk', 'wave', 'wave']
    assert len(lines) == 1 and 'film.mp4 ends at' in lines[0]
    assert (out / 'film.mp4').stat().st_size > 100_000


def test_events_before_an_error_are_yielded(scene, film):
    def broken(frames, total, what):
        for number, frame in enumerate(frames):
            if number == 70:
                raise ValueError('broken')
            yield frame

    events = ActionRecognizer.of(HandsUp(), pose_of(scene)).film(film, progress=broken)
    labels = [next(events).label for _ in range(4)]
    assert sorted(labels) == ['walk', 'walk', 'wave', 'wave']
    with pytest.raises(ValueError, match='broken'):
        next(events)


def test_variable_frame_rates_and_concatenated_sound_are_kept(scene, film, tmp_path):
    steps = [0, 1, 5, 6, 7, 20]
    variable = write_film(tmp_path / 'a.mkv', [np.full((*SIZE, 3), 90, np.uint8)] * 6, fps=10, times=steps)
    list(ActionRecognizer.of(HandsUp(), pose_of(scene)).film(variable, tmp_path / 'a'))
    with av.open(str(tmp_path / 'a/film.mp4')) as written:
        times = [frame.time for frame in written.decode(video=0)]
    assert times == pytest.approx([step / 10 for step in steps], abs=1e-3)
    part = write_film(tmp_path / 'part.ts', [np.full((*SIZE, 3), 90, np.uint8)] * 30, sound=True).read_bytes()
    (tmp_path / 'joined.ts').write_bytes(part + part)  # timestamps restart in the middle
    list(ActionRecognizer.of(HandsUp(), pose_of(scene)).film(tmp_path / 'joined.ts', tmp_path / 'b'))
    with av.open(str(tmp_path / 'b/film.mp4')) as written:
        sound = sum(frame.samples for frame in written.decode(audio=0)) / 16000
    assert sound == pytest.approx(4, abs=0.2)


def test_response_explains_a_clip_and_validates_its_arguments(tiny):
    recognizer = ActionRecognizer.of(load_network(str(tiny.config), None)[0])
    keypoint = np.random.RandomState(0).rand(1, 20, 17, 2) * 900
    name = recognizer.network.classes[2]
    response = recognizer.response(keypoint, size=(1080, 1920), gradient=True, label=name)
    assert response.joints.shape == (2, 20, 17) and response.index == 2 and response.cells.shape == (2, 20, 5, 5)
    for arguments, message in (
        ({'keypoint': keypoint[..., :5, :]}, r'keypoint must be \(M, T, 17, 2\)'),
        ({'keypoint': keypoint, 'score': np.ones((1, 20))}, r'score must be \(1, 20, 17\)'),
        ({'keypoint': keypoint, 'label': name}, 'the magnitude does not depend on a class'),
        ({'keypoint': keypoint, 'gradient': True, 'label': 'fly'}, "unknown class 'fly'; choose from"),
    ):
        with pytest.raises(ValueError, match=message):
            recognizer.response(**arguments)


def test_invalid_explain_raises_before_the_film_is_read(film, tmp_path, tiny):
    recognizer = ActionRecognizer.of(load_network(str(tiny.config), None)[0], pose_of(two_people()))
    with pytest.raises(ValueError, match='explain requires out'):
        next(recognizer.film(film, explain='gradient'))
    with pytest.raises(ValueError, match="got 'why'"):
        next(recognizer.film(film, tmp_path / 'out', explain='why'))
    assert not (tmp_path / 'out').exists()


def test_quickstart_without_a_checkpoint_raises_with_the_script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match='bash tools/quickstart.sh'):
        find_model('quickstart')
    folder = tmp_path / 'work_dirs/quickstart/d5'
    folder.mkdir(parents=True)
    (folder / 'best_top1_acc_epoch_3.pth').touch()
    assert find_model('quickstart')[0] == 'quickstart/d5'
