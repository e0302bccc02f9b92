"""Transforms of a sample; importing this package puts them into the registry."""

from pyskl.datasets.pipelines import augment, normalize, packing, sampling, streams  # noqa: F401
