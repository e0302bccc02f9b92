"""Converting drawn videos with a pose model that detects the drawing."""

import csv
import importlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from pyskl.datasets.records.annotations import read_annotations
from tests.pose.rtmpose import rtmpose

tool = importlib.import_module('pyskl.cli.data.from_videos')
HEIGHT, WIDTH, SIDE = 96, 160, 12
OFFSETS = np.stack([np.arange(17) % 5, np.arange(17) // 5], axis=1) * 8.0  # joints around a person's square


class Squares:
    """Detects a person for every bright square: 17 joints at fixed offsets from its centre."""

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert frame.dtype == np.uint8 and frame.shape[2] == 3
        found, count = ndimage.label(frame.mean(-1) > 128)
        centres = np.array(ndimage.center_of_mass(found > 0, found, range(1, count + 1))).reshape(-1, 2)[:, ::-1]
        return (centres[:, None] + OFFSETS).astype(np.float32), np.full((count, 17), 0.9, np.float32)


def draw(path: Path, *walkers: dict[int, tuple[int, int]], frames: int = 20) -> None:
    """Write a video of squares; a walker is the (x, y) of its centre per frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25, (WIDTH, HEIGHT))
    assert video.isOpened()
    for t in range(frames):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for walker in walkers:
            if t in walker:
                x, y = walker[t]
                image[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] = 255
        video.write(image)
    video.release()


def walk(start: int, step: int, y: int, frames=range(20)) -> dict[int, tuple[int, int]]:
    return {t: (start + step * t, y) for t in frames}


@pytest.fixture
def videos(tmp_path) -> Path:
    """Four videos, one without persons, and their list."""
    draw(tmp_path / 'v/right.avi', walk(20, 5, 30))
    draw(tmp_path / 'v/left.avi', walk(130, -5, 60))
    draw(tmp_path / 'v/both.avi', walk(20, 5, 20), walk(130, -5, 60, range(4, 16)))
    draw(tmp_path / 'v/nobody.avi')
    rows = [('right', 'r', 1), ('left', 'l', 2), ('both', 'r', 1), ('nobody', 'l', 2)]
    with (tmp_path / 'list.csv').open('w') as file:
        csv.writer(file).writerows([('name', 'label', 'subject'), *((f'v/{n}.avi', *more) for n, *more in rows)])
    return tmp_path


BY_SUBJECT = ('--split-by', 'subject', '--val-subjects', '2')
AT_RANDOM = ('--split-by', 'random')


def call(
    folder: Path, monkeypatch, *options: str, make_model=Squares, listed: str = 'list.csv', split=BY_SUBJECT, fetch=int
) -> Path:
    """Run the tool with a pose model; return the annotation file."""
    monkeypatch.chdir(folder)
    parser = tool.argparse.ArgumentParser()
    tool.add_options(parser)
    args = parser.parse_args([listed, *split, '--out', 'x.pkl', *options])
    tool.check_options(args)
    tool.convert_videos(args, make_model, 'coco', fetch)
    return args.out


def test_people_are_detected_tracked_and_labelled(videos, monkeypatch, capsys):
    records, splits = read_annotations(call(videos, monkeypatch))
    by_name = {record['frame_dir']: record for record in records}
    assert list(by_name) == ['v/right', 'v/left', 'v/both']
    assert [record['label'] for record in records] == [1, 0, 1]  # l, r
    assert splits == {'train': ['v/right', 'v/both'], 'val': ['v/left']}
    right = by_name['v/right']
    assert right['keypoint'].shape == (1, 20, 17, 2)
    assert (right['total_frames'], right['img_shape']) == (20, (HEIGHT, WIDTH))
    expected = np.array([[20 + 5 * t, 30] for t in range(20)])[:, None] - 0.5 + OFFSETS
    np.testing.assert_allclose(right['keypoint'][0], expected, atol=1)  # JPEG blurs edges
    assert np.unique(right['keypoint_score']).tolist() == [np.float16(0.9)]
    both = by_name['v/both']
    assert both['keypoint'].shape[0] == 2
    assert (both['keypoint_score'][:, :, 0] > 0).sum(1).tolist() == [20, 12]
    assert np.diff(both['keypoint'][0, :, 0, 0].astype(float)).min() > 3  # the person walking right keeps the track
    assert np.diff(both['keypoint'][1, 4:16, 0, 0].astype(float)).max() < -3
    output = capsys.readouterr().out
    assert 'skipped: 1 of 4, 1 no person' in output
    assert (
        'nobody.avi,no person,no person with a score of 0.3 is in its 20 frames'
        in (videos / 'x.skipped.csv').read_text()
    )
    assert (videos / 'x.classes.txt').read_text() == 'l\nr\n'


def test_a_gap_is_interpolated_with_score_0(videos, monkeypatch):
    draw(videos / 'v/right.avi', walk(20, 5, 30, [t for t in range(20) if t not in (8, 9)]))
    right = read_annotations(call(videos, monkeypatch))[0][0]
    assert np.flatnonzero(right['keypoint_score'][0, :, 0] == 0).tolist() == [8, 9]
    np.testing.assert_allclose(right['keypoint'][0, 8:10, 0, 0], [59.5, 64.5], atol=1)


def test_every_third_frame(videos, monkeypatch):
    records, _ = read_annotations(call(videos, monkeypatch, '--stride', '3', '--min-length', '2'))
    assert records[0]['total_frames'] == 7
    np.testing.assert_allclose(records[0]['keypoint'][0, :, 0, 0], 19.5 + 15 * np.arange(7), atol=1)


def test_a_list_in_the_format_of_pyskl(videos, monkeypatch):
    (videos / 'list.txt').write_text('right.avi 1\nleft.avi 0\n\nboth.avi 1\n')
    out = call(videos, monkeypatch, '--root', 'v', listed='list.txt', split=AT_RANDOM)
    records, splits = read_annotations(out)
    assert [(record['frame_dir'], record['label']) for record in records] == [('right', 1), ('left', 0), ('both', 1)]
    assert sorted(map(len, splits.values())) == [1, 2]


def test_finished_videos_are_not_converted_again(videos, monkeypatch):
    counted = []

    class Counting(Squares):
        def people(self, frame):
            counted.append(1)
            return super().people(frame)

    whole = (videos / 'v/both.avi').read_bytes()
    (videos / 'v/both.avi').write_bytes(b'RIFF')
    with pytest.raises(ValueError, match='1 of 4 are garbled.*not a readable video'):
        call(videos, monkeypatch, make_model=Counting)
    assert len(counted) == 60
    (videos / 'v/both.avi').write_bytes(whole)
    counted.clear()
    assert len(read_annotations(call(videos, monkeypatch, make_model=Counting))[0]) == 3
    assert len(counted) == 20


def test_processes_and_shards_give_the_same_result(videos, monkeypatch):
    alone = read_annotations(call(videos, monkeypatch))
    two = read_annotations(call(videos, monkeypatch, '--jobs', '2', '--overwrite'))
    halves = [read_annotations(call(videos, monkeypatch, '--shard', f'{i}/2')) for i in (1, 2)]
    for other in (two[0], halves[0][0] + halves[1][0]):
        assert [r['frame_dir'] for r in other] == [r['frame_dir'] for r in alone[0]]
        for ours, theirs in zip(alone[0], other, strict=True):
            np.testing.assert_array_equal(ours['keypoint'], theirs['keypoint'])


def test_a_truncated_video_is_garbled_and_the_others_are_converted(videos, monkeypatch):
    whole = (videos / 'v/left.avi').read_bytes()
    (videos / 'v/left.avi').write_bytes(whole[: len(whole) // 2])
    records, _ = read_annotations(call(videos, monkeypatch, '--max-bad', '30', split=AT_RANDOM))
    assert [record['frame_dir'] for record in records] == ['v/right', 'v/both']


def test_missing_videos_are_reported(videos, monkeypatch):
    (videos / 'v/left.avi').unlink()
    call(videos, monkeypatch, '--max-bad', '30', split=AT_RANDOM)
    assert 'left,unmatched' in (videos / 'x.skipped.csv').read_text()
    with pytest.raises(ValueError, match='none of the 4 videos of list.csv exists; the first would be /tmp/v/right'):
        call(videos, monkeypatch, '--root', '/tmp', '--overwrite', split=AT_RANDOM, fetch=_never)


def _never() -> None:
    raise AssertionError('networks are fetched for nothing')


@pytest.mark.parametrize(
    ('content', 'message'),
    [('', 'is empty'), ('right.avi\n', "line 1: 'right.avi' is not 'path label'"), ('\n \n', 'is empty')],
)
def test_an_invalid_list_raises(videos, monkeypatch, content, message):
    (videos / 'list.txt').write_text(content)
    with pytest.raises(ValueError, match=message):
        call(videos, monkeypatch, listed='list.txt', split=AT_RANDOM)


def test_a_person_below_min_score_is_ignored(videos, monkeypatch):
    with pytest.raises(ValueError, match='none of 4 videos gives a clip'):
        call(videos, monkeypatch, '--min-score', '0.95')


def test_hands_of_a_network_for_the_whole_body(videos, monkeypatch):
    pytest.importorskip('rtmlib')
    pytest.importorskip('onnxruntime')
    network = rtmpose(videos / 'pose.onnx', 133)
    words = ['list.csv', *BY_SUBJECT, '--out', 'x.pkl', '--pose-model', network, '--min-score', 0, '--min-length', 1]
    monkeypatch.chdir(videos)
    monkeypatch.setattr('sys.argv', ['from_videos.py', *map(str, words), '--layout', 'wholebody:hands'])
    tool.main()
    records, _ = read_annotations(videos / 'x.pkl')
    assert {record['keypoint'].shape[2:] for record in records} == {(42, 2)}
    right = next(record for record in records if 'right' in record['frame_dir'])
    place = right['keypoint'][right['keypoint_score'] > 0]  # of the square, as far as the network's 48 pixels show it
    assert len(place) and np.abs(place[:, 1] - 30).max() <= SIDE / 2 + 1.25 * WIDTH / 48


def test_a_layout_of_3d_joints_raises(videos, monkeypatch):
    with pytest.raises(ValueError, match=r'--layout nturgb\+d has 3D joints'):
        call(videos, monkeypatch, '--layout', 'nturgb+d')


def test_the_model_is_built_only_if_needed(videos, monkeypatch):
    made = []
    call(videos, monkeypatch, make_model=partial(_remember, made))
    assert len(made) == 4  # called once per video; pose_model() caches one per process


def _remember(made: list) -> Squares:
    made.append(1)
    return Squares()
