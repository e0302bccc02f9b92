"""The rules of the house, read off the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'pyskl'
MODULES = sorted(PACKAGE.rglob('*.py'))

GROUND = ('pyskl.registry', 'pyskl.skeletons', 'pyskl.files', 'pyskl.errors')
# package -> what it may import of pyskl. The first match of a module's name counts.
MAY_IMPORT = {
    'pyskl.registry': (),
    'pyskl.skeleton_spec': (),
    'pyskl.skeletons': ('pyskl.skeleton_spec',),
    'pyskl.files': (),
    'pyskl.errors': (),
    'pyskl.evaluation.functional': (),
    'pyskl.models.layers': ('pyskl.models.layers',),
    'pyskl.models.graphs': ('pyskl.skeletons',),
    'pyskl.models': ('pyskl.registry', 'pyskl.skeletons', 'pyskl.models'),
    'pyskl.datasets': (*GROUND, 'pyskl.datasets'),
    'pyskl.synthetic': ('pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.synthetic'),
    'pyskl.pose': ('pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.pose'),
    'pyskl.converters': (
        'pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.pose', 'pyskl.datasets.records', 'pyskl.converters',
    ),
    # Score files are pickles, and those are read by one reader.
    'pyskl.evaluation.score_files': ('pyskl.datasets.records', 'pyskl.evaluation'),
    'pyskl.evaluation': (*GROUND, 'pyskl.evaluation'),
    'pyskl.visualization': (*GROUND, 'pyskl.visualization'),
    'pyskl.zoo': ('pyskl.files', 'pyskl.errors', 'pyskl.zoo'),
    'pyskl.engine': (
        *GROUND, 'pyskl.models', 'pyskl.datasets', 'pyskl.evaluation', 'pyskl.zoo.download', 'pyskl.engine',
    ),
    'pyskl.inference': (
        'pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.pose', 'pyskl.datasets.pipelines',
        'pyskl.models.layers', 'pyskl.engine', 'pyskl.visualization', 'pyskl.zoo', 'pyskl.inference',
    ),
    'pyskl.reports': (
        'pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.evaluation', 'pyskl.visualization', 'pyskl.reports',
    ),
    'pyskl.apis': ('pyskl',),
    'pyskl.cli': ('pyskl',),
    'pyskl': (),
}  # fmt: skip
MMENGINE = ('pyskl.engine', 'pyskl.registry', 'pyskl.evaluation.metrics')


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(path):
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            found.append(node.module)
    return found


def within(name, package):
    return name == package or name.startswith(f'{package}.')


@pytest.mark.parametrize('path', MODULES, ids=module_name)
def test_a_module_imports_what_its_package_may(path):
    name = module_name(path)
    allowed = next(may for package, may in MAY_IMPORT.items() if within(name, package))
    for imported in imports(path):
        if within(imported, 'pyskl'):
            assert any(within(imported, package) for package in allowed), f'{name} imports {imported}'
        if within(imported, 'mmengine'):
            assert any(within(name, package) for package in MMENGINE), f'{name} imports mmengine'


def test_no_import_cycles():
    graph = {module_name(p): {i for i in imports(p) if within(i, 'pyskl')} for p in MODULES if p.name != '__init__.py'}
    done, path = set(), []

    def visit(name):
        assert name not in path, f'import cycle: {path[path.index(name) :]}'
        if name in graph and name not in done:
            path.append(name)
            for other in graph[name]:
                visit(other)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)
    assert done == set(graph)


SOURCES = [p for folder in ('pyskl', 'tools', 'benchmarks', 'tests') for p in sorted((ROOT / folder).rglob('*.py'))]


@pytest.mark.parametrize('path', SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_one_idea(path):
    assert len(path.read_text().splitlines()) <= 400
    assert path.name != 'utils.py'


JOINT_LIST = re.compile(r'[\(\[]\d+(?:, \d+){7,}')  # eight or more indices in a row


@pytest.mark.parametrize('path', MODULES, ids=module_name)
def test_habits_of_the_package(path):
    text = path.read_text()
    assert '.cuda(' not in text
    assert 'weights_only=False' not in text
    if path.name != 'skeletons.py':
        assert not JOINT_LIST.search(text), 'joint indices belong to skeletons.py'
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == 'forward':
            called = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            assert not called & {'build_component', 'lookup', 'build_model'}, 'a registry lookup in forward'


def test_importing_pyskl_imports_nothing_else():
    assert imports(PACKAGE / '__init__.py') == []
