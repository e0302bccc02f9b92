"""The metadata are in ``pyproject.toml``; here the configs are added to the wheel, as ``pyskl/configs``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CONFIGS = ('.py', '.yaml', '.yml')


class BuildWithConfigs(build_py):
    """Copies ``configs/`` into the package; an editable install reads the folder where it is."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if not getattr(self, 'editable_mode', False):
            for source, target in self._configs():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """The files that were built, those of the configs among them."""
        return [*super().get_outputs(include_bytecode), *(str(target) for _, target in self._configs())]

    def _configs(self) -> list[tuple[Path, Path]]:
        folder = ROOT / 'configs'
        files = sorted(path for path in folder.rglob('*') if path.suffix in CONFIGS)
        return [(path, Path(self.build_lib, 'pyskl/configs', path.relative_to(folder))) for path in files]


setup(cmdclass={'build_py': BuildWithConfigs})
