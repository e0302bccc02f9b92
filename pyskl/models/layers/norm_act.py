"""Norm and activation layers by their names in configs."""

from torch import nn

from pyskl.models.layers.batch_norm import BatchNorm2d

NORMS = {'BN': BatchNorm2d, 'BN2d': BatchNorm2d, 'SyncBN': nn.SyncBatchNorm}
ACTIVATIONS = {
    'ReLU': nn.ReLU, 'LeakyReLU': nn.LeakyReLU, 'ELU': nn.ELU, 'GELU': nn.GELU, 'SiLU': nn.SiLU, 'Swish': nn.SiLU,
    'Tanh': nn.Tanh, 'Sigmoid': nn.Sigmoid, 'Identity': nn.Identity,
}  # fmt: skip
_INPLACE = (nn.ReLU, nn.LeakyReLU, nn.ELU)


def build_norm(cfg: str | dict | None, channels: int, name: str = 'norm') -> nn.Module:
    """A norm of ``(B, C, T, V)`` maps: ``'BN'``, a dict with ``type`` and the layer's arguments, or None for nothing.

    Args:
        cfg: What the config holds.
        channels: C.
        name: The config key, for errors.

    Raises:
        ValueError: If the type is unknown.
    """
    if cfg is None:
        return nn.Identity()
    kind, cfg = _parts(cfg, NORMS, name)
    requires_grad = cfg.pop('requires_grad', True)
    return NORMS[kind](channels, **cfg).requires_grad_(requires_grad)


def build_activation(cfg: str | dict | None, name: str = 'act') -> nn.Module:
    """An activation: ``'ReLU'``, a dict with ``type`` and the layer's arguments, or None for nothing.

    Raises:
        ValueError: If the type is unknown.
    """
    if cfg is None:
        return nn.Identity()
    kind, cfg = _parts(cfg, ACTIVATIONS, name)
    if issubclass(ACTIVATIONS[kind], _INPLACE):
        cfg.setdefault('inplace', True)
    return ACTIVATIONS[kind](**cfg)


def _parts(cfg: str | dict, known: dict[str, type], name: str) -> tuple[str, dict]:
    """The type in a config, and the layer's arguments."""
    cfg = {'type': cfg} if isinstance(cfg, str) else dict(cfg)
    kind = cfg.pop('type', None)
    if kind not in known:
        raise ValueError(f'unknown {name} {kind!r}; choose from {sorted(known)}, or None')
    return kind, cfg
