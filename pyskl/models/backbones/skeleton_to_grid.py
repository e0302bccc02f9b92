"""From joints to the cells of Ske2Grid: UPT, GIT and their initial values.

Source: Cai, Kang, Yao, Chen, ICML 2023; the initial values that are not random are ours.

n cells, V joints, H x W the grid; a cell's number is ``row * W + column``.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

STARTS = ('random', 'skeleton', 'grow')


def greedy_assignment(scores: np.ndarray) -> np.ndarray:
    """``(n, n) -> (n,)``: for each row in turn, the column of its largest entry among the columns still free."""
    free = np.arange(len(scores))
    columns = np.empty(len(scores), dtype=np.int64)
    for row, score in enumerate(scores):
        best = score[free].argmax()
        columns[row] = free[best]
        free = np.delete(free, best)
    return columns


def greedy_assignment_on_device(scores: Tensor) -> Tensor:
    """:func:`greedy_assignment` on the device of ``scores``, ``(n, n) -> (n,)`` int64, without a copy to the host.

    The columns of each row are ranked first: ranks, unlike scores, can be compared with that of a column taken, 0.
    """
    n = len(scores)
    order = scores.sort(dim=1, descending=True, stable=True).indices
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(n, 0, -1, device=scores.device).expand(n, n))
    columns = []
    for row in rank:
        columns.append(row.argmax()[None])
        rank.index_fill_(1, columns[-1], 0)
    return torch.cat(columns)


class IndexTransform(nn.Module):
    """GIT: a permutation of ``n`` cells, derived from a score matrix that receives its gradient (straight through).

    The permutation depends only on the scores, so it is recomputed only when they change: once per optimizer step for a
    trained stage, once in total for a frozen one. ``index_sel``, the column of each row, matches the scores in every
    forward, after loading and in every saved file. Its value in a loaded file is ignored: the released code saved the
    permutation of the previous step.

    Args:
        num_cells: ``n``.
        temperature: None: the scores receive the gradient of the permutation, as published. A number: that of
            ``softmax(scores / temperature)`` over each row.
        node_of: ``(n,)``: the initial column of each row. None: random.
    """

    def __init__(self, num_cells: int, temperature: float | None = None, node_of: Sequence[int] | None = None) -> None:
        super().__init__()
        self.temperature = temperature
        start = torch.rand(num_cells, num_cells) if node_of is None else scores_that_give(node_of)
        self.sgt_trans_mat = nn.Parameter(start)
        self.register_buffer('index_sel', torch.zeros(num_cells))  # float in the released files
        self._mark = None  # address and version of the scores at the last comparison
        self._scores = None  # the scores that index_sel was found from, on the host
        self.register_load_state_dict_post_hook(IndexTransform._after_loading)
        self.register_state_dict_pre_hook(IndexTransform._before_saving)
        self.refresh()

    def extra_repr(self) -> str:
        trained = self.sgt_trans_mat.requires_grad
        return f'cells={len(self.index_sel)}, trained={trained}, temperature={self.temperature}'

    @staticmethod
    def _after_loading(module: 'IndexTransform', incompatible_keys: object) -> None:
        module.refresh(force=True)

    @staticmethod
    def _before_saving(module: 'IndexTransform', prefix: str, keep_vars: bool) -> None:
        module.refresh(force=True)

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_mark': None, '_scores': None}

    def train(self, mode: bool = True) -> 'IndexTransform':
        """Set the mode; also compare the scores, which weight averaging may change without a new version."""
        super().train(mode)
        self.refresh(force=True)
        return self

    @torch.no_grad()
    def refresh(self, force: bool = False) -> None:
        """Update ``index_sel`` from the scores.

        On the CPU only if the scores changed. A GPU computes the permutation without a copy to the host, which would
        wait for the step before. A trained stage in training always looks at the scores (fused optimizers do not count
        versions either); others only if address or version changed, or with ``force``.
        """
        scores = self.sgt_trans_mat
        if scores.is_meta:
            return
        mark = (scores.data_ptr(), None if scores.is_inference() else scores._version)
        trained = self.training and scores.requires_grad
        if mark == self._mark and not trained and not force:
            return
        self._mark = mark
        if scores.is_cuda:
            self.index_sel.copy_(greedy_assignment_on_device(scores))
            return
        host = scores.detach().cpu().double().numpy().copy()
        if force or self._scores is None or not np.array_equal(host, self._scores):
            self._scores = host
            self.index_sel.copy_(torch.from_numpy(greedy_assignment(host)))

    def forward(self, x: Tensor) -> Tensor:
        """``(n, m) -> (n, m)``: ``P @ x``; expects :meth:`refresh` to have been called."""
        columns = self.index_sel.long()
        if not self.sgt_trans_mat.requires_grad:
            return x[columns]
        scores = self.sgt_trans_mat
        one_hot = torch.zeros_like(scores).scatter(1, columns[:, None], 1.0)
        if self.temperature is not None:
            scores = (scores / self.temperature).softmax(1)
        return (one_hot + (scores - scores.detach())) @ x  # scores - scores.detach() is zero but has a gradient


def scores_that_give(node_of: Sequence[int]) -> Tensor:
    """Score matrix ``(n, n)`` for which GIT selects ``node_of``: 1 at these entries, random elsewhere."""
    scores = torch.rand(len(node_of), len(node_of))  # below 1
    scores[torch.arange(len(node_of)), torch.tensor(node_of)] = 1.0
    return scores


def upsampling_matrix(num_out: int, num_in: int) -> Tensor:
    """Initial UPT, ``(num_out, num_in)``: identity for old nodes, a random convex combination for each new one."""
    return torch.cat([torch.eye(num_in), torch.rand(num_out - num_in, num_in).softmax(1)])


def cell_distances(grid_shape: tuple[int, int]) -> np.ndarray:
    """Cost of a link between two cells, ``(H * W, H * W)``: 0 within a 3x3 neighbourhood, then one per step.

    A thousandth of the steps along both axes breaks ties.
    """
    cells = np.stack(np.divmod(np.arange(grid_shape[0] * grid_shape[1]), grid_shape[1]), 1)
    steps = np.abs(cells[:, None] - cells[None])
    return (steps.max(-1) - 1).clip(0) + 0.001 * steps.sum(-1)


def shortened(cell_of: np.ndarray, linked: np.ndarray, distances: np.ndarray) -> float:
    """Swap nodes of ``cell_of`` ``(n,)`` in place, best pair first, as long as this shortens the links.

    Args:
        cell_of: The cell of each node.
        linked: ``(n, n)``, symmetric: 1 for linked nodes.
        distances: As of :func:`cell_distances`.

    Returns:
        The length of all links at the end.
    """
    while True:
        moved = linked @ distances[cell_of]  # (n nodes, n cells): length of the links of a node in that cell
        as_now = moved[:, cell_of]  # column b: in the cell of node b
        own = as_now.diagonal()
        between = distances[np.ix_(cell_of, cell_of)]
        change = as_now + as_now.T - own[:, None] - own + 2 * linked * between  # the link of a pair keeps its length
        first, second = np.unravel_index(change.argmin(), change.shape)
        if change[first, second] > -1e-9:
            return float((linked * between).sum() / 2)
        cell_of[[first, second]] = cell_of[[second, first]]


@lru_cache(maxsize=32)
def place_skeleton(links: tuple[tuple[int, int], ...], grid_shape: tuple[int, int]) -> tuple[int, ...]:
    """Return the node of each cell of the grid, ``(H * W,)``; nodes without links may be in any cell.

    A local search makes neighbours on the skeleton neighbours on the grid: it swaps two nodes as long as that shortens
    the links, from eight fixed random orders. The result depends only on the arguments.
    """
    total = grid_shape[0] * grid_shape[1]
    linked = np.zeros((total, total))
    for a, b in links:
        linked[a, b] = linked[b, a] = 1
    distances = cell_distances(grid_shape)
    random, best, shortest = np.random.RandomState(0), None, np.inf
    for _ in range(8):
        cell_of = random.permutation(total)
        length = shortened(cell_of, linked, distances)
        if length < shortest - 1e-9:
            best, shortest = cell_of, length
    return tuple(np.argsort(best).tolist())


def grid_inside(num_cells: int, grid_shape: tuple[int, int]) -> tuple[int, int]:
    """Return the shape (h, w) of a grid of ``num_cells`` that fits into ``grid_shape``, with the nearest proportions.

    Raises:
        ValueError: If no grid with this number of cells fits.
    """
    height, width = grid_shape
    shapes = [
        (rows, num_cells // rows)
        for rows in range(1, height + 1)
        if num_cells % rows == 0 and num_cells // rows <= width
    ]
    if not shapes:
        raise ValueError(
            f"backbone.git_init 'skeleton' and 'grow' need every stage to be a grid, but no grid of {num_cells} cells "
            f'fits into {grid_shape}; change backbone.progressive_joint_seq or backbone.grid_shape'
        )
    return min(shapes, key=lambda shape: abs(shape[0] * width - shape[1] * height))


def grow_around(before: tuple[int, int], after: tuple[int, int]) -> tuple[Tensor, list[int], Tensor]:
    """Place a grid in the upper left corner of a larger one, with copies of the nearest cells around it.

    Args:
        before: (h, w).
        after: (H, W), at least as large along both axes.

    Returns:
        The up-sampling ``(H * W, h * w)``, old cells first; the node of each new cell, ``(H * W,)``; and
        ``(H * W,)``, 1 for cells of the old grid, 0 for those around it.
    """
    (rows, columns), (height, width) = before, after
    inside = torch.zeros(height, width)
    inside[:rows, :columns] = 1
    nearest = [
        min(row, rows - 1) * columns + min(column, columns - 1) for row in range(height) for column in range(width)
    ]
    old = iter(range(rows * columns))
    new = iter(range(rows * columns, height * width))
    node_of = [next(old) if is_old else next(new) for is_old in inside.flatten().bool().tolist()]
    upsampling = torch.zeros(height * width, rows * columns)
    for cell, node in enumerate(node_of):
        upsampling[node, nearest[cell]] = 1
    return upsampling, node_of, inside.flatten()
