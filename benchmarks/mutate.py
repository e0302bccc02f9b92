"""Measure which share of the faults injected into a source file its tests detect.

    python benchmarks/mutate.py pyskl/evaluation/functional.py --count 20
    python benchmarks/mutate.py pyskl/engine/config --count 40 --seed 1

Each mutant changes one place: a comparison, an operator, a constant, ``and``/``or``, or a condition. It is written into
a copy of the checkout, and the tests at the mirrored path run there (``--tests`` names others). Survivors are listed:
each is a fact that no test states, or a change that means the same.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
SKIPPED = (ast.Raise, ast.Assert, ast.AnnAssign, ast.Import, ast.ImportFrom)  # messages and declarations


def can_change(node: ast.AST) -> bool:
    """Whether :func:`change` has a fault for ``node``."""
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in COMPARED
    if isinstance(node, ast.BinOp):
        return type(node.op) in OPERATORS
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool | int | float)
    return isinstance(node, ast.BoolOp | ast.IfExp | ast.If)


def places(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below ``node`` that can be changed; none in messages, annotations and docstrings."""
    if isinstance(node, SKIPPED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if can_change(node):
        yield node
    for name, child in ast.iter_fields(node):
        if name in ('annotation', 'returns', 'decorator_list'):
            continue
        for item in child if isinstance(child, list) else [child]:
            if isinstance(item, ast.AST):
                yield from places(item)


def change(node: ast.AST) -> None:
    """Put one fault into ``node``."""
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.IfExp | ast.If):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    else:
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1


def tests_of(source: Path) -> Path | None:
    """The test file, or the folder of tests, at the mirrored path."""
    inner = source.relative_to('pyskl')
    found = [Path('tests') / inner.parent / f'test_{inner.name}', Path('tests') / inner.parent]
    return next((path for path in found if (ROOT / path).exists()), None)


def survives(copy: Path, source: Path, text: str, tests: list[str], limit: int) -> bool:
    """Whether the tests pass with ``text`` in place of ``source``."""
    original = (copy / source).read_text()
    (copy / source).write_text(text)
    environment = {**os.environ, 'PYTHONPATH': str(copy), 'PYTHONDONTWRITEBYTECODE': '1', 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, '-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', *tests]
    try:
        return not subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        return False
    finally:
        (copy / source).write_text(original)


def main() -> None:
    """Sample mutants, run the tests of each, and print the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sources', nargs='+', type=Path, help='files or folders below pyskl/')
    parser.add_argument('--count', type=int, default=20, help='mutants in total')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--tests', nargs='+', help='instead of the tests at the mirrored path')
    parser.add_argument('--limit', type=int, default=300, help='seconds per mutant; longer counts as noticed')
    args = parser.parse_args()
    files = [p for s in args.sources for p in (sorted(s.rglob('*.py')) if s.is_dir() else [s])]
    known = {path: list(places(ast.parse((ROOT / path).read_text()))) for path in files if tests_of(path)}
    everything = [(path, i) for path, nodes in known.items() for i in range(len(nodes))]
    chosen = random.Random(args.seed).sample(everything, min(args.count, len(everything)))
    alive = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / 'checkout'
        for name in ('pyskl', 'tests', 'tools', 'configs'):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copy(ROOT / 'pyproject.toml', copy)
        for path, i in chosen:
            tree = ast.parse((ROOT / path).read_text())
            node = list(places(tree))[i]
            before, line = ast.unparse(node).splitlines()[0], node.lineno
            change(node)
            if survives(copy, path, ast.unparse(tree), args.tests or [str(tests_of(path))], args.limit):
                alive += 1
                print(f'{path}:{line}: {before}  ->  {ast.unparse(node).splitlines()[0]}', flush=True)
    print(f'{len(chosen) - alive} of {len(chosen)} faults noticed ({len(everything)} possible, seed {args.seed})')


if __name__ == '__main__':
    main()
