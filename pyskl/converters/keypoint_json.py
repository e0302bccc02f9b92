"""Read a video's keypoints from the JSON of pose estimators: MMPose, AlphaPose, OpenPose, COCO.

========== =====================================================================================================
mmpose     ``[{frame_id, instances: [{keypoints (V, 2), keypoint_scores (V,), track_id?}]}]`` (inferencer), or this list
           in a dict ``{meta_info, instance_info}`` (demo)
alphapose  ``[{image_id: '12.jpg', keypoints (3 V: x, y, score), score, box, idx?}]``
coco       results: ``[{image_id: 12, keypoints (3 V), score}]``; or annotations: ``{images: [{id, file_name,
           width, height}], annotations: [{image_id, keypoints (3 V: x, y, visibility), track_id?}], categories}``
openpose   ``{people: [{pose_keypoints_2d (3 V)}]}`` per frame: one file each, or a list or dict of all frames
========== =====================================================================================================

The format is detected from the content. Joints whose numbers are null or NaN are undetected.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from pyskl.converters import json_input
from pyskl.converters.detections import MAX_PIXEL, Detections, Found, detections_of

FORMATS = ('mmpose', 'alphapose', 'openpose', 'coco')
MAX_BYTES = 256 << 20  # one hour of two persons takes about 150 MB
_NUMBER = re.compile(r'(.*?)(\d+)\D*', re.ASCII | re.DOTALL)


def read_keypoints(path: str | Path) -> Detections:
    """Read the detections in a JSON file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not in one of the formats, or holds invalid keypoints.
    """
    return parse_keypoints(load_json(path))


def read_frames(files: Sequence[tuple[int, Path]]) -> Detections:
    """Read the detections in OpenPose's files of a video.

    Args:
        files: (frame number, file), one per frame.

    Raises:
        OSError, ValueError: As for :func:`read_keypoints`, with the name of the file.
    """
    contents = []
    for number, path in files:
        try:
            content = load_json(path)
            if not isinstance(content, dict) or 'people' not in content:
                raise ValueError("has no 'people'")
        except ValueError as why:
            raise ValueError(f'{Path(path).name}: {why}') from None
        contents.append((number, content))
    return detections_of('openpose', _openpose(contents), [number for number, _ in contents])


def load_json(path: str | Path) -> object:
    """Read the content of a JSON file of at most 256 MB.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, or not JSON.
    """
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'larger than {MAX_BYTES >> 20} MB')
    content = path.read_bytes()
    if not content.strip():
        raise ValueError('the file is empty')
    try:
        return json_input.loads(content)
    except UnicodeDecodeError:
        raise ValueError('not JSON: the file is not text') from None
    except ValueError as why:  # JSONDecodeError, or a number of more digits than Python reads
        raise ValueError(f'not JSON: {why}') from None
    except RecursionError:
        raise ValueError('not JSON of keypoints: nested too deeply') from None


def parse_keypoints(content: object) -> Detections:
    """Parse the detections in the content of a JSON file.

    Raises:
        ValueError: If it is not in one of the formats, or holds invalid keypoints.
    """
    if content == []:  # AlphaPose without any detection
        return detections_of('', iter(()), [])
    kind = format_of(content)
    if kind == 'mmpose':
        names = None
        if isinstance(content, dict):
            names = _names(content.get('meta_info'))
            content = content['instance_info']
        frames = [(_frame(entry.get('frame_id', index)), entry) for index, entry in enumerate(_dicts(content))]
        return detections_of(kind, _mmpose(frames), [number for number, _ in frames], joints=names)
    if kind == 'openpose':
        if isinstance(content, dict):
            frames = [(_frame(name), entry) for name, entry in content.items()]
            _one_video(content)
        else:
            frames = list(enumerate(_dicts(content)))
        return detections_of(kind, _openpose(frames), [number for number, _ in frames])
    if isinstance(content, dict):
        return _coco(content)
    _one_video(entry.get('image_id') for entry in _dicts(content))
    rows = _results(content, lambda entry: _frame(entry.get('image_id')))
    return detections_of(kind, rows, None)


def format_of(content: object) -> str:
    """Detect which of :data:`FORMATS` the content has.

    Raises:
        ValueError: If it matches none.
    """
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(content, dict):
        if isinstance(content.get('instance_info'), list):
            return 'mmpose'
        if isinstance(content.get('annotations'), list):
            return 'coco'
        if 'people' in content:
            raise ValueError(
                'a single frame of OpenPose; use one folder per video, with files ..._000000000012_keypoints.json'
            )
        if content and all(isinstance(value, dict) and 'people' in value for value in content.values()):
            return 'openpose'
    elif isinstance(first, dict):
        if 'instances' in first:
            return 'mmpose'
        if 'people' in first:
            return 'openpose'
        if 'image_id' in first and 'keypoints' in first:
            return 'alphapose' if {'box', 'idx'} & set(first) or isinstance(first['image_id'], str) else 'coco'
        if 'keypoint_scores' in first:
            raise ValueError('MMPose output of a single image, without frame_id; run MMPose on the video')
    shown = content if isinstance(content, dict) else first
    what = f'a {type(content).__name__}' + (
        f' with keys {[key[:30] for key in sorted(map(str, shown))[:6]]}' if isinstance(shown, dict) else ''
    )
    raise ValueError(f'{what} is not keypoint JSON of {", ".join(FORMATS)}')


def _mmpose(frames: list[tuple[int, dict]]) -> Iterator[Found]:
    for number, entry in frames:
        for person in _dicts(entry.get('instances')):
            scores = person.get('keypoint_scores')
            if not isinstance(scores, list):
                raise ValueError(f'frame {number}: a person without keypoint_scores')
            yield number, person.get('keypoints'), scores, _identity(person.get('track_id'))


def _openpose(frames: list[tuple[int, dict]]) -> Iterator[Found]:
    for number, entry in frames:
        for person in _dicts(entry.get('people')):
            flat = person.get('pose_keypoints_2d', person.get('pose_keypoints'))
            if flat != []:  # only the hands or the face were detected
                yield number, flat, None, _identity(person.get('person_id'))


def _results(entries: list, frame_of: Callable[[dict], int]) -> Iterator[Found]:
    for entry in _dicts(entries):
        if 'num_keypoints' in entry and not entry['num_keypoints']:
            continue  # COCO's marker of a person without a pose
        yield frame_of(entry), entry.get('keypoints'), None, _identity(entry.get('track_id', entry.get('idx')))


def _coco(content: dict) -> Detections:
    """Parse COCO annotations; the frame is the image's frame_id, the number in its file name, or its id."""
    sizes, numbers, names = set(), {}, []
    for image in _dicts(content.get('images', [])):
        key = image.get('id')
        if isinstance(key, bool) or not isinstance(key, int | str) or key in numbers:
            raise ValueError(f'image id {str(key)[:40]!r} is invalid or repeated')
        name = image.get('file_name')
        named = isinstance(name, str) and _NUMBER.fullmatch(Path(name).stem)
        names += [name] if named else []
        numbers[key] = _frame(image.get('frame_id', name if named else key))
        if image.get('width') is not None and image.get('height') is not None:
            sizes.add((_side(image['height']), _side(image['width'])))
    _one_video(names)
    if len(sizes) > 1:
        raise ValueError(f'images of {len(sizes)} sizes, such as {sorted(sizes)[:2]}, are not frames of one video')

    def frame_of(entry: dict) -> int:
        key = entry.get('image_id')
        if numbers and (not isinstance(key, int | str) or key not in numbers):
            raise ValueError(f'an annotation refers to image {str(key)[:40]!r}, which is not listed')
        return numbers[key] if numbers else _frame(key)

    categories = content.get('categories')
    joints = _names(categories[0]) if isinstance(categories, list) and len(categories) == 1 else None
    rows = _results(content['annotations'], frame_of)
    return detections_of('coco', rows, list(numbers.values()) or None, size=next(iter(sizes), None), joints=joints)


def _dicts(value: object) -> list[dict]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f'{str(value)[:60]} must be a list of dicts')
    return value


def _frame(value: object) -> int:
    """Parse a frame number, or the last number in a file name."""
    named = _NUMBER.fullmatch(Path(value).stem) if isinstance(value, str) and len(value) < 512 else None
    number = int(named[2]) if named else value
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 53:
        raise ValueError(f'{str(value)[:60]!r} is not a frame number')
    return number


def _identity(value: object) -> int:
    """Parse a track id; -1 if it is not one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    valid = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 53 and value % 1 == 0
    return int(value) if valid else -1


def _one_video(names: Iterable) -> None:
    """Raise ValueError if file names of frames differ in more than their last number."""
    found = (_NUMBER.fullmatch(str(Path(name).with_suffix(''))) for name in names
             if isinstance(name, str) and 0 < len(name) < 512 and Path(name).name)  # fmt: skip
    fronts = sorted({match[1] for match in found if match})
    if len(fronts) > 1:
        raise ValueError(f'frames of {len(fronts)} videos, {fronts[0]!r}, {fronts[1]!r}, ...; use one file per video')


def _names(holder: object) -> tuple[str, ...] | None:
    """Joint names in MMPose's meta_info or a COCO category."""
    holder = holder if isinstance(holder, dict) else {}
    names = holder.get('keypoint_id2name', holder.get('keypoints'))
    if isinstance(names, dict) and all(key.isascii() and key.isdigit() and len(key) < 5 for key in names):
        names = [names[key] for key in sorted(names, key=int)]
    return tuple(names) if isinstance(names, list) and names and all(isinstance(n, str) for n in names) else None


def _side(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= MAX_PIXEL:
        raise ValueError(f'{str(value)[:40]} is not the width or height of an image')
    return round(value)
