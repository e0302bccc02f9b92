"""Commands that create, or addresses that provide, the annotation files of the shipped configs."""

import re
from pathlib import PurePath

_PYSKL = 'https://download.openmmlab.com/mmaction/pyskl/data'
# Pattern of the file name -> hint. Addresses are those of PYSKL's documentation.
_SOURCES = (
    (r'ntu(60|120)_3danno', 'pyskl data ntu creates it from NTU RGB+D\'s .skeleton files (see docs/data.md); '
     'PYSKL publishes it too: {pyskl}/nturgbd/{name}'),
    (r'ntu(60|120)_hrnet', 'PYSKL publishes it: {pyskl}/nturgbd/{name}'),
    (r'(gym|ucf101|hmdb51|diving48)_hrnet', 'PYSKL publishes it: {pyskl}/{set}/{name}'),
    (r'k400_hrnet', 'pyskl data k400 creates it from {pyskl}/k400/k400_hrnet.pkl and its kpfiles'),
    (r'nwucla', 'pyskl data nwucla creates it from the folder all_sqe'),
    (r'kinetics_skeleton', 'pyskl data kinetics-skeleton creates it from ST-GCN\'s Kinetics-skeleton'),
    (r'coco|nturgbd', 'pyskl data synthetic creates the bundled dataset'),
)  # fmt: skip


def where_from(path: str) -> str:
    """Return a hint for a missing annotation file; '' if its name is unknown.

    ``'data/nwucla/nwucla.pkl' -> '; pyskl data nwucla creates it from ...'``
    """
    name = PurePath(path).name
    for pattern, remedy in _SOURCES:
        found = re.fullmatch(rf'({pattern})\.(pkl|skl)', name)
        if found and ('synthetic' in remedy) <= ('synthetic' in str(path)):
            pickle = f'{found[1]}.pkl'
            return f'; {remedy.format(pyskl=_PYSKL, name=pickle, set=pickle.split("_")[0])}'
    return ''
