"""Weights of the papers' own repositories under our names, one function a layout.

Their networks are classes of ours with certain arguments, so that the scores are theirs too:

- ST-GCN: ``STGCN`` as PYSKL's configs build it. The file brings its graph along, of whatever partition.
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

    There all blocks share the graph and each weighs its edges; a file without such weights has them all at one.
    The classifier is a 1x1 convolution there.
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
            ours[key] = value  # none of theirs: named in the error of the loading
    for block in blocks:
        ours[f'backbone.gcn.{block}.gcn.A'] = state_dict['A']
        ours[f'backbone.gcn.{block}.gcn.PA'] = state_dict.get(
            f'edge_importance.{block}', torch.ones_like(state_dict['A'])
        )
    return ours


def from_ctrgcn(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """CTR-GCN, https://github.com/Uason-Chen/CTR-GCN: blocks count from 1, and the learned graph is called ``PA``."""

    def rename(key: str) -> str:
        block = re.match(r'l(\d+)\.', key)
        if block:
            return f'backbone.net.{int(block[1]) - 1}.{key[block.end() :]}'.replace('.gcn1.PA', '.gcn1.A')
        if key.startswith('data_bn.'):
            return f'backbone.{key}'
        return f'cls_head.fc_cls.{key[3:]}' if key.startswith('fc.') else key

    return {rename(key): value for key, value in state_dict.items()}


def from_infogcn(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """InfoGCN, https://github.com/stnoah1/infogcn: blocks count from 1, the head's layers lie beside them.

    The file lacks the class priors, which were drawn from a seed; only a continued training sees the ones made here.
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


# What the log says -> keys that only this layout has together, and its function.
LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[[dict], dict]]] = {
    "ST-GCN's own repository": (('A', 'st_gcn_networks.0.gcn.conv.weight', 'fcn.weight'), from_stgcn),
    "CTR-GCN's own repository, which fits backbone.variant='original'": (
        ('l1.gcn1.PA', 'l1.gcn1.convs.0.conv4.weight', 'fc.weight'),
        from_ctrgcn,
    ),
    "InfoGCN's own repository, whose files hold no class priors (new ones, in case it is trained on)": (
        ('pos_embedding', 'l1.agcn.shared_topology', 'decoder.weight'),
        from_infogcn,
    ),
}


def recognise(state_dict: dict[str, Tensor]) -> str | None:
    """The layout, a key of :data:`LAYOUTS`, or None if it is none of these."""
    return next((name for name, (keys, _) in LAYOUTS.items() if all(key in state_dict for key in keys)), None)


def to_ours(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of ours; a state dict of no known layout as it is."""
    name = recognise(state_dict)
    return state_dict if name is None else LAYOUTS[name][1](state_dict)
