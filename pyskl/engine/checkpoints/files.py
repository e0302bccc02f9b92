"""Find, read, load and write checkpoint files.

Reading never runs code from the file: see :mod:`pyskl.engine.checkpoints.reading`.
"""

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from pyskl.engine.checkpoints.foreign import origin, translate
from pyskl.engine.checkpoints.reading import read_content
from pyskl.files import replacing
from pyskl.zoo.download import fetch


def find_checkpoint(pattern: str | Path) -> tuple[str, str | None]:
    """Resolve a path, a quoted glob or a URL to a file.

    Returns:
        The path, and a line for the log if the glob had several matches (the newest is used), else None.

    Raises:
        FileNotFoundError: If nothing matches; lists the checkpoints in the folder.
        IsADirectoryError: If it is a folder; lists its checkpoints.
        OSError: If a URL cannot be downloaded.
    """
    pattern = str(pattern)
    if pattern.startswith(('http://', 'https://')):
        return fetch(pattern), None
    pattern = os.path.expanduser(pattern)
    if os.path.isfile(pattern):
        return pattern, None
    # Brackets may be part of a folder's name.
    literal = os.path.join(glob.escape(os.path.dirname(pattern)), os.path.basename(pattern))
    matches = [path for path in glob.glob(pattern) or glob.glob(literal) if os.path.isfile(path)]
    if os.path.isdir(pattern):
        names = sorted(path.name for path in Path(pattern).glob('*.pth'))
        raise IsADirectoryError(
            f'{pattern} is a folder, not a checkpoint; it contains {", ".join(names) or "no .pth file"}'
        )
    if not matches:
        folder = Path(pattern).parent
        names = sorted(path.name for path in folder.glob('*.pth')) if folder.is_dir() else None
        if names is None:
            there = f'the folder {folder} does not exist'
        else:
            there = f'{folder} contains {", ".join(names) or "no .pth file"}'
        raise FileNotFoundError(f'no checkpoint matches {pattern}; {there}')
    matches.sort(key=lambda path: (os.path.getmtime(path), path))
    note = f'{len(matches)} files match {pattern}; using the newest, {matches[-1]}' if len(matches) > 1 else None
    return matches[-1], note


# Keys under which toolboxes store the weights.
WEIGHTS = ('state_dict', 'model_state_dict', 'model')


def _is_weight(key: object, value: object) -> bool:
    return isinstance(key, str) and isinstance(value, torch.Tensor)


def read_checkpoint(path: str | Path, trust: bool = False) -> dict:
    """Read a checkpoint onto the CPU.

    Args:
        path: A file with a dict that has the weights under one of :data:`WEIGHTS`, or with the weights alone.
        trust: Value of ``--trust-checkpoint``: allow any pickled object. Such a file can run code.

    Returns:
        A dict with at least ``state_dict`` (tensors by name) and ``meta``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated, is not a checkpoint, or contains objects that could run code.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'the checkpoint {path} does not exist')
    checkpoint = read_content(path, trust)
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} contains a {type(checkpoint).__name__}; a checkpoint is a dict with a state_dict')
    found = next((key for key in WEIGHTS if isinstance(checkpoint.get(key), dict)), None)
    if found is not None:
        checkpoint['state_dict'] = checkpoint.pop(found)
    elif checkpoint and all(isinstance(value, torch.Tensor) for value in checkpoint.values()):
        checkpoint = {'state_dict': checkpoint}
    else:
        names = sorted(map(str, checkpoint))[:5]
        raise ValueError(f'{path} has no weights: its keys are {names}; the weights must be under one of {WEIGHTS}')
    odd = next((item for item in checkpoint['state_dict'].items() if not _is_weight(*item)), None)
    if odd is not None:
        kind = type(odd[1]).__name__
        raise ValueError(f'{path}: {odd[0]!r} in its {found or "state_dict"} is not a tensor but of type {kind}')
    meta = checkpoint.get('meta')
    # mmengine would execute the text under meta['config'] when it resumes.
    checkpoint['meta'] = {k: v for k, v in meta.items() if k != 'config'} if isinstance(meta, dict) else {}
    return checkpoint


def save_checkpoint(checkpoint: dict, path: str | Path) -> None:
    """Write a checkpoint atomically; see :func:`pyskl.files.replacing`."""
    with replacing(path) as file:
        torch.save(checkpoint, file)


def match_keys(state_dict: dict, model: nn.Module) -> tuple[dict, list[str]]:
    """Rename the keys of a known foreign layout to ours.

    Returns:
        The state dict, and a log line for each layout recognised.
    """
    wanted = model.state_dict().keys()
    own_fc = 'cls_head.fc.weight' in wanted and 'cls_head.fc_cls.weight' not in wanted
    return translate(state_dict, keep_fc=own_fc)


def is_dense(value: torch.Tensor) -> bool:
    """Whether ``value`` is a dense tensor of real numbers: not sparse, complex, quantized or on device ``meta``."""
    return (
        value.layout is torch.strided
        and not value.is_complex()
        and not value.is_quantized
        and value.device.type != 'meta'
    )


def load_weights(model: nn.Module, checkpoint: dict, path: str, growing: bool = False, ignore: str = '') -> list[str]:
    """Copy a checkpoint's weights into a recognizer.

    Args:
        model: The recognizer.
        checkpoint: A dict as :func:`read_checkpoint` returns it.
        path: The file's name, for error messages.
        growing: Whether the last stage of a progressively grown network may be missing in the file; it then keeps its
            random weights.
        ignore: Prefix of keys that are not loaded (``load_from_ignore``), e.g. ``'cls_head'``.

    Returns:
        Log lines: the recognised toolbox and layout, and the weights that are not loaded.

    Raises:
        ValueError: If tensors are missing, unexpected or of another shape; names the first of each kind.
    """
    state_dict, notes = match_keys(checkpoint['state_dict'], model)
    notes[:0] = [name for name in [origin(checkpoint)] if name]
    layouts = f' (read as: {"; ".join(notes)})' if notes else ''
    wanted = model.state_dict()
    skipped = [key for key in wanted if ignore and key.startswith(ignore)]
    if skipped:
        notes.append(f'randomly initialised (load_from_ignore={ignore!r}): {skipped[0]} and {len(skipped) - 1} more')
    state_dict = {key: value for key, value in state_dict.items() if not (ignore and key.startswith(ignore))}
    odd = next((key for key, value in state_dict.items() if not is_dense(value)), None)
    if odd is not None:
        value = state_dict[odd]
        raise ValueError(
            f'{path} does not fit the model: {odd} is a tensor of {value.layout}, {value.dtype}; only dense real '
            'tensors can be loaded'
        )
    missing = [key for key in wanted if key not in state_dict and key not in skipped]
    fresh = _fresh_stage(model, missing, state_dict) if growing else []
    if fresh:
        notes.append(f'randomly initialised: {", ".join(fresh)}')
    problem = _mismatch(wanted, state_dict, {*skipped, *fresh}, getattr(model.backbone, 'stage_of', None))
    if problem:
        raise ValueError(f'{path} does not fit the model: {problem}{layouts}')
    model.load_state_dict(state_dict, strict=False)
    return notes


def _fresh_stage(model: nn.Module, missing: list[str], state_dict: dict) -> list[str]:
    """Return the missing keys if they are exactly those of the last stage and the file has the stage before."""
    stage_of = getattr(model.backbone, 'stage_of', None)
    if stage_of is None or not missing:
        return []
    stages = {key: stage_of(key.removeprefix('backbone.')) for key in [*model.state_dict(), *state_dict]}
    last = max(stage for stage in stages.values() if stage is not None)
    in_file = {stages[key] for key in state_dict if stages[key] is not None}
    return missing if in_file == set(range(last)) and {stages[key] for key in missing} == {last} else []


def _mismatch(wanted: dict, state_dict: dict, fresh: set, stage_of: Callable | None) -> str | None:
    """Describe mismatched tensors, the first of each kind; None if all match."""
    missing = [key for key in wanted if key not in state_dict and key not in fresh]
    left = [key for key in state_dict if key not in wanted]
    sides = []
    if missing:
        sides.append(f'it lacks {_some(missing, wanted)}')
    if left:
        sides.append(f'it has {_some(left, state_dict)}, which the model lacks')
    if sides:
        stages = _stage_counts(stage_of, wanted, state_dict) if stage_of else ''
        return f'{"; ".join(sides)}{stages}{_hint(missing, left)}'
    other = [key for key in wanted if key not in fresh and state_dict[key].shape != wanted[key].shape]
    if not other:
        return None
    key = other[0]
    found, needed = tuple(state_dict[key].shape), tuple(wanted[key].shape)
    hint = ''
    if key.startswith('cls_head') and found[:1] != needed[:1]:
        hint = (
            f' ({found[0]} classes in the file, {needed[0]} in the model; '
            "set load_from_ignore='cls_head' to train a new head)"
        )
    if key.endswith('tcn.conv.weight') and found[:2] == needed[:2] and len(found) == 4:
        hint = f'; the temporal kernels differ: set model.backbone.tcn_kernel_size={found[2]}'
    if 'backbone.data_bn.weight' in other:
        hint = '; the inputs differ: joints (model.backbone.graph_cfg.layout), in_channels or num_person'
    return f'{key} is {found} in the file and {needed} in the model{hint}'


def _some(keys: list[str], tensors: dict) -> str:
    """Format the first three of ``keys`` with their shapes, and the number of the others."""
    named = ', '.join(f'{key} {tuple(tensors[key].shape)}' for key in keys[:3])
    return f'{named} and {len(keys) - 3} more' if len(keys) > 3 else named


_ATTENTION = re.compile(r'.*\.gcn\.(conv_ta|conv_sa|fc1c|fc2c)\.(weight|bias)')


def _hint(missing: list[str], left: list[str]) -> str:
    """Suggest a fix where the keys allow one."""
    if not left and all(_ATTENTION.fullmatch(key) for key in missing):
        return '; for a network without attention (2s-AGCN) set model.backbone.gcn_attention=False'
    if not missing and all(_ATTENTION.fullmatch(key) for key in left):
        return '; for a network with attention (AAGCN) set model.backbone.gcn_attention=True'
    return ''


def _stage_counts(stage_of: Callable[[str], int | None], wanted: dict, state_dict: dict) -> str:
    def count(keys: dict) -> int:
        stages = [stage_of(key.removeprefix('backbone.')) for key in keys]
        return 1 + max((stage for stage in stages if stage is not None), default=-1)

    if count(state_dict) in (0, count(wanted)):  # 0: a network of another type
        return ''
    return f' ({count(state_dict)} stages in the file, {count(wanted)} in the model)'
