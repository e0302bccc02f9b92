"""The wheel is complete: built, installed into a new environment and used outside the checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import pyskl

ROOT = Path(__file__).resolve().parents[1]


def run(*command, cwd):
    """Run a command without the checkout on its path; return its output."""
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    arguments = [str(word) for word in command]
    process = subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    return process.stdout


def test_the_version_equals_that_of_citation_cff():
    assert re.search(r'^version: (.+)$', (ROOT / 'CITATION.cff').read_text(), re.M).group(1) == pyskl.__version__


def test_every_extra_in_messages_and_documents_exists():
    text = (ROOT / 'pyproject.toml').read_text()
    extras = set(re.findall(r'^(\w+) = \[', text.partition('[project.optional-dependencies]')[2], re.M))
    sources = [*(ROOT / 'pyskl').rglob('*.py'), *(ROOT / 'docs').rglob('*.md'), ROOT / 'README.md']
    named = {name for path in sources for name in re.findall(r'pyskl\[(\w+)\]', path.read_text())}
    assert named <= extras


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel, built from a copy because building writes into the source folder."""
    pytest.importorskip('setuptools', '70.1')  # which builds wheels without further packages
    folder = tmp_path_factory.mktemp('source')
    for name in ('pyskl', 'configs'):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE', 'NOTICE', 'MANIFEST.in'):
        shutil.copy(ROOT / name, folder)
    pip = (sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index')
    run(*pip, '-w', folder / 'dist', folder, cwd=folder)
    (path,) = (folder / 'dist').glob('*.whl')
    return path


@pytest.mark.slow
def test_the_wheel_has_configs_and_licence_but_no_tests(wheel):
    assert wheel.name == f'pyskl-{pyskl.__version__}-py3-none-any.whl'
    names = zipfile.ZipFile(wheel).namelist()
    configs = [path for path in (ROOT / 'configs').rglob('*') if path.suffix in ('.py', '.yaml')]
    assert {f'pyskl/{path.relative_to(ROOT).as_posix()}' for path in configs} <= set(names)
    assert 'pyskl/py.typed' in names and 'pyskl/zoo/labels/ntu60.txt' in names
    assert any(name.endswith('LICENSE') for name in names) and any(name.endswith('NOTICE') for name in names)
    assert not any('test' in name.split('/')[0] for name in names)


@pytest.mark.slow
def test_the_installed_wheel_trains_tests_and_predicts_outside_the_checkout(wheel, tiny, tmp_path):
    """The new environment takes torch and other dependencies from the site-packages of this one."""
    environment = tmp_path / 'venv'
    run(sys.executable, '-m', 'venv', environment, cwd=tmp_path)
    python = environment / 'bin/python'
    site = run(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))', cwd=tmp_path).strip()
    Path(site, 'these.pth').write_text(sysconfig.get_path('purelib') + '\n')
    run(python, '-m', 'pip', 'install', '--no-deps', '--no-index', wheel, cwd=tmp_path)
    assert Path(run(python, '-c', 'import pyskl; print(pyskl.__file__)', cwd=tmp_path).strip()).is_relative_to(site)

    pyskl_command = environment / 'bin/pyskl'
    output = run(pyskl_command, 'train', tiny.config, '--validate', '--work-dir', 'run', cwd=tmp_path)
    assert (tmp_path / 'run/latest.pth').exists(), output
    output = run(pyskl_command, 'test', tiny.config, '--work-dir', 'run', '--out', 'scores.pkl', cwd=tmp_path)
    assert 'top1_acc: ' in output and (tmp_path / 'scores.pkl').is_file()
    network = ('--model', tiny.config, 'run/latest.pth')
    run(pyskl_command, 'predict', tiny.clips, *network, '--no-film', '--out', 'out', cwd=tmp_path)
    assert len(list(tmp_path.glob('out/*/events.json'))) == 12
    output = run(pyskl_command, 'flops', 'stgcn++_ntu60_xsub_hrnet/j', cwd=tmp_path)
    assert 'parameters: 1.393 M' in output
    clips = ('--layout', 'coco', '--clips', '200', '--out', 'made.pkl')
    run(pyskl_command, 'data', 'synthetic', *clips, cwd=tmp_path)
