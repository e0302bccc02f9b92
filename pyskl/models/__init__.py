"""Networks: plain torch, built from the ``model`` dict of a config."""

from torch import nn

from pyskl.lazy import lazy_exports
from pyskl.registry import MODELS, build_component

_backbones = (
    'AAGCN', 'C3D', 'CTRGCN', 'DGSTGCN', 'InfoGCN', 'MSG3D', 'ResNet3d', 'ResNet3dSlowOnly', 'SGN', 'STGCN', 'Ske2Grid',
    'X3D',
)  # fmt: skip
__getattr__, _lazy = lazy_exports(
    __name__,
    {
        'pyskl.models.backbones': _backbones,
        'pyskl.models.heads': ('GCNHead', 'GridHead', 'I3DHead', 'InfoGCNHead'),
        'pyskl.models.losses': ('BCELossWithLogits', 'CrossEntropyLoss'),
        'pyskl.models.recognizers': ('Recognizer3D', 'RecognizerGCN'),
        'pyskl.models.graphs': ('build_adjacency',),
    },
)
__all__ = ['build_model', *_lazy]


def build_model(cfg: dict) -> nn.Module:
    """The network that ``cfg`` (a config's ``model``) describes, freshly initialised, on the CPU.

    Raises:
        ValueError: If a type or an argument is unknown or impossible; names it and what would work.
    """
    return build_component(cfg, MODELS)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
