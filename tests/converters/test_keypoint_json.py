"""Files of different estimators with the same two persons in three frames give the same detections."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.converters.detections import Detections
from pyskl.converters.keypoint_json import format_of, load_json, parse_keypoints, read_frames, read_keypoints
from pyskl.skeletons import SKELETONS

V = 17
FRAME = np.array([3, 3, 5])  # no person in frame 4
POSE = np.arange(3 * V * 2, dtype=np.float32).reshape(3, V, 2) + 10
SCORE = np.linspace(0.1, 0.9, 3 * V, dtype=np.float32).reshape(3, V)
SCORE[1, 4], POSE[1, 4] = 0, 0  # not seen


def flat(d):
    return np.concatenate((POSE[d], SCORE[d, :, None]), axis=1).ravel().tolist()


def mmpose():
    frames = [{'frame_id': t, 'instances': []} for t in (3, 4, 5)]
    for d, t in enumerate(FRAME):
        frames[t - 3]['instances'].append(
            {
                'keypoints': POSE[d].tolist(),
                'keypoint_scores': SCORE[d].tolist(),
                'bbox': [[0, 0, 9, 9]],
                'bbox_score': 0.9,
                'track_id': d % 2,
            }
        )
    return frames


def mmpose_demo():
    names = dict(enumerate(SKELETONS['coco'].joints))
    return {'meta_info': {'keypoint_id2name': names, 'num_keypoints': V}, 'instance_info': mmpose()}


def alphapose(name='{}.jpg'):
    return [
        {'image_id': name.format(t), 'category_id': 1, 'keypoints': flat(d), 'score': 2.9, 'box': [0, 0, 9, 9],
         'idx': [float(d % 2)]}
        for d, t in enumerate(FRAME)
    ]  # fmt: skip


def coco_results():
    return [{'image_id': int(t), 'category_id': 1, 'keypoints': flat(d), 'score': 0.9} for d, t in enumerate(FRAME)]


def coco():
    images = [{'id': 100 + t, 'file_name': f'clip/{t:05d}.jpg', 'width': 640, 'height': 480} for t in (3, 4, 5)]
    annotations = [
        {'id': d, 'image_id': 100 + int(t), 'keypoints': flat(d), 'num_keypoints': V, 'track_id': d % 2}
        for d, t in enumerate(FRAME)
    ]
    categories = [{'name': 'person', 'keypoints': list(SKELETONS['coco'].joints)}]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def people(t):
    return {'version': 1.3, 'people': [{'person_id': [-1], 'pose_keypoints_2d': flat(d)} for d in range(3)
                                       if FRAME[d] == t]}  # fmt: skip


def openpose():
    return {f'clip_{t:012d}_keypoints.json': people(t) for t in (3, 4, 5)}


def same(found, tracks=(0, 1, 0)):
    order = np.lexsort((found.keypoint[:, 0, 0], found.frame))
    assert found.frame[order].tolist() == FRAME.tolist()
    np.testing.assert_array_equal(found.keypoint[order], POSE)
    np.testing.assert_array_equal(found.score[order], SCORE)
    assert found.track[order].tolist() == list(tracks)


@pytest.mark.parametrize(
    ('make', 'format', 'tracked', 'listed', 'named'),
    [
        (mmpose, 'mmpose', True, (3, 5), False),
        (mmpose_demo, 'mmpose', True, (3, 5), True),
        (alphapose, 'alphapose', True, None, False),
        (coco_results, 'coco', False, None, False),
        (coco, 'coco', True, (3, 5), True),
        (openpose, 'openpose', False, (3, 5), False),
    ],
)
def test_each_format_is_detected_and_gives_the_same_detections(tmp_path, make, format, tracked, listed, named):
    path = tmp_path / 'clip.json'
    path.write_text(json.dumps(make()))
    found = read_keypoints(path)
    same(found, (0, 1, 0) if tracked else (-1, -1, -1))
    assert (found.format, found.listed) == (format, listed)
    assert found.joints == (SKELETONS['coco'].joints if named else None)
    assert found.size == ((480, 640) if make is coco else None)


def test_openpose_writes_a_file_a_frame(tmp_path):
    files = [(t, tmp_path / f'clip_{t:012d}_keypoints.json') for t in (3, 4, 5)]
    for t, path in files:
        path.write_text(json.dumps(people(t)))
    found = read_frames(files)
    same(found, (-1, -1, -1))
    assert found.listed == (3, 5)
    files[1][1].write_text('{"people": [')
    with pytest.raises(ValueError, match=r'clip_000000000004_keypoints.json: not JSON: Expecting value'):
        read_frames(files)


def test_a_list_of_openpose_frames_counts_from_0():
    found = parse_keypoints([people(3), people(4), people(5)])
    assert found.frame.tolist() == [0, 0, 2] and found.listed == (0, 2)


def test_cocos_visibility_is_not_used_as_score():
    content = coco()
    for entry in content['annotations']:
        entry['keypoints'][2::3] = [2, 1, 0] + [2] * (V - 3)
    score = parse_keypoints(content).score
    assert score.tolist() == [[1, 1, 0] + [1] * (V - 3)] * 3


def test_null_and_nan_are_undetected():
    content = alphapose()
    content[0]['keypoints'][0] = None
    content[1]['keypoints'][5] = float('nan')
    found = parse_keypoints(content)
    for d, v in ((0, 0), (1, 1)):
        assert found.score[d, v] == 0 and found.keypoint[d, v].tolist() == [0, 0]
    assert (found.score[2] == SCORE[2]).all()


def test_frames_without_persons_give_no_detections():
    for content in ([], [{'frame_id': 0, 'instances': []}, {'frame_id': 1, 'instances': []}], {'0': {'people': []}}):
        found = parse_keypoints(content)
        assert found.keypoint.shape == (0, 0, 2)
    assert parse_keypoints([{'frame_id': 0, 'instances': []}, {'frame_id': 7, 'instances': []}]).listed == (0, 7)
    found = parse_keypoints([{'people': [{'pose_keypoints_2d': [], 'hand_left_keypoints_2d': [1, 2, 1] * 21}]}])
    assert len(found.frame) == 0  # only a hand


def changed(content, **more):
    return [{**content[0], **more}, *content[1:]]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'info': 1, 'licenses': []}, r"a dict with keys \['info', 'licenses'\] is not keypoint JSON of mmpose"),
        ([1, 2], 'a list is not keypoint JSON'),
        ('text', 'a str is not keypoint JSON'),
        ({'version': 1, 'people': []}, 'a single frame of OpenPose; use one folder per video'),
        ([{'keypoints': [[1, 2]], 'keypoint_scores': [1]}], 'MMPose output of a single image'),
        (changed(alphapose(), keypoints=[1, 2, 1] * 16), 'frame 3: keypoints has 51 numbers, but 48 for the first'),
        (changed(alphapose(), keypoints=None), 'frame 3: keypoints must be a list of numbers, got None'),
        (changed(alphapose(), keypoints=['1.5'] * 51), 'must be a list of numbers'),
        ([alphapose()[0] | {'keypoints': [1, 2] * 17}], r'must be x, y, score of each joint, got \(34,\) numbers'),
        (changed(alphapose(), keypoints=[float('inf')] * 51), 'infinite numbers'),
        (changed(alphapose(), keypoints=[1e9] * 51), 'a coordinate of 1e\\+09'),
        (changed(alphapose(), keypoints=[10**30] * 51), 'a coordinate of 1e\\+30'),
        (changed(alphapose(), keypoints=[10**400] * 51), 'must be lists of numbers'),
        (changed(alphapose(), image_id='clip.jpg'), "'clip.jpg' is not a frame number"),
        (changed(coco_results(), image_id=-1), "'-1' is not a frame number"),
        (changed(coco_results(), image_id=None), "'None' is not a frame number"),
        (alphapose('a_{}.jpg')[:1] + alphapose('b_{}.jpg'), "frames of 2 videos, 'a_', 'b_'"),
        ([*mmpose(), mmpose()[0]], 'frame 3 is listed twice'),
        ([{'frame_id': 0, 'instances': [{'keypoints': [[1, 2]] * 17}]}], 'frame 0: a person without keypoint_scores'),
        ([{'frame_id': 0, 'instances': [{'keypoints': [[1, 2, 3]] * 17, 'keypoint_scores': [1] * 17}]}],
         r'keypoints \(17, 3\) with keypoint_scores \(17,\)'),
        ([{'frame_id': 0, 'instances': 5}], '5 must be a list of dicts'),
        ([{'people': [{'pose_keypoints_2d': [0.2, 0.9, 1] * 18}]}], 'fractions of the image size; they must be pixels'),
        (coco() | {'images': [{'id': 1}]}, "refers to image '103', which is not listed"),
        (coco() | {'images': [{'id': 103}, {'id': 103}]}, "'103' is invalid or repeated"),
    ],
)  # fmt: skip
def test_invalid_keypoints_raise_one_line(content, message):
    with pytest.raises(ValueError, match=message):
        parse_keypoints(content)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'the file is empty'),
        (b'[{"image_id": ', 'not JSON: Expecting value: line 1 column 15'),
        (b'\xff\xd8\xff\xe0', 'not JSON'),
        (b'[' * 200_000, 'nested too deep'),
    ],
)
def test_files_that_are_not_json_raise_one_line(tmp_path, content, message):
    path = tmp_path / 'clip.json'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_json(path)


def sound(found):
    assert isinstance(found, Detections)
    count, joints = found.score.shape
    assert found.keypoint.shape == (count, joints, 2) and found.frame.shape == found.track.shape == (count,)
    assert np.isfinite(found.keypoint).all() and np.isfinite(found.score).all() and (found.score >= 0).all()
    assert (found.keypoint[found.score == 0] == 0).all() and (found.frame >= 0).all()


WORDS = st.sampled_from(
    ['image_id', 'keypoints', 'score', 'box', 'idx', 'frame_id', 'instances', 'keypoint_scores', 'people', 'meta_info',
     'pose_keypoints_2d', 'images', 'annotations', 'id', 'file_name', 'instance_info', 'categories', 'width', 'height',
     'track_id', 'num_keypoints', 'keypoint_id2name', '0', '12.jpg']
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=3) | WORDS | st.just(10**25)
JSON = st.recursive(LEAVES, lambda x: st.lists(x, max_size=4) | st.dictionaries(WORDS, x, max_size=4), max_leaves=20)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_valid_or_raises_one_line(content):
    try:
        found = parse_keypoints(content)
    except ValueError as why:
        assert str(why) and '\n' not in str(why)
        return
    sound(found)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([mmpose, mmpose_demo, alphapose, coco_results, coco, openpose]), st.data())
def test_a_modified_file_is_valid_or_raises_one_line(make, data):
    content = json.loads(json.dumps(make()))
    place = content
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    try:
        found = parse_keypoints(content)
    except ValueError as why:
        assert str(why) and '\n' not in str(why)
        return
    sound(found)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([mmpose, coco]), st.data())
def test_a_truncated_file_raises_one_line(tmp_path_factory, make, data):
    text = json.dumps(make())
    path = tmp_path_factory.getbasetemp() / 'torn.json'
    path.write_text(text[: data.draw(st.integers(0, len(text) - 1))])
    with pytest.raises(ValueError, match='not JSON|the file is empty'):
        load_json(path)


def test_format_of_an_empty_dict_is_none():
    with pytest.raises(ValueError, match='is not keypoint JSON'):
        format_of({})
