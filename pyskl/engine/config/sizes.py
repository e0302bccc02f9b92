"""Top-level ``num_classes``, ``clip_len``, ``num_person`` and ``layout``: default sizes of all components.

The config of a data set or of a run sets the value once; it is passed to every component that has such an argument,
unless the component sets it itself.
"""

import contextlib
import inspect
from collections.abc import Iterable

from mmengine.config import Config
from mmengine.registry import Registry

from pyskl.engine.config.values import ARGUMENTS
from pyskl.registry import MODELS, TRANSFORMS, lookup
from pyskl.skeletons import get_skeleton

SIZES = ('num_classes', 'clip_len', 'num_person')
LENGTHS = ('PadTo',)  # transforms whose ``length`` is the number of frames of a clip


def write_out_sizes(cfg: Config, pipelines: Iterable[tuple[str, dict, str]]) -> None:
    """Pass the keys to the components of ``cfg``, in place; idempotent.

    ``num_classes`` goes to ``model.cls_head``; ``clip_len`` and ``num_person`` to every transform that has such a
    parameter (``clip_len`` also to the ``length`` of ``PadTo``). A backbone gets the sizes on which its weights depend
    and that differ from its defaults: ``num_person`` if it has a norm per person, ``clip_len`` as ``T``, and the number
    of joints of ``layout`` as ``num_joints`` or as the first item of ``progressive_joint_seq``.

    Args:
        cfg: The config.
        pipelines: For each pipeline its name, the dict that contains it, and its key in that dict.

    Raises:
        ValueError: If a value is not a positive integer in the range of the argument.
    """
    sizes = {key: cfg[key] for key in SIZES if cfg.get(key) is not None}
    for key, value in sizes.items():
        if not ARGUMENTS[key].holds(value):
            raise ValueError(f'{key} must be {ARGUMENTS[key].says}, got {value!r}')
    for _, holder, key in pipelines:
        for transform in holder[key]:
            _fill(transform, {k: v for k, v in sizes.items() if k != 'num_classes'}, TRANSFORMS)
            if 'clip_len' in sizes and transform.get('type') in LENGTHS:
                transform.setdefault('length', sizes['clip_len'])
    model = cfg.get('model') or {}
    if 'num_classes' in sizes:
        _fill(model.get('cls_head'), {'num_classes': sizes['num_classes']}, MODELS)
    if isinstance(model.get('backbone'), dict):
        _fill_backbone(model['backbone'], sizes, cfg.get('layout'))


def _fill_backbone(backbone: dict, sizes: dict[str, int], layout: str | dict | None) -> None:
    parameters = _parameters(backbone, MODELS)
    values = {'num_person': sizes.get('num_person'), 'T': sizes.get('clip_len')}
    norm = parameters.get('data_bn_type')
    if norm and backbone.get('data_bn_type', norm.default) != 'MVC':
        del values['num_person']  # no weight depends on it
    if layout is not None and {'num_joints', 'progressive_joint_seq'} & set(parameters):
        with contextlib.suppress(ValueError, OSError):  # building the network raises the error
            joints = get_skeleton(layout if isinstance(layout, str) else dict(layout)).num_joints
            values |= {'num_joints': joints, 'progressive_joint_seq': [joints]}
    for key, value in values.items():
        if value is not None and key in parameters and parameters[key].default != value:
            backbone.setdefault(key, value)


def _fill(component: object, sizes: dict[str, int], registry: Registry) -> None:
    if sizes and isinstance(component, dict):
        parameters = _parameters(component, registry)
        for key, value in sizes.items():
            if key in parameters:
                component.setdefault(key, value)


def _parameters(component: dict, registry: Registry) -> dict[str, inspect.Parameter]:
    """Return the parameters of the class that a component's dict names; empty for an unknown class."""
    kind = component.get('type')
    if isinstance(kind, str):
        try:
            kind = lookup(kind, registry)
        except ValueError:  # building it raises the error
            return {}
    return dict(inspect.signature(kind).parameters) if callable(kind) else {}
