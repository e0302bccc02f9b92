"""Transforms of a sample; importing this package puts them into the registry."""

from pyskl.datasets.pipelines import (  # noqa: F401
    alignment,
    augment,
    ctrgcn_nwucla,
    decompress,
    geometry2d,
    heatmap,
    moving,
    normalize,
    packing,
    sampling,
    streams,
    stretching,
)
