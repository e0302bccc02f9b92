"""``--fuse-conv-bn``: fold batch norms into the preceding convolutions where this preserves the scores."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def conv_norm_pairs(model: nn.Module, *args, **kwargs) -> list[tuple[str, str]]:
    """Find pairs (convolution, batch norm) whose norm consumes exactly the convolution's output in a forward pass.

    Args:
        model: The network, in evaluation mode.
        *args: Arguments of its ``forward``.
        **kwargs: Keyword arguments of its ``forward``.
    """
    # By id: name, tensor (stored, so that its id is not reused), and version, which in-place operations increase.
    produced: dict[int, tuple[str, Tensor, int]] = {}
    pairs = []
    handles = []

    def after_conv(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            produced[id(output)] = (name, output, output._version)

        return hook

    def before_norm(name: str):
        def hook(module: nn.Module, inputs: tuple) -> None:
            source, _, version = produced.get(id(inputs[0]), (None, None, None))
            if source is not None and inputs[0]._version == version:
                pairs.append((source, name))

        return hook

    for name, module in model.named_modules():
        if isinstance(module, CONVS):
            handles.append(module.register_forward_hook(after_conv(name)))
        elif isinstance(module, NORMS):
            handles.append(module.register_forward_pre_hook(before_norm(name)))
    with torch.no_grad():
        model(*args, **kwargs)
    for handle in handles:
        handle.remove()
    return pairs


def fuse_conv_bn(model: nn.Module, *args, **kwargs) -> int:
    """Fuse in place and return the number of batch norms removed.

    Raises:
        ValueError: If fusing changes the scores.
    """
    model.eval()
    with torch.no_grad():
        before = model(*args, **kwargs)
    pairs = conv_norm_pairs(model, *args, **kwargs)
    for conv_name, norm_name in pairs:
        conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
        _replace(model, conv_name, fuse_conv_bn_eval(conv, norm))
        _replace(model, norm_name, nn.Identity())
    with torch.no_grad():
        after = model(*args, **kwargs)
    if not torch.allclose(before, after, rtol=1e-3, atol=1e-3 * float(before.abs().max())):
        raise ValueError('--fuse-conv-bn would change the scores of this network; omit it')
    return len(pairs)


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition('.')
    setattr(model.get_submodule(parent), child, module)
