"""Measure the share of injected faults that the tests of a source file detect.

    python benchmarks/mutate.py pyskl/evaluation/functional.py --count 20
    python benchmarks/mutate.py pyskl/engine/config --count 40 --seed 1

Each mutant changes one place: a comparison, an operator, a constant, ``and``/``or``, or a condition. It is written into
a copy of the checkout, and the test file at the mirrored path runs there (``--tests`` names others). Survivors
are listed: each is a fact that no test of that file states, or an equivalent change. The tests must pass
beforehand; mutants run one after another in forks of a process that has torch and mmengine imported.
"""

import argparse
import ast
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
EQUIVALENT = ('strict', 'verbose')  # keyword arguments that change no value
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
    if isinstance(node, ast.keyword) and node.arg in EQUIVALENT:
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
    """The test file at the mirrored path."""
    path = Path('tests') / source.relative_to('pyskl').with_name(f'test_{source.name}')
    return path if (ROOT / path).exists() else None


def copy_checkout(target: Path) -> None:
    """Copy the tracked files of the working tree."""
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def preload() -> None:
    """Import the packages that tests need, once: mutants run in forks of this process."""
    for name in ('torch', 'mmengine.runner', 'mmengine.visualization', 'scipy.io', 'cv2', 'tqdm', 'pytest'):
        importlib.import_module(name)


def outcome(copy: Path, source: Path, text: str, tests: list[str], limit: int) -> str:
    """Run the tests with ``text`` in place of ``source``: noticed, survived, or not ended in ``limit`` seconds."""
    original = (copy / source).read_text()
    (copy / source).write_text(text)
    child = os.fork()
    if not child:
        os.setsid()
        _run_tests(copy, tests)
    try:
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return 'noticed' if status else 'survived'
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return 'not ended'
    finally:
        (copy / source).write_text(original)


def _run_tests(copy: Path, tests: list[str]) -> NoReturn:
    import pytest

    code = 1
    try:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.environ |= {'PYTHONPATH': str(copy), 'PYTHONDONTWRITEBYTECODE': '1', 'OMP_NUM_THREADS': '1'}
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = True
        code = pytest.main(['-x', '-q', '-p', 'no:cacheprovider', f'--basetemp={copy.parent / "tests"}', *tests])
    finally:
        os._exit(code)


def sample(root: Path, files: Sequence[Path], count: int, seed: int) -> tuple[list[tuple[Path, int]], int]:
    """Sample ``count`` places as (file, number of its node), first one per file; return them and the number of all."""
    known = {path: len(list(places(ast.parse((root / path).read_text())))) for path in files}
    everything = [(path, i) for path, number in known.items() for i in range(number)]
    random.Random(seed).shuffle(everything)
    first = list({path: (path, i) for path, i in reversed(everything)}.values())
    rest = [place for place in everything if place not in first]
    return (first + rest)[:count], len(everything)


def main() -> None:
    """Sample mutants, run the tests of each, and print the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sources', nargs='+', type=Path, help='files or folders below pyskl/')
    parser.add_argument('--count', type=int, default=20, help='mutants in total')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--tests', nargs='+', help='instead of the tests at the mirrored path')
    parser.add_argument('--limit', type=int, default=300, help='seconds per mutant')
    args = parser.parse_args()
    files = [p for s in args.sources for p in (sorted(s.rglob('*.py')) if s.is_dir() else [s])]
    found: Counter[str] = Counter()
    preload()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / 'checkout'
        copy_checkout(copy)
        chosen, possible = sample(copy, [p for p in files if args.tests or tests_of(p)], args.count, args.seed)
        for path, i in chosen:
            tree = ast.parse((copy / path).read_text())
            node = list(places(tree))[i]
            before, line = ast.unparse(node).splitlines()[0], node.lineno
            change(node)
            result = outcome(copy, path, ast.unparse(tree), args.tests or [str(tests_of(path))], args.limit)
            found[result] += 1
            if result != 'noticed':
                print(f'{result}: {path}:{line}: {before}  ->  {ast.unparse(node).splitlines()[0]}', flush=True)
    print(
        f'{found["noticed"]} of {len(chosen)} faults noticed, {found["survived"]} survived, {found["not ended"]} not '
        f'ended after {args.limit} s ({possible} possible, seed {args.seed})'
    )


if __name__ == '__main__':
    main()
