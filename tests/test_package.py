"""``import pyskl`` exports its names without importing torch."""

import subprocess
import sys

import pytest

import pyskl
import pyskl.datasets
import pyskl.models
import pyskl.visualization


@pytest.mark.parametrize('package', [pyskl, pyskl.datasets, pyskl.models, pyskl.visualization])
def test_every_exported_name_exists(package):
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
        assert name in dir(package)
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_importing_the_packages_imports_no_torch():
    code = 'import sys, pyskl, pyskl.datasets, pyskl.visualization, pyskl.zoo; assert "torch" not in sys.modules'
    subprocess.run([sys.executable, '-c', code], check=True)
