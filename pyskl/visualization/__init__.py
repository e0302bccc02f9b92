"""Images of skeletons: one frame, a clip, a sheet of clips."""

from pyskl.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        'pyskl.visualization.film': ('Film',),
        'pyskl.visualization.panels': ('HeatmapPanel', 'JointsPanel'),
        'pyskl.visualization.sheet': ('Row', 'sheet_pages'),
        'pyskl.visualization.skeleton': ('draw_skeleton', 'merge_channels', 'visibility'),
        'pyskl.visualization.video': ('write_image', 'write_video'),
    },
)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
