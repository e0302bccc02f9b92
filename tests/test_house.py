"""Rules of the source code: imports, file lengths, forbidden calls."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'pyskl'
MODULES = sorted(PACKAGE.rglob('*.py'))

GROUND = ('pyskl.registry', 'pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.lazy')
# package -> what it may import from pyskl. The first entry that matches a module's name applies.
MAY_IMPORT = {
    'pyskl.registry': (),
    'pyskl.skeleton_spec': (),
    'pyskl.skeletons': ('pyskl.skeleton_spec',),
    'pyskl.files': (),
    'pyskl.errors': (),
    'pyskl.lazy': (),
    'pyskl.evaluation.functional': (),
    'pyskl.models.layers': ('pyskl.models.layers',),
    'pyskl.models.graphs': ('pyskl.skeletons',),
    'pyskl.models': ('pyskl.registry', 'pyskl.skeletons', 'pyskl.lazy', 'pyskl.models'),
    'pyskl.datasets': (*GROUND, 'pyskl.datasets'),
    'pyskl.synthetic': ('pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.synthetic'),
    'pyskl.pose': ('pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.pose'),
    'pyskl.converters': (
        'pyskl.skeletons', 'pyskl.files', 'pyskl.errors', 'pyskl.pose', 'pyskl.datasets.records', 'pyskl.converters',
    ),
    # Score files are pickles, which only datasets.records reads.
    'pyskl.evaluation.score_files': ('pyskl.datasets.records', 'pyskl.evaluation'),
    'pyskl.evaluation': (*GROUND, 'pyskl.evaluation'),
    'pyskl.visualization': (*GROUND, 'pyskl.visualization'),
    'pyskl.zoo': ('pyskl.files', 'pyskl.errors', 'pyskl.zoo'),
    'pyskl.engine': (
        *GROUND, 'pyskl.models', 'pyskl.datasets', 'pyskl.evaluation', 'pyskl.zoo.classes', 'pyskl.zoo.download',
        'pyskl.zoo.names', 'pyskl.engine',
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
    'pyskl.__main__': ('pyskl.cli',),
    'pyskl': ('pyskl.lazy',),
}  # fmt: skip
MMENGINE = ('pyskl.engine', 'pyskl.registry', 'pyskl.evaluation.metrics')


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(path):
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            names.append(node.module)
    return names


def within(name, package):
    return name == package or name.startswith(f'{package}.')


def test_modules_import_only_what_the_table_allows():
    problems = []
    for path in MODULES:
        name = module_name(path)
        allowed = next(may for package, may in MAY_IMPORT.items() if within(name, package))
        for imported in imports(path):
            upwards = within(imported, 'pyskl') and not any(within(imported, package) for package in allowed)
            engine = within(imported, 'mmengine') and not any(within(name, package) for package in MMENGINE)
            problems += [f'{name} imports {imported}'] if upwards or engine else []
    assert not problems, problems


def test_there_are_no_import_cycles():
    graph = {module_name(p): {i for i in imports(p) if within(i, 'pyskl')} for p in MODULES if p.name != '__init__.py'}
    visited, path = set(), []

    def visit(name):
        assert name not in path, f'import cycle: {path[path.index(name) :]}'
        if name in graph and name not in visited:
            path.append(name)
            for other in graph[name]:
                visit(other)
            path.pop()
            visited.add(name)

    for name in graph:
        visit(name)
    assert visited == set(graph)


SOURCES = [p for folder in ('pyskl', 'tools', 'benchmarks', 'tests') for p in sorted((ROOT / folder).rglob('*.py'))]


def test_files_have_at_most_400_lines():
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: number for name, number in lines.items() if number > 400}
    assert not [name for name in lines if name.endswith('/utils.py')]


JOINT_LIST = re.compile(r'[\(\[]\d+(?:, \d+){7,}')  # eight or more indices in a row


FORBIDDEN = {
    '.cuda(': 'a device by name',
    'weights_only=False': 'a checkpoint that could run code',
}
LOOKUPS = {'build_component', 'lookup', 'build_model'}


def test_forward_makes_no_lookups_and_forbidden_calls_are_absent():
    problems = []
    for path in MODULES:
        name, text = module_name(path), path.read_text()
        problems += [f'{name}: {reason}' for what, reason in FORBIDDEN.items() if what in text]
        if path.name != 'skeletons.py' and JOINT_LIST.search(text):
            problems.append(f'{name}: joint indices belong to skeletons.py')
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name == 'forward':
                calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
                if LOOKUPS & {call.id for call in calls if isinstance(call, ast.Name)}:
                    problems.append(f'{name}: a registry lookup in forward')
    assert not problems, problems


def test_importing_pyskl_imports_only_pyskl_lazy():
    assert imports(PACKAGE / '__init__.py') == ['pyskl.lazy']
    assert [name for name in imports(PACKAGE / 'lazy.py') if within(name, 'pyskl')] == []
