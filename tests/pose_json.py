"""Write clips with known content in the formats of pose estimators.

The formats are those of MMPose 1.x's inferencer and demo, AlphaPose's ``alphapose-results.json``, OpenPose's
``--write_json`` and COCO's results and annotations.
"""

import json
from pathlib import Path

import numpy as np

from pyskl.skeletons import SKELETONS

SIZE = (1080, 1920)


def people(record: dict) -> list[list[tuple[int, np.ndarray, np.ndarray]]]:
    """For each frame, (person, ``(V, 2)``, ``(V,)``) of the visible persons."""
    keypoint, score = (record[key].astype(np.float32) for key in ('keypoint', 'keypoint_score'))
    detections = [[] for _ in range(keypoint.shape[1])]
    for m, t in np.argwhere(score.any(-1)):
        detections[t].append((int(m), keypoint[m, t], score[m, t]))
    return detections


def box(place: np.ndarray) -> list[float]:
    """x, y, w, h."""
    return [*place.min(0).tolist(), *np.ptp(place, axis=0).tolist()]


def flat(place: np.ndarray, score: np.ndarray) -> list[float]:
    """x, y, score of each joint as a flat list."""
    return np.concatenate((place, score[:, None]), axis=1).ravel().tolist()


def mmpose(record: dict, first: int = 0, tracked: bool = False) -> list:
    frames = []
    for t, detections in enumerate(people(record)):
        instances = []
        for m, place, score in detections:
            x, y, w, h = box(place)
            person = {'keypoints': place.tolist(), 'keypoint_scores': score.tolist()}
            person |= {'bbox': [[x, y, x + w, y + h]], 'bbox_score': float(score.mean())}
            instances.append(person | ({'track_id': m} if tracked else {}))
        frames.append({'frame_id': t + first, 'instances': instances})
    return frames


def mmpose_demo(record: dict) -> dict:
    joints = SKELETONS['coco'].joints
    names = {str(index): name for index, name in enumerate(joints)}
    return {'meta_info': {'dataset_name': 'coco', 'num_keypoints': len(joints), 'keypoint_id2name': names},
            'instance_info': mmpose(record, first=1, tracked=True)}  # fmt: skip


def alphapose(record: dict, tracked: bool = False) -> list:
    return [
        {'image_id': f'{t}.jpg', 'category_id': 1, 'keypoints': flat(place, score), 'score': 3 * float(score.mean()),
         'box': box(place), 'idx': [float(m)] if tracked else 0.0}
        for t, detections in enumerate(people(record)) for m, place, score in detections
    ]  # fmt: skip


def coco_results(record: dict) -> list:
    return [
        {'image_id': t, 'category_id': 1, 'keypoints': flat(place, score), 'score': float(score.mean())}
        for t, detections in enumerate(people(record))
        for m, place, score in detections
    ]


def coco(record: dict) -> dict:
    frames = people(record)
    height, width = SIZE
    images = [
        {'id': 9000 + t, 'file_name': f'{t:06d}.jpg', 'width': width, 'height': height} for t in range(len(frames))
    ]
    annotations = [
        {'id': 10 * t + m, 'image_id': 9000 + t, 'category_id': 1, 'keypoints': flat(place, score),
         'num_keypoints': int((score > 0).sum()), 'bbox': box(place), 'track_id': m}
        for t, detections in enumerate(frames) for m, place, score in detections
    ]  # fmt: skip
    categories = [{'id': 1, 'name': 'person', 'keypoints': list(SKELETONS['coco'].joints), 'skeleton': []}]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def openpose_frames(record: dict) -> list[dict]:
    """Numbers with six digits, as written by OpenPose."""
    return [
        {'version': 1.3, 'people': [{'person_id': [-1], 'pose_keypoints_2d': [float(f'{x:.6g}') for x in flat(*pose)],
                                     'face_keypoints_2d': []} for _, *pose in detections]}
        for detections in people(record)
    ]  # fmt: skip


ONE_FILE = {
    'mmpose': mmpose,
    'mmpose_demo': mmpose_demo,
    'alphapose': alphapose,
    'coco_results': coco_results,
    'coco': coco,
    'openpose_list': openpose_frames,
}


def write(form: str, folder: Path, record: dict) -> None:
    """Write the file (or, for ``openpose``, the folder) of a clip, named ``frame_dir``."""
    name = record['frame_dir']
    folder.mkdir(parents=True, exist_ok=True)
    if form != 'openpose':
        (folder / f'{name}.json').write_text(json.dumps(ONE_FILE[form](record)))
        return
    (folder / name).mkdir()
    for t, frame in enumerate(openpose_frames(record)):
        (folder / name / f'{name}_{t:012d}_keypoints.json').write_text(json.dumps(frame, separators=(',', ':')))
