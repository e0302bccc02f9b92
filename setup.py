"""``pip install -e .``: a range of versions; ``requirements.txt`` holds the tested set."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r"__version__ = '(.+)'", (ROOT / 'pyskl/__init__.py').read_text()).group(1)

setup(
    name='pyskl',
    version=VERSION,
    description='Skeleton action recognition: Ske2Grid, ST-GCN++ and their family, from a config file',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    packages=find_packages(include=['pyskl', 'pyskl.*']),
    python_requires='>=3.10',
    install_requires=[
        'torch>=2.6',
        'mmengine>=0.10.7',
        'mmcv-lite>=2.1',
        'numpy>=1.26',
        'scipy>=1.11',
        'pyyaml>=6.0',
        'pillow>=10.1',
        'tqdm>=4.64',
    ],
    extras_require={
        'dev': ['pytest>=8', 'hypothesis>=6', 'ruff>=0.6'],
        'pose': ['rtmlib>=0.0.13', 'onnxruntime>=1.17'],
        'tensorboard': ['tensorboard>=2.14'],
        'wandb': ['wandb>=0.16'],
    },
)
