"""Run the tools by their command line, in this process."""

import importlib
import os
import sys
import warnings
from pathlib import Path

import pytest

from pyskl.apis import load_config, train
from tests.conftest import TinyExperiment

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def tool(capfd, monkeypatch, tiny):
    """``tool('train', *arguments)`` -> (exit status, stderr), in the folder of the tiny experiment."""
    monkeypatch.chdir(tiny.folder)
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)  # before the test, which may set it
    monkeypatch.delenv('PYSKL_ERROR_ONCE', raising=False)

    def call(name, *arguments):
        module = importlib.import_module(f'pyskl.cli.{name}')
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        capfd.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            warnings.simplefilter('error', UserWarning)  # a warning would be a second line
            warnings.simplefilter('error', RuntimeWarning)
            module.run(module.main)
        return left.value.code, capfd.readouterr().err

    return call


def content(folder):
    """Map every file below ``folder`` to its bytes, or to the target of the link."""
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() or path.is_symlink()
    }


@pytest.fixture
def refused(tiny, tool):
    """``refused("train", arguments, *messages)``: check that the tool exits with status 1, prints one line with
    each of ``messages``, and neither changes nor creates files.
    """

    def check(name, arguments, *messages):
        before = content(tiny.folder)
        status, stderr = tool(name, *arguments)
        assert stderr.startswith('error: ') and stderr.endswith('\n') and stderr.count('\n') == 1, stderr
        assert status == 1
        for part in messages:
            assert part in stderr
        assert content(tiny.folder) == before

    return check


@pytest.fixture
def refuse_training(tiny, refused):
    """``refuse_training(options, *messages)``: the same for ``tools/train.py``, in a work_dir with another file."""

    def check(options, *messages):
        tiny.work_dir.mkdir(exist_ok=True)
        (tiny.work_dir / 'notes.txt').write_text('mine')
        refused('train', [tiny.config, '--work-dir', tiny.work_dir, *options], *messages)

    return check


@pytest.fixture(scope='session')
def trained(tmp_path_factory):
    """A tiny Ske2Grid, trained for an epoch, with names of classes."""
    experiment = TinyExperiment(tmp_path_factory.mktemp('report'))
    names = "total_epochs = 1\nclasses = ['wave', '<b>raise</b>', 'lower', 'clap']"
    experiment.write_config('total_epochs = 1', names)
    cfg = load_config(experiment.config)
    cfg.work_dir = str(experiment.work_dir)
    train(cfg, seed=0)
    return experiment


@pytest.fixture
def called(monkeypatch):
    """``called(module, *words)``: its ``main`` with these words on the command line."""

    def call(module, *words):
        monkeypatch.setattr(sys, 'argv', ['pyskl', *map(str, words)])
        return module.main()

    return call
