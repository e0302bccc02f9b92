"""Transforms of a sample; importing this package puts them into the registry."""

from pyskl.datasets.pipelines import augment, geometry2d, heatmap, normalize, packing, sampling, streams  # noqa: F401
