"""Top-level ``transform_defaults``: arguments of all transforms of one type, in all pipelines.

A config changes one argument of an inherited pipeline without restating the list::

    transform_defaults = dict(PreNormalize2D=dict(threshold=None))
"""

from collections.abc import Iterable

from mmengine.config import Config


def write_out_transform_defaults(cfg: Config, pipelines: Iterable[tuple[str, dict, str]]) -> None:
    """Move ``transform_defaults`` into the transforms, in place; the key is removed.

    Args:
        cfg: The config. ``transform_defaults`` maps types of transforms to their arguments.
        pipelines: For each pipeline its name, the dict that contains it, and its key in that dict.

    Raises:
        ValueError: If the value is not a dict of dicts, no pipeline has a transform of such a type, or a transform
            sets the argument to another value.
    """
    defaults = cfg.pop('transform_defaults', None) or {}
    if not isinstance(defaults, dict):
        raise ValueError(f'transform_defaults must be a dict of types and their arguments, got {defaults!r}')
    transforms = [(name, item) for name, holder, key in pipelines for item in holder[key] if isinstance(item, dict)]
    for kind, arguments in defaults.items():
        if not isinstance(arguments, dict):
            raise ValueError(f'transform_defaults.{kind} must be a dict of arguments, got {arguments!r}')
        found = [(name, item) for name, item in transforms if item.get('type') == kind]
        if not found:
            types = ', '.join(sorted({str(item.get('type')) for _, item in transforms})) or 'none'
            raise ValueError(f'transform_defaults.{kind}: no pipeline has this transform; found {types}')
        for name, item in found:
            for key, value in arguments.items():
                if item.setdefault(key, value) != value:
                    raise ValueError(
                        f'transform_defaults.{kind}.{key} is {value!r}, but {kind} in {name} sets {item[key]!r}; '
                        'remove one of them'
                    )
