"""Networks: plain torch, built from the ``model`` dict of a config."""

from torch import nn

from pyskl.registry import MODELS, build_component


def build_model(cfg: dict) -> nn.Module:
    """The network that ``cfg`` (a config's ``model``) describes, freshly initialised, on the CPU.

    Raises:
        ValueError: If a type or an argument is unknown or impossible; names it and what would work.
    """
    return build_component(cfg, MODELS)
