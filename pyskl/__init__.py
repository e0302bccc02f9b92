"""Skeleton action recognition: Ske2Grid, ST-GCN++ and their family, from a config file."""

from pyskl.lazy import lazy_exports

__version__ = '0.1.0'
__getattr__, __all__ = lazy_exports(
    __name__,
    {
        'pyskl.apis': (
            'ActionRecognizer', 'create_model', 'inference_recognizer', 'init_recognizer', 'list_models', 'load_config',
            'test', 'train',
        ),
    },
)  # fmt: skip


def __dir__() -> list[str]:
    return [*globals(), *__all__]
