"""Transforms of a sample; importing this package puts them into the registry."""

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
