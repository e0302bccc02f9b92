"""Checkpoints of other toolboxes: detection, and renaming of weights to our names, one function per layout.

PYSKL's and Ske2Grid's keys equal ours. MMAction2's differ in the classifier's name. The papers' repositories name all
weights differently; these networks of ours, with these arguments, reproduce their scores:

- ST-GCN: ``STGCN`` as PYSKL's configs build it. The file contains its graph, in any partition.
- CTR-GCN: ``CTRGCN(variant='original')``.
- InfoGCN: ``InfoGCN`` and ``InfoGCNHead``, on NW-UCLA with ``tree='descendants'``. The file does not say which ``k``.
"""

import re
from collections.abc import Callable

import torch
from torch import Tensor

from pyskl.models.heads.infogcn_head import class_priors

_STGCN_PARTS = {
    'gcn.conv': 'gcn.conv',
    'tcn.0': 'gcn.bn',
    'tcn.2': 'tcn.conv',
    'tcn.3': 'tcn.bn',
    'residual.0': 'residual.conv',
    'residual.1': 'residual.bn',
}


def from_stgcn(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """ST-GCN, https://github.com/yysijie/st-gcn.

    In that repository all blocks share ``A``, each with its own edge importance (1 if the file has none).
    The classifier is a 1x1 convolution.
    """
    ours = {}
    blocks = set()
    for key, value in state_dict.items():
        part = re.fullmatch(r'st_gcn_networks\.(\d+)\.(\w+\.\w+)\.(\w+)', key)
        if part and part[2] in _STGCN_PARTS:
            blocks.add(part[1])
            ours[f'backbone.gcn.{part[1]}.{_STGCN_PARTS[part[2]]}.{part[3]}'] = value
        elif key.startswith('data_bn.'):
            ours[f'backbone.{key}'] = value
        elif key.startswith('fcn.'):
            ours[key.replace('fcn.', 'cls_head.fc_cls.')] = value.flatten(1) if value.ndim == 4 else value
        elif key != 'A' and not key.startswith('edge_importance.'):
            ours[key] = value  # not a key of ST-GCN: loading reports it
    for block in blocks:
        ours[f'backbone.gcn.{block}.gcn.A'] = state_dict['A']
        ours[f'backbone.gcn.{block}.gcn.PA'] = state_dict.get(
            f'edge_importance.{block}', torch.ones_like(state_dict['A'])
        )
    return ours


def from_ctrgcn(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """CTR-GCN, https://github.com/Uason-Chen/CTR-GCN: blocks count from 1, and the learned graph is named ``PA``."""

    def rename(key: str) -> str:
        block = re.match(r'l(\d+)\.', key)
        if block:
            return f'backbone.net.{int(block[1]) - 1}.{key[block.end() :]}'.replace('.gcn1.PA', '.gcn1.A')
        if key.startswith('data_bn.'):
            return f'backbone.{key}'
        return f'cls_head.fc_cls.{key[3:]}' if key.startswith('fc.') else key

    return {rename(key): value for key, value in state_dict.items()}


def from_infogcn(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """InfoGCN, https://github.com/stnoah1/infogcn: blocks count from 1, and the head's layers are at the top level.

    The file lacks the class priors, which were sampled from a seed; new ones matter only if training continues.
    """

    def rename(key: str) -> str:
        block = re.match(r'l(\d+)\.', key)
        if block:
            return f'backbone.net.{int(block[1]) - 1}.{key[block.end() :]}'
        if key == 'pos_embedding' or key.startswith(('data_bn.', 'to_joint_embedding.')):
            return f'backbone.{key}'
        return f'cls_head.{key}' if key.startswith(('fc.', 'fc_mu.', 'fc_logvar.', 'decoder.')) else key

    ours = {rename(key): value for key, value in state_dict.items()}
    generator = torch.Generator().manual_seed(0)
    ours.setdefault('cls_head.z_prior', class_priors(*state_dict['decoder.weight'].shape, 3.0, generator))
    return ours


def from_mmaction2(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """MMAction2 1.x: the classifier of graph networks is named ``cls_head.fc``."""
    return {key.replace('cls_head.fc.', 'cls_head.fc_cls.'): value for key, value in state_dict.items()}


def _is_mmaction2(state_dict: dict[str, Tensor]) -> bool:
    # Ske2Grid's classifier of that name is a Conv3d; InfoGCN's layer of that name is not a classifier.
    weight = state_dict.get('cls_head.fc.weight')
    return weight is not None and weight.ndim == 2 and 'cls_head.fc_mu.weight' not in state_dict


# Name in the log -> keys that identify the layout together, and its conversion.
LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[[dict], dict]]] = {
    "ST-GCN's own repository": (('A', 'st_gcn_networks.0.gcn.conv.weight', 'fcn.weight'), from_stgcn),
    "CTR-GCN's own repository, for backbone.variant='original'": (
        ('l1.gcn1.PA', 'l1.gcn1.convs.0.conv4.weight', 'fc.weight'),
        from_ctrgcn,
    ),
    "InfoGCN's own repository, without class priors (sampled anew; used by training only)": (
        ('pos_embedding', 'l1.agcn.shared_topology', 'decoder.weight'),
        from_infogcn,
    ),
}


def recognise(state_dict: dict[str, Tensor]) -> str | None:
    """Detect the layout, a key of :data:`LAYOUTS`; None if unknown."""
    return next((name for name, (keys, _) in LAYOUTS.items() if all(key in state_dict for key in keys)), None)


def to_ours(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights to our names; a state dict of unknown layout is returned unchanged."""
    name = recognise(state_dict)
    return state_dict if name is None else LAYOUTS[name][1](state_dict)


def translate(state_dict: dict[str, Tensor], keep_fc: bool = False) -> tuple[dict[str, Tensor], list[str]]:
    """Normalise keys: strip wrappers' prefixes, in any order, and convert the layout.

    Args:
        state_dict: State dict of any toolbox.
        keep_fc: Keep a linear ``cls_head.fc`` unchanged, as for the user's own head.

    Returns:
        The state dict under our names, and a log line for each layout recognised.
    """
    notes = []
    for prefix, what in (('_orig_mod.', 'compiled model (_orig_mod.)'), ('module.', 'data parallel model (module.)')):
        stripped = {_without(key, prefix): value for key, value in state_dict.items()}
        if stripped.keys() != state_dict.keys():
            state_dict = stripped
            notes.append(what)
    state_dict, copies = without_ema_copies(state_dict)
    if copies:
        notes.append(f'mmcv EMAHook ({copies} copies named ema_* ignored)')
    # Self-supervised repositories wrap the network once more.
    inner = {key.removeprefix('encoder.'): value for key, value in state_dict.items() if key.startswith('encoder.')}
    if recognise(inner):
        state_dict = inner
        notes.append('wrapped encoder (encoder.)')
    foreign = recognise(state_dict)
    if foreign:
        return LAYOUTS[foreign][1](state_dict), [*notes, foreign]
    # Mean and standard deviation of images; not used for joints.
    weights = {key: value for key, value in state_dict.items() if not key.startswith('data_preprocessor.')}
    if len(weights) < len(state_dict):
        notes.append('MMAction2 (data_preprocessor ignored)')
    if not keep_fc and _is_mmaction2(weights):
        weights = from_mmaction2(weights)
        notes.append('MMAction2 (cls_head.fc)')
    return (weights if notes else state_dict), notes


def without_ema_copies(state_dict: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """Remove the averaged copy of each weight that mmcv's EMAHook stores in the network.

    ``a.b`` is saved again as ``ema_a_b``; the network itself uses ``a.b``.

    Returns:
        The state dict without the copies, and their number.
    """
    names = {'ema_' + key.replace('.', '_') for key in state_dict}
    own = {key: value for key, value in state_dict.items() if '.' in key or key not in names}
    return own, len(state_dict) - len(own)


def _without(key: str, prefix: str) -> str:
    """Strip ``_orig_mod.`` of compiled modules anywhere, and data-parallel prefixes at the start."""
    if prefix == '_orig_mod.':
        return key.replace(prefix, '')
    while key.startswith(prefix):
        key = key.removeprefix(prefix)
    return key


def origin(checkpoint: dict) -> str | None:
    """Name the toolbox that wrote the file, from its ``meta``; None for our files and bare state dicts."""
    meta = checkpoint.get('meta') or {}
    if 'converted_from' in meta:
        return f'converted from: {meta["converted_from"]}'
    if 'pyskl_version' in meta:
        name = f'PYSKL {meta["pyskl_version"]}'
        return f'Ske2Grid ({name})' if any('SGT_stages.' in key for key in checkpoint['state_dict']) else name
    if re.search(r"""default_scope\s*=\s*['"]mmaction['"]""", str(meta.get('cfg', ''))):
        return f'MMAction2 (mmengine {meta.get("mmengine_version", "of unknown version")})'
    return f'mmcv {meta["mmcv_version"]}' if 'mmcv_version' in meta else None


# Name suffixes of tensors that are not trained.
_BUFFERS = re.compile(r'(.*\.)?(running_mean|running_var|num_batches_tracked|index_sel|z_prior)|backbone\.A')


def summary(state_dict: dict[str, Tensor]) -> str:
    """Summarise a state dict: ``'181 tensors, 3.099 M parameters, 60 classes'``."""
    # Blocks of ST-GCN and MS-G3D store the fixed graph, A, in addition to the learned one, PA.
    fixed = {key for key in state_dict if key.endswith('.A') and f'{key[:-1]}PA' in state_dict}
    size = sum(v.numel() for key, v in state_dict.items() if key not in fixed and not _BUFFERS.fullmatch(key))
    heads = ('cls_head.fc_cls.weight', 'cls_head.decoder.weight', 'cls_head.fc.weight')
    classes = next((f'{len(state_dict[key])} classes' for key in heads if key in state_dict), 'no classifier')
    return f'{len(state_dict)} tensors, {size / 1e6:.3f} M parameters, {classes}'
