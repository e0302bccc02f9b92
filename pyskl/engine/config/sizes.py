"""``num_classes``, ``clip_len``, ``num_person`` and ``layout``, named once in a config -> sizes of its components.

The data set's or the leaf's file names them; every component that takes one and names none gets it. A number that a
component names itself stays.
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
    """Write the keys out, in place. Done twice, it changes nothing more.

    ``num_classes`` goes to ``model.cls_head``; ``clip_len`` and ``num_person`` to every transform that has such a
    parameter (``clip_len`` to the ``length`` of ``PadTo``). A backbone gets the numbers that its weights depend on and
    that its defaults do not match: ``num_person`` if it has a norm per person, ``clip_len`` as ``T``, and the joints
    of ``layout`` as ``num_joints`` or as the first item of ``progressive_joint_seq``.

    Args:
        cfg: The config.
        pipelines: Of each pipeline in it: its name, what holds it, and its key there.

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
        del values['num_person']  # the network reads none
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
    """The parameters of the class of a component's dict; none of one that is not known: its building says why."""
    kind = component.get('type')
    if isinstance(kind, str):
        try:
            kind = lookup(kind, registry)
        except ValueError:
            return {}
    return dict(inspect.signature(kind).parameters) if callable(kind) else {}
