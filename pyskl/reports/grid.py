"""Visualise Ske2Grid's grid: which joints contribute to which cell, next to the body.

V joints, a grid of H x W cells; the index of a cell is ``row * W + column``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyskl.reports.charts import STYLE, figure
from pyskl.skeletons import Skeleton

SHOWN = 0.15  # joints below this fraction of a cell's largest weight are not drawn


class Stage(NamedTuple):
    """A grid: its shape (H, W), and the weight of each joint in each cell, ``(H * W, V)``."""

    shape: tuple[int, int]
    weights: np.ndarray


def joint_colors(skeleton: Skeleton) -> np.ndarray:
    """Choose colours ``(V, 3)`` in [0, 1] whose hues change along the body, so that neighbouring joints are similar."""
    root = int(np.argmin([_depth_sum(skeleton, joint) for joint in range(skeleton.num_joints)]))
    order = _walk(skeleton, root)
    hues = np.empty(skeleton.num_joints)
    hues[order] = np.linspace(0, 0.92, skeleton.num_joints)
    return matplotlib.colormaps['hsv'](hues)[:, :3] * 0.85


def shares(weights: np.ndarray) -> np.ndarray:
    """Normalise the magnitudes of weights ``(n, V)`` so that each row sums to 1 (0 for an empty cell)."""
    size = np.abs(weights)
    return size / np.maximum(size.sum(1, keepdims=True), 1e-12)


def standing(skeleton: Skeleton) -> np.ndarray:
    """Lay out joints ``(V, 2)`` in [0, 1], y downwards, by their distances along the bones; for use without a clip."""
    hops = _hops(skeleton)
    middle = np.eye(len(hops)) - 1 / len(hops)
    values, vectors = np.linalg.eigh(-0.5 * middle @ (hops**2) @ middle)
    place = vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], 1e-9))
    return fitted(place[:, ::-1])


def fitted(points: np.ndarray) -> np.ndarray:
    """Translate and scale ``(V, 2)`` points into [0, 1], preserving the aspect ratio."""
    low, high = points.min(0), points.max(0)
    size = max((high - low).max(), 1e-9)
    return (points - (low + high) / 2) / size * 0.94 + 0.5


def grid_chart(
    stages: Sequence[Stage], skeleton: Skeleton, pose: np.ndarray | None = None, responses: np.ndarray | None = None
) -> Figure:
    """Draw the body with one colour per joint, then each grid, with the body and the contributing joints in every cell.

    Args:
        stages: The grids, in the order in which the network grew.
        skeleton: Skeleton of the joints.
        pose: ``(V, 2)``, y downwards; None lays out the joints by the bones.
        responses: ``(H', W')``, mean magnitude of the features in the last grid (smaller if a pyramid pools it).
    """
    pose = standing(skeleton) if pose is None else fitted(np.asarray(pose, float))
    colors = joint_colors(skeleton)
    widths = [1.0, *(1.6 for _ in stages), *([1.2] if responses is not None else [])]
    with matplotlib.rc_context({**STYLE, 'axes.grid': False}):
        chart = figure(3.0 * sum(widths) / 1.2, 4.6)
        axes = chart.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
        _draw_body(axes[0], pose, skeleton, colors)
        for place, stage in enumerate(stages, 1):
            _draw_grid(axes[place], stage, pose, skeleton, colors)
        if responses is not None:
            _draw_responses(axes[-1], responses)
    return chart


def _draw_body(axes: Axes, pose: np.ndarray, skeleton: Skeleton, colors: np.ndarray) -> None:
    for start, end in skeleton.edges:
        axes.plot(*pose[[start, end]].T, color='#9ca3af', lw=2, zorder=1)
    axes.scatter(*pose.T, c=colors, s=90, zorder=2, edgecolors='white', linewidths=0.8)
    if skeleton.num_joints <= 33:
        for joint, (x, y) in enumerate(pose):
            axes.text(x, y, str(joint), ha='center', va='center', fontsize=5.5, color='white', zorder=3)
    axes.set(xlim=(-0.05, 1.05), ylim=(1.05, -0.05), aspect='equal', title=f'{skeleton.num_joints} joints')
    axes.axis('off')


def _draw_grid(axes: Axes, stage: Stage, pose: np.ndarray, skeleton: Skeleton, colors: np.ndarray) -> None:
    height, width = stage.shape
    part = shares(stage.weights)
    edges = np.array(skeleton.edges)
    for cell in range(height * width):
        row, column = divmod(cell, width)
        main = int(part[cell].argmax())
        tint = 1 - (1 - colors[main]) * 0.22
        axes.add_patch(matplotlib.patches.Rectangle((column, row), 1, 1, fc=tint, ec='white', lw=1.5))
        place = pose * 0.8 + 0.1 + (column, row)
        axes.add_collection(
            matplotlib.collections.LineCollection(place[edges], colors='#9ca3af', linewidths=0.5, alpha=0.8)
        )
        seen = part[cell] >= SHOWN * part[cell].max()
        axes.scatter(*place[seen].T, c=colors[seen], s=4 + 70 * part[cell][seen] / max(height, width) * 5, zorder=3)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect='equal', title=f'{height} x {width} grid')
    axes.axis('off')


def _draw_responses(axes: Axes, responses: np.ndarray) -> None:
    axes.imshow(responses, cmap='magma', vmin=0)
    for (row, column), value in np.ndenumerate(responses):
        dark = value < 0.6 * responses.max()
        axes.text(column, row, f'{value:.2g}', ha='center', va='center', fontsize=6, color='white' if dark else 'black')
    axes.set_title('mean response of the last block')
    axes.axis('off')


def cell_table(stage: Stage, skeleton: Skeleton) -> list[tuple[int, int, str]]:
    """List the joints that contribute to each cell: ``(row, column, 'left_wrist 71 %, left_elbow 29 %')``."""
    part = shares(stage.weights)
    rows = []
    for cell in range(len(part)):
        best = [joint for joint in np.argsort(-part[cell])[:4].tolist() if part[cell, joint] >= 0.05]
        text = ', '.join(f'{skeleton.joints[joint]} {100 * part[cell, joint]:.0f} %' for joint in best)
        rows.append((*divmod(cell, stage.shape[1]), text))
    return rows


def _hops(skeleton: Skeleton) -> np.ndarray:
    """Number of bones between any two joints, ``(V, V)``; V for joints that are not connected."""
    count = skeleton.num_joints
    hops = np.full((count, count), float(count))
    np.fill_diagonal(hops, 0)
    for start, end in skeleton.edges:
        hops[start, end] = hops[end, start] = 1
    for middle in range(count):
        hops = np.minimum(hops, hops[:, middle, None] + hops[middle])
    return hops


def _depth_sum(skeleton: Skeleton, joint: int) -> float:
    return float(_hops(skeleton)[joint].sum())


def _walk(skeleton: Skeleton, root: int) -> list[int]:
    """Return all joints in depth-first order from ``root``."""
    near: dict[int, list[int]] = {joint: [] for joint in range(skeleton.num_joints)}
    for start, end in skeleton.edges:
        near[start].append(end)
        near[end].append(start)
    order: list[int] = []
    stack = [*range(skeleton.num_joints - 1, -1, -1), root]  # joints without bones come last
    while stack:
        joint = stack.pop()
        if joint not in order:
            order.append(joint)
            stack += sorted(near[joint], reverse=True)
    return order
