"""Explain a label: the response of a network to each joint over time.

The response of a joint is the norm of its feature vector in the backbone's output, as in the demo of ST-GCN (Yan et
al., AAAI 2018). The gradient-weighted response is the evidence for one class instead: Grad-CAM (Selvaraju et al.,
ICCV 2017) with joints instead of pixels.

Axes: ``S`` clips, ``M`` persons, ``T`` frames, ``T'`` frames of the features, ``V`` joints, ``C`` channels, ``H' x W'``
the grid of a Ske2Grid.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.datasets.pipelines.normalize import PreNormalize3D, filled_frames, longest_seen_first
from pyskl.datasets.pipelines.sampling import PoseDecode, UniformSampleFrames
from pyskl.datasets.pipelines.source_frames import TIMED, source_frames
from pyskl.datasets.pipelines.streams import GenSkeFeat
from pyskl.inference.network import ActionNetwork


@dataclass(frozen=True)
class Response:
    """Response of a network to a clip.

    Args:
        joints: ``(M, T, V)`` float32, at least 0, for M persons of the network's input and T frames of ``keypoint``.
        cells: ``(M, T, H', W')`` for Ske2Grid; None for other networks.
        keypoint: ``(M', T, V, C)``: the clip before streams and sampling, with persons and frames in the order of
            ``joints``. PreNormalize3D may have reordered persons and removed empty frames.
        probability: ``(K,)`` class probabilities.
        index: The class of a gradient-weighted response; by default the most likely one.
        persons: ``(M',)``: index in the window of each person of ``keypoint``.
        frames: ``(T,)``: index in the window of each frame of ``keypoint``.
    """

    joints: np.ndarray
    cells: np.ndarray | None
    keypoint: np.ndarray
    probability: np.ndarray
    index: int
    persons: np.ndarray
    frames: np.ndarray


def magnitude(features: Tensor) -> Tensor:
    """Compute the norm of the feature vectors, ``(B, M, C, T', ...) -> (B, M, T', ...)``."""
    return features.float().square().sum(2).sqrt()


def class_evidence(features: Tensor, head: nn.Module, index: int) -> Tensor:
    """Compute Grad-CAM: ``(B, M, C, T', ...) -> (B, M, T', ...)``, at least 0.

    Each channel is weighted by the mean gradient of the class's logit over frames and joints of a person; negative
    values of the weighted sum become 0.
    """
    with torch.enable_grad():
        features = features.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(head(features)[:, index].sum(), features)
    weights = gradient.mean(tuple(range(3, features.ndim)), keepdim=True)
    return (weights * features.detach()).sum(2).relu()


def cell_shares(backbone: nn.Module, shape: tuple[int, int]) -> Tensor:
    """Compute the contribution of each joint to each cell: ``(H' * W', V)``, at least 0, rows that sum to 1.

    The magnitudes of the product of UPT and GIT are divided by the sum of their row. After a pyramid of grids, a cell
    is the mean of the cells it was pooled from.

    Args:
        backbone: A Ske2Grid.
        shape: (H', W') of its output.
    """
    matrix = backbone.grid_matrix().detach().float().abs()  # (H * W, V)
    grid = matrix.T.unflatten(1, tuple(backbone.grid_shape))  # (V, H, W)
    while tuple(grid.shape[1:]) != tuple(shape):
        if min(grid.shape[1:]) <= min(shape):
            raise ValueError(f'a grid of {tuple(backbone.grid_shape)} is not pooled to {tuple(shape)}')
        grid = F.avg_pool2d(grid[None], 2, ceil_mode=True, count_include_pad=False)[0]
    rows = grid.flatten(1).T
    return rows / rows.sum(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)


def to_joints(cells: Tensor, shares: Tensor) -> Tensor:
    """Distribute the response of cells to their joints by ``shares``: ``(..., H', W') -> (..., V)``.

    The sum is preserved, so a joint that contributes to many cells has a larger response than one in few.
    """
    return cells.flatten(-2) @ shares


def over_frames(values: np.ndarray, source: np.ndarray, frames: int) -> np.ndarray:
    """Resample responses from the features' frames to the clip's frames.

    Each of the S clips is interpolated to its sampled frames. A frame that was sampled several times gets the mean, one
    that was not sampled is interpolated between its neighbours.

    Args:
        values: ``(S, M, T', ...)``.
        source: ``(S, L)``: frame of the clip of each sampled frame.
        frames: ``T``.

    Returns:
        ``(M, T, ...)`` float32.
    """
    persons, places = values.shape[1], values.shape[3:]
    flat = values.astype(np.float64).reshape(*values.shape[:3], -1)
    length = source.shape[1]
    at = ((np.arange(length) + 0.5) * flat.shape[2] / length - 0.5).clip(0, flat.shape[2] - 1)
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, flat.shape[2] - 1), (at - low)[:, None]
    stretched = flat[:, :, low] * (1 - part) + flat[:, :, high] * part  # (S, M, L, P)
    total, count = np.zeros((frames, persons, flat.shape[3])), np.zeros(frames)
    np.add.at(total, source.ravel(), stretched.swapaxes(1, 2).reshape(-1, persons, flat.shape[3]))
    np.add.at(count, source.ravel(), 1)
    seen = np.flatnonzero(count)
    means = total[seen] / count[seen, None, None]
    place = np.interp(np.arange(frames), seen, np.arange(len(seen)))
    low = np.floor(place).astype(int)
    high, part = np.minimum(low + 1, len(seen) - 1), (place - low)[:, None, None]
    out = means[low] * (1 - part) + means[high] * part
    return out.swapaxes(0, 1).reshape(persons, frames, *places).astype(np.float32)


@dataclass(frozen=True)
class Prepared:
    """Output of the test pipeline for a window.

    Args:
        batch: ``(S, M, L, V, C)``, the network's input.
        source: ``(S, L)``: index in ``clip`` of each frame of ``batch``.
        clip: ``(M', T, V, C)``: the window before streams and sampling.
        persons: ``(M',)``: index in the window of each person of ``clip``.
        frames: ``(T,)``: index in the window of each frame of ``clip``.
    """

    batch: Tensor
    source: np.ndarray
    clip: np.ndarray
    persons: np.ndarray
    frames: np.ndarray


def prepare(network: ActionNetwork, window: dict) -> Prepared:
    """Run the test pipeline and record which persons and frames it uses.

    Raises:
        ValueError: If the pipeline draws heatmaps.
    """
    results, clip, source = network.record(window), None, None
    persons, frame_indices = (np.arange(size) for size in np.shape(window['keypoint'])[:2])
    for transform in network.pipeline.transforms:
        if isinstance(transform, PreNormalize3D):
            filled = filled_frames(np.asarray(results['keypoint'], np.float32))
            if filled.any():
                order = longest_seen_first(filled)
                persons, frame_indices = persons[order], frame_indices[filled[order[0]]]
        if clip is None and isinstance(transform, (GenSkeFeat, UniformSampleFrames, PoseDecode, *TIMED)):
            clip = np.asarray(results['keypoint'])
        if isinstance(transform, TIMED):
            source = source_frames(transform, results)
        elif isinstance(transform, PoseDecode) and results.get('frame_inds') is not None:
            source = np.asarray(results['frame_inds']).reshape(-1) + (results.get('offset') or 0)
        results = transform(results)
    batch = results.get('keypoint')
    if batch is None or np.ndim(batch) != 5:
        raise ValueError('responses of joints need a graph or grid network; this network takes heatmaps')
    batch = torch.as_tensor(batch)
    clip = window['keypoint'] if clip is None else clip
    frames, (clips, length) = clip.shape[1], (batch.shape[0], batch.shape[2])
    if source is None or len(source) != clips * length:  # padded or not sampled: spread evenly
        source = np.tile(np.arange(length) * frames // length, clips)
    return Prepared(batch, source.reshape(clips, length).clip(0, frames - 1), clip, persons, frame_indices)


def explain(network: ActionNetwork, window: dict, gradient: bool = False, index: int | None = None) -> Response:
    """Compute the response of a network's last block to each joint.

    Args:
        network: Network from :func:`pyskl.inference.network.load_network`.
        window: ``keypoint`` ``(M, T, V, C)``, ``keypoint_score`` and ``img_shape``, as for ``network.scores``.
        gradient: Whether to compute the evidence for a class instead of the magnitude.
        index: That class; None: the most likely one.

    Raises:
        ValueError: If the network's features have no joints, or there is no such class.
    """
    prepared = prepare(network, window)
    batch, source, clip = prepared.batch, prepared.source, prepared.clip
    model = network.model
    device = next(model.parameters()).device
    with torch.no_grad():
        features = model.extract_feat(batch[None].to(device))
        logits = model.cls_head(features)
    probability = (logits.double() / network.calibration.temperature).softmax(-1).mean(0).cpu().numpy()
    chosen = int(probability.argmax()) if index is None else index
    if not 0 <= chosen < len(probability):
        raise ValueError(f'class {chosen} is not one of the {len(probability)} classes, 0 to {len(probability) - 1}')
    joints = batch.shape[3]
    grid = hasattr(model.backbone, 'grid_matrix')
    fits = isinstance(features, Tensor) and (
        features.ndim == 6 if grid else features.ndim == 5 and features.shape[-1] == joints
    )
    if not fits:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(
            f'{type(model.backbone).__name__} has no features per joint: its output is {shape}, not (N, M, C, T, '
            f'{joints}); use ST-GCN, ST-GCN++, AAGCN, CTR-GCN or Ske2Grid'
        )
    found = class_evidence(features, model.cls_head, chosen) if gradient else magnitude(features)
    cells = None
    if grid:
        cells = over_frames(found.cpu().numpy(), source, clip.shape[1])
        found = to_joints(found, cell_shares(model.backbone, tuple(found.shape[-2:])))
    found = over_frames(found.cpu().numpy(), source, clip.shape[1])
    return Response(found, cells, clip, probability, chosen, prepared.persons, prepared.frames)
