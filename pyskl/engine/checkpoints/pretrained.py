"""``model.backbone.pretrained``: initialise the backbone, but not the head, from a checkpoint."""

import warnings

from torch import Tensor, nn

from pyskl.engine.checkpoints.files import load_weights


def load_pretrained(recognizer: nn.Module, checkpoint: dict, path: str) -> list[str]:
    """Copy weights from a checkpoint into the backbone.

    Weights of a recognizer or a bare backbone must fit. If ``pretrained2d`` is set, weights of a 2D ResNet are inflated
    over time, and layers that do not fit, such as a stem with other channels, are not loaded.

    Args:
        recognizer: A recognizer whose backbone has ``pretrained``, and optionally ``pretrained2d``.
        checkpoint: A dict as :func:`pyskl.engine.checkpoints.files.read_checkpoint` returns it.
        path: The file's name, for error messages.

    Returns:
        Log lines.

    Raises:
        ValueError: If no weight of a 2D ResNet fits, or, for other files, if any weight does not fit.
    """
    state_dict = {key.removeprefix('module.'): value for key, value in checkpoint['state_dict'].items()}
    alone = not any(key.startswith('backbone.') for key in state_dict)
    if getattr(recognizer.backbone, 'pretrained2d', False):
        return _load_2d(recognizer.backbone, {key.removeprefix('backbone.'): v for key, v in state_dict.items()}, path)
    own = {f'backbone.{key}': value for key, value in state_dict.items()}
    if alone and set(own) & set(recognizer.state_dict()):
        checkpoint = {**checkpoint, 'state_dict': own}
    return load_weights(recognizer, checkpoint, path, growing=True, ignore='cls_head')


def _load_2d(backbone: nn.Module, weights: dict[str, Tensor], path: str) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        state_dict = backbone.inflate_2d(weights)
    if not any(key.endswith('conv.weight') for key in state_dict):
        raise ValueError(
            f'{path} has no convolution of a 2D ResNet of this depth and width (first keys: {sorted(weights)[:3]}); '
            'for weights of a 3D network set model.backbone.pretrained2d=False'
        )
    fresh = sorted(set(backbone.state_dict()) - set(state_dict))
    fresh = [key for key in fresh if not key.endswith('num_batches_tracked')]
    backbone.load_state_dict(state_dict, strict=False)
    notes = [f'{len(state_dict)} tensors of a 2D network inflated over time']
    if fresh:
        notes.append(f'randomly initialised: {fresh[0]}{f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""}')
    return [*notes, *(str(warning.message) for warning in caught)]
