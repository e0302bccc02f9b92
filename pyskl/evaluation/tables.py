"""Format list and matrix metrics for the console."""

import math
from collections.abc import Sequence


def result_lines(result: dict[str, object]) -> list[str]:
    """Format each metric of ``result``: one line for a number, one per class for a list, one per row for a matrix."""
    lines = []
    for name, value in result.items():
        if not isinstance(value, list):
            lines.append(f'{name}: {value:.4f}' if isinstance(value, float) else f'{name}: {value}')
        elif value and isinstance(value[0], list):
            lines += [f'{name}: rows are the labels, columns the predictions', *matrix_lines(value)]
        else:
            lines.append(f'{name}:')
            lines += [
                f'  class {i:>3}  {"no clips" if math.isnan(share) else f"{share:.4f}"}'
                for i, share in enumerate(value)
            ]
    return lines


def matrix_lines(matrix: Sequence[Sequence[int]]) -> list[str]:
    """Align the counts below a line of class indices."""
    width = max(len(str(cell)) for row in [*matrix, range(len(matrix))] for cell in row) + 1
    head = ' ' * 7 + ''.join(f'{i:>{width}}' for i in range(len(matrix)))
    return [head, *(f'  {i:>5}' + ''.join(f'{cell:>{width}}' for cell in row) for i, row in enumerate(matrix))]
