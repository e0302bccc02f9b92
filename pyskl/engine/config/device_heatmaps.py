"""``heatmap_on = 'device'``: move heatmap drawing from the loader to the model, with equal values.

FormatHeatmapInput replaces GeneratePoseTarget and FormatShape in the pipelines, and their arguments move to
``model.heatmaps``. The loader sends the joints of a clip (some KB) instead of volumes (many MB).
"""

from collections.abc import Iterable

from mmengine.config import Config

from pyskl.models.recognizers import input_key
from pyskl.skeletons import get_skeleton

PLACES = ('worker', 'device')
# Arguments of GeneratePoseTarget that define the heatmaps. Left/right lists are only used by phases that flip.
DRAWING = {'layout': 'coco', 'with_kp': True, 'with_limb': False, 'skeletons': None, 'sigma': 0.6}
SIDES = ('left_kp', 'right_kp', 'left_limb', 'right_limb')


def write_out_heatmap_on(cfg: Config, pipelines: Iterable[tuple[str, dict, str]]) -> None:
    """Move heatmap drawing into the model if ``heatmap_on='device'``; idempotent.

    Args:
        cfg: The config.
        pipelines: For each pipeline its name, the dict that contains it, and its key in that dict.

    Raises:
        ValueError: If ``heatmap_on`` is neither 'worker' nor 'device', or the pipelines do not allow it.
    """
    place = cfg.get('heatmap_on', 'worker')
    if place not in PLACES:
        raise ValueError(f"heatmap_on must be 'worker' (the loader draws) or 'device' (the model draws), got {place!r}")
    if place == 'worker':
        return
    model = cfg.get('model')
    kind = model.get('type') if isinstance(model, dict) else None
    if kind is None or input_key(model) != 'imgs':
        raise ValueError(f"heatmap_on='device' needs model.type='Recognizer3D', got {kind!r}; remove heatmap_on")
    drawings, sizes = {}, {}
    for where, holder, key in pipelines:
        found = _moved(holder[key], where)
        if found is None:
            continue
        holder[key], options, size = found
        drawings[where] = options
        sizes.setdefault('train_size' if 'train' in where else 'test_size', {})[where] = size
    if not drawings:
        if model.get('heatmaps'):
            return
        raise ValueError("heatmap_on='device' needs GeneratePoseTarget in the pipelines, found none; remove heatmap_on")
    if model.get('heatmaps'):
        raise ValueError(
            "heatmap_on='device' converts GeneratePoseTarget to model.heatmaps, but the config has model.heatmaps "
            'already; remove one of them'
        )
    drawing = _one({where: {k: options.get(k, v) for k, v in DRAWING.items()} for where, options in drawings.items()})
    for side in SIDES:
        given = {where: options[side] for where, options in drawings.items() if options.get(side) is not None}
        if given:
            drawing[side] = _one(given)
    if not any(options.get('layout') for options in drawings.values()):
        own = _own_joints(drawing, (model.get('backbone') or {}).get('in_channels'))
        if own is not None:
            drawing.pop('layout')
            drawing['num_joints'] = own
    cfg.model.heatmaps = {**drawing, **{name: _one(of_phases) for name, of_phases in sizes.items()}}


def _own_joints(drawing: dict, in_channels: object) -> int | None:
    """Joints of a skeleton that lists alone describe: as GeneratePoseTarget without a layout; None for coco's."""
    coco = get_skeleton(DRAWING['layout']).num_joints
    if drawing['with_kp']:
        return in_channels if isinstance(in_channels, int) and in_channels != coco else None
    pairs = drawing['skeletons']
    if not isinstance(pairs, list | tuple):
        return None
    named = [*pairs, *(drawing[side] for side in ('left_kp', 'right_kp') if side in drawing)]
    numbers = [joint for group in named if isinstance(group, list | tuple) for joint in group if isinstance(joint, int)]
    return 1 + max(numbers) if numbers and max(numbers) >= coco else None


def _one(values: dict[str, object]) -> object:
    """Return the value that all pipelines share."""
    (first, value), *others = values.items()
    for where, other in others:
        if _plain(other) != _plain(value):
            raise ValueError(
                f"heatmap_on='device' needs the same arguments in all pipelines, but {first} has {value} and {where} "
                f"has {other}; make them equal, or set heatmap_on='worker'"
            )
    return value


def _plain(value: object) -> object:
    """Convert lists to tuples, so that both compare as equal."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _kind(transform: object) -> object:
    return transform.get('type') if isinstance(transform, dict) else None


def _moved(pipeline: list[dict], where: str) -> tuple[list[dict], dict, list[int]] | None:
    """Split a pipeline: the rest, the heatmap arguments, and [height, width]; None without heatmaps."""
    numbers = [i for i, transform in enumerate(pipeline) if _kind(transform) == 'GeneratePoseTarget']
    if not numbers:
        return None
    if len(numbers) > 1:
        raise ValueError(f"{where}: heatmap_on='device' allows one GeneratePoseTarget, got {len(numbers)}")
    before, options = pipeline[: numbers[0]], dict(pipeline[numbers[0]])
    size = _image_size(before)
    if size is None:
        raise ValueError(
            f"{where}: heatmap_on='device' needs images of one size; put Resize with keep_ratio=False, or "
            'CenterCrop, before GeneratePoseTarget'
        )
    scaling = options.pop('scaling', 1)
    packing = {key: options[key] for key in ('use_score', 'double') if key in options}
    if scaling != 1:
        packing['scaling'] = scaling
    after = [dict(transform) for transform in pipeline[numbers[0] + 1 :] if _kind(transform) != 'FormatShape']
    for transform in after:
        for key in ('keys', 'meta_keys'):
            names = transform.get(key)
            if names is not None:
                names = [names] if isinstance(names, str) else list(names)
                transform[key] = ['keypoint' if name == 'imgs' else name for name in names]
    size = [int(side * scaling + 0.5) for side in size]
    return [*before, {'type': 'FormatHeatmapInput', **packing}, *after], options, size


def _image_size(transforms: list[dict]) -> tuple[int, int] | None:
    """Return (height, width) of the image after ``transforms``, or None if it varies between clips."""
    size = None
    for transform in transforms:
        kind = _kind(transform)
        if kind == 'Resize' and transform.get('keep_ratio', True) is False:
            width, height = transform['scale']
            size = int(height), int(width)
        elif kind in ('CenterCrop', 'RandomCrop'):
            pixels = transform.get('crop_size', transform.get('size', 224))
            width, height = (pixels, pixels) if isinstance(pixels, int) else pixels
            size = int(height), int(width)
        elif kind in ('Resize', 'PoseCompact', 'RandomResizedCrop'):
            size = None
    return size
