"""Registries that map the names in a config file to classes.

Each registry is a child of mmengine's registry of the same kind, so mmengine's own components are found too.
Components are built by :func:`build_component`, whose errors name the nearest valid names and arguments.
"""

import difflib
import inspect
import numbers
import types
import typing
from collections.abc import Iterable, Mapping, Sequence

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean ...?'``, or the list of known names if none is similar."""
    known = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.6)
    return f'; did you mean {" or ".join(map(repr, near))}?' if near else f'; choose from {known}'


def check_arguments(cls: type, arguments: dict, name: str | None = None) -> None:
    """Check that ``cls`` can be called with ``arguments``.

    Raises:
        ValueError: If an argument is unknown or a required one is missing; lists similar names.
    """
    name = name or cls.__name__
    parameters = inspect.signature(cls).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for key in arguments:
            if key not in known:
                raise ValueError(f'{name} has no argument {key!r}{nearest(key, known)}')
    for p in parameters:
        if p.name in known and p.default is p.empty and p.name not in arguments:
            raise ValueError(f'{name} needs the argument {p.name!r}; given: {sorted(arguments)}')


def lookup(name: str, registry: Registry) -> type:
    """Return the class registered as ``name``.

    Raises:
        ValueError: If there is none; lists similar names.
    """
    try:
        cls = registry.get(name)
    except RuntimeError:  # raised by mmengine for a dotted name that it cannot import
        cls = None
    if cls is None:
        known = {*registry.module_dict, *(registry.parent.module_dict if registry.parent else ())}
        raise ValueError(f'{name!r} is not a known {registry.name}{nearest(name, known)}')
    return cls


def build_component(cfg: dict, registry: Registry, **defaults) -> object:
    """Build ``cfg['type']`` with the other items of ``cfg`` as arguments; ``defaults`` are used for missing ones.

    Raises:
        ValueError: If ``cfg`` has no type, an unknown type, or arguments that the type does not accept.
        TypeError, AttributeError: If the component itself has a bug, i.e. every argument matches its annotation.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise ValueError(f"a {registry.name} is given by a dict with the key 'type', got {cfg!r}")
    arguments = {**defaults, **{key: value for key, value in cfg.items() if key != 'type'}}
    kind = cfg['type']
    cls = kind if not isinstance(kind, str) else lookup(kind, registry)
    check_arguments(cls, arguments)
    try:
        return cls(**arguments)
    except (TypeError, AttributeError) as error:
        name, hint = misfit(cls, arguments)
        if name is None:
            raise
        hint = getattr(hint, '__name__', hint) if not typing.get_args(hint) else hint
        raise ValueError(f'{cls.__name__}: {name} must be {hint}, got {arguments[name]!r}') from error


def misfit(cls: type, arguments: dict) -> tuple[str, object] | tuple[None, None]:
    """Return the first argument that does not match its annotation in ``cls.__init__``, and that annotation."""
    try:
        hints = typing.get_type_hints(cls.__init__ if isinstance(cls, type) else cls)
    except (NameError, TypeError):  # an annotation that cannot be evaluated
        return None, None
    for name, value in arguments.items():
        if name in hints and not _fits(value, hints[name]):
            return name, hints[name]
    return None, None


def _fits(value: object, hint: object) -> bool:
    """Whether ``value`` matches an annotation; True for annotations that cannot be checked."""
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is type(None):
        return value is None
    if origin in (int, float, bool):
        return isinstance(value, numbers.Real if origin is float else numbers.Integral)
    if origin in (str, dict, Mapping):
        return isinstance(value, origin)
    if origin in (list, tuple, Sequence, Iterable):
        if not inner:  # a bare `tuple` means one value per stage, so a list does not match
            return isinstance(value, origin)
        kinds = (list, tuple) if inner[0] is not str else (list, tuple, str)
        return isinstance(value, kinds) and all(_fits(item, inner[0]) for item in value)
    return True


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope='pyskl', locations=list(locations), build_func=build_component)


MODELS = _child(
    'model', MMENGINE_MODELS, 'pyskl.models.backbones', 'pyskl.models.heads', 'pyskl.models.losses',
    'pyskl.models.recognizers',
)  # fmt: skip
DATASETS = _child(
    'dataset',
    MMENGINE_DATASETS,
    'pyskl.datasets.pose_dataset',
    'pyskl.datasets.wrappers',
    'pyskl.datasets.gesture_dataset',
)
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'pyskl.datasets.pipelines')
METRICS = _child('metric', MMENGINE_METRICS, 'pyskl.evaluation.metrics', 'pyskl.evaluation.mmaction_metrics')
HOOKS = _child('hook', MMENGINE_HOOKS, 'pyskl.engine.hooks')
