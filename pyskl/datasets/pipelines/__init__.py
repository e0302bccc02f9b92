"""Transforms of a sample; importing this package registers them."""

from pyskl.datasets.pipelines import (  # noqa: F401
    alignment,
    augment,
    ctrgcn_nwucla,
    decompress,
    flip,
    formatting,
    geometry2d,
    heatmap,
    normalize,
    sampling,
    stgcn_kinetics,
    streams,
    temporal_resize,
)
from pyskl.datasets.pipelines.base import BaseTransform, Compose  # noqa: F401
from pyskl.registry import TRANSFORMS


def __getattr__(name: str) -> type:
    """Return a transform by name, as attributes of PYSKL's ``pyskl.datasets.pipelines``."""
    if name in TRANSFORMS.module_dict:
        return TRANSFORMS.module_dict[name]
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
