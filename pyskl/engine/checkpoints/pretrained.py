"""``model.backbone.pretrained``: a backbone that starts from a checkpoint, its head fresh."""

import warnings

from torch import Tensor, nn

from pyskl.engine.checkpoints.files import load_weights


def load_pretrained(recognizer: nn.Module, checkpoint: dict, path: str) -> list[str]:
    """Copy the weights that ``pretrained`` names into the backbone.

    Those of a recognizer, or of a backbone by itself, must fit; where ``pretrained2d`` is set, those of a 2D ResNet are
    spread over time and what does not fit, such as a stem of other channels, starts fresh.

    Args:
        recognizer: Its backbone has ``pretrained``, and perhaps ``pretrained2d``.
        checkpoint: As of :func:`pyskl.engine.checkpoints.files.read_checkpoint`.
        path: The file's name, for messages.

    Returns:
        Lines for the log.

    Raises:
        ValueError: If nothing fits a 2D ResNet, or anything does not fit otherwise.
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
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        state_dict = backbone.inflate_2d(weights)
    if not any(key.endswith('conv.weight') for key in state_dict):
        raise ValueError(
            f'{path} has no convolution of a 2D ResNet of this depth and width (its keys: {sorted(weights)[:3]}); for '
            'the weights of a 3D network set model.backbone.pretrained2d=False'
        )
    fresh = sorted(set(backbone.state_dict()) - set(state_dict))
    fresh = [key for key in fresh if not key.endswith('num_batches_tracked')]
    backbone.load_state_dict(state_dict, strict=False)
    notes = [f'{len(state_dict)} tensors of a 2D network spread over time']
    if fresh:
        notes.append(f'starts fresh: {fresh[0]}{f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""}')
    return [*notes, *(str(warning.message) for warning in told)]
