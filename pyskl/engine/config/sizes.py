"""``num_classes``, ``clip_len`` and ``num_person``, named once in a config -> arguments of its components.

The data set's or the leaf's file names the number; every component that takes it and names none gets it. A number that
a component names itself stays.
"""

import inspect
from collections.abc import Iterable

from mmengine.config import Config
from mmengine.registry import Registry

from pyskl.engine.config.values import ARGUMENTS
from pyskl.registry import MODELS, TRANSFORMS, lookup

SIZES = ('num_classes', 'clip_len', 'num_person')


def write_out_sizes(cfg: Config, pipelines: Iterable[tuple[str, dict, str]]) -> None:
    """Write the three keys out, in place. Done twice, it changes nothing more.

    ``num_classes`` goes to ``model.cls_head``; ``clip_len`` and ``num_person`` to every transform that has such a
    parameter; ``num_person`` to ``model.backbone`` too, where the network's weights depend on it (a norm per person)
    and its default is another number.

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
    model = cfg.get('model') or {}
    if 'num_classes' in sizes:
        _fill(model.get('cls_head'), {'num_classes': sizes['num_classes']}, MODELS)
    backbone = model.get('backbone')
    if 'num_person' in sizes and _default_num_person(backbone) not in (None, sizes['num_person']):
        backbone.setdefault('num_person', sizes['num_person'])


def _fill(component: object, sizes: dict[str, int], registry: Registry) -> None:
    if sizes and isinstance(component, dict):
        parameters = _parameters(component, registry)
        for key, value in sizes.items():
            if key in parameters:
                component.setdefault(key, value)


def _default_num_person(backbone: object) -> object:
    """The default ``num_person`` of a backbone's network; None if it reads none, as with ``data_bn_type='VC'``."""
    parameters = _parameters(backbone, MODELS) if isinstance(backbone, dict) else {}
    norm = parameters.get('data_bn_type')
    if 'num_person' not in parameters or (norm and backbone.get('data_bn_type', norm.default) != 'MVC'):
        return None
    return parameters['num_person'].default


def _parameters(component: dict, registry: Registry) -> dict[str, inspect.Parameter]:
    """The parameters of the class of a component's dict; none of one that is not known: its building says why."""
    kind = component.get('type')
    if isinstance(kind, str):
        try:
            kind = lookup(kind, registry)
        except ValueError:
            return {}
    return dict(inspect.signature(kind).parameters) if callable(kind) else {}
