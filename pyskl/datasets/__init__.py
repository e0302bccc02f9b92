"""Skeleton data: annotation files, datasets and the transforms of their samples."""

from pyskl.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        'pyskl.datasets.base': ('BaseDataset',),
        'pyskl.datasets.pose_dataset': ('PoseDataset',),
        'pyskl.datasets.wrappers': ('ConcatDataset', 'RepeatDataset', 'build_dataset'),
        'pyskl.datasets.pipelines.base': ('BaseTransform', 'Compose'),
        'pyskl.datasets.records.annotations': ('read_annotations', 'record_problem', 'write_annotations'),
        'pyskl.datasets.records.store': ('RecordStore',),
    },
)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
