"""Skeleton -> adjacency, ``(K, V, V)``.

Convention: ``[k, v, w]`` weighs joint ``v`` into joint ``w`` (rows are sources); columns are normalised, ``E D^-1``.
Source: ST-GCN, https://arxiv.org/abs/1801.07455, as PYSKL builds its graphs.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from pyskl.skeletons import Skeleton, get_skeleton

MODES = ('spatial', 'stgcn_spatial', 'binary_adj', 'random')


def edge_matrix(edges: Iterable[tuple[int, int]], num_joints: int) -> np.ndarray:
    """``(V, V)`` with ``[j, i] = 1`` for each edge ``(i, j)``: a parent is the source of its child's inward edge."""
    matrix = np.zeros((num_joints, num_joints))
    for child, parent in edges:
        matrix[parent, child] = 1
    return matrix


def normalize_columns(matrix: np.ndarray) -> np.ndarray:
    """Each column divided by its sum; a column of zeros remains zero."""
    total = matrix.sum(0)
    return matrix / np.where(total > 0, total, 1)


def hop_distance(skeleton: Skeleton, max_hop: int) -> np.ndarray:
    """``(V, V)``: edges between two joints, infinity beyond ``max_hop``."""
    edges = edge_matrix(skeleton.edges, skeleton.num_joints)
    near = (edges + edges.T + np.eye(skeleton.num_joints)) > 0
    hops = np.full(near.shape, np.inf)
    for d in range(max_hop, -1, -1):
        hops[np.linalg.matrix_power(near.astype(float), d) > 0] = d
    return hops


def _spatial(skeleton: Skeleton) -> np.ndarray:
    """Subsets: self, inward, outward."""
    inward = edge_matrix(skeleton.edges, skeleton.num_joints)
    return np.stack([np.eye(skeleton.num_joints), normalize_columns(inward), normalize_columns(inward.T)])


def _stgcn_spatial(skeleton: Skeleton, max_hop: int) -> np.ndarray:
    """ST-GCN's partition: self, then for each hop the joints that are not farther from the centre, and the others.

    Hops beyond ``max_hop`` are infinite here, and infinity is not greater than infinity: with ``max_hop=1`` almost
    every pair counts as near. Published weights were trained in this way; a true distance would break them.
    """
    hops = hop_distance(skeleton, max_hop)
    weight = normalize_columns((hops <= max_hop).astype(float))
    from_center = hops[:, skeleton.center]
    close = from_center[:, None] >= from_center[None, :]
    subsets = [np.where((hops == 0) & close, weight, 0)]
    for hop in range(1, max_hop + 1):
        subsets += [np.where((hops == hop) & side, weight, 0) for side in (close, ~close)]
    return np.stack(subsets)


def build_adjacency(
    layout: str | dict | Skeleton = 'coco',
    mode: str = 'spatial',
    max_hop: int = 1,
    nx_node: int = 1,
    num_filter: int = 3,
    init_std: float = 0.02,
    init_off: float = 0.04,
) -> Tensor:
    """The graph that a config's ``graph_cfg`` describes.

    Args:
        layout: A skeleton's name, or a skeleton as a dict (:func:`pyskl.skeletons.skeleton_from_dict`).
        mode: ``'spatial'`` (3 subsets: self, inward, outward), ``'stgcn_spatial'`` (1 + 2 ``max_hop``),
            ``'binary_adj'`` (1: neighbours, not normalised) or ``'random'`` (``num_filter``, independent of the edges).
        max_hop: Reach of ``stgcn_spatial``.
        nx_node: Nodes per joint; other than 1 in mode ``random`` only.
        num_filter: Subsets of mode ``random``.
        init_std: Standard deviation in mode ``random``.
        init_off: Mean of mode ``random``.

    Returns:
        ``(K, V, V)``, float32. Mode ``random`` samples from NumPy's global generator, once per call.

    Raises:
        ValueError: If the layout or the mode is unknown, or a count is not a positive integer.
    """
    skeleton = get_skeleton(layout)
    if mode not in MODES:
        raise ValueError(f'unknown graph_cfg.mode {mode!r}; choose from {MODES}')
    for name, value in (('max_hop', max_hop), ('nx_node', nx_node), ('num_filter', num_filter)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f'graph_cfg.{name} must be a positive integer, got {value!r}')
    if nx_node != 1 and mode != 'random':
        raise ValueError(f"graph_cfg.nx_node={nx_node} needs graph_cfg.mode='random', got {mode!r}")
    if mode == 'spatial':
        matrix = _spatial(skeleton)
    elif mode == 'stgcn_spatial':
        matrix = _stgcn_spatial(skeleton, max_hop)
    elif mode == 'binary_adj':
        inward = edge_matrix(skeleton.edges, skeleton.num_joints)
        matrix = np.maximum(inward, inward.T)[None]
    else:
        nodes = skeleton.num_joints * nx_node
        matrix = np.random.randn(num_filter, nodes, nodes) * init_std + init_off
    return torch.tensor(matrix, dtype=torch.float32)


def skeleton_matrix(skeleton: Skeleton) -> Tensor:
    """Ske2Grid's ``B``, ``(V, V)`` float32: ones on the diagonal and at every grid link, one direction only."""
    matrix = torch.eye(skeleton.num_joints)
    for i, j in skeleton.grid_links:
        matrix[i, j] = 1
    return matrix
