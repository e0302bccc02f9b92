"""Which command makes, or which address holds, the annotation files that the shipped configs name."""

import re
from pathlib import PurePath

_PYSKL = 'https://download.openmmlab.com/mmaction/pyskl/data'
# Pattern of the file's name -> what to do. Addresses are those of PYSKL's documentation.
_SOURCES = (
    (r'ntu(60|120)_3danno', 'python tools/data/ntu.py makes it of NTU RGB+D\'s .skeleton files (see docs/data.md); '
     'PYSKL publishes it too: {pyskl}/nturgbd/{name}'),
    (r'ntu(60|120)_hrnet', 'PYSKL publishes it: {pyskl}/nturgbd/{name}'),
    (r'(gym|ucf101|hmdb51|diving48)_hrnet', 'PYSKL publishes it: {pyskl}/{set}/{name}'),
    (r'k400_hrnet', 'python tools/data/k400.py makes it of {pyskl}/k400/k400_hrnet.pkl and its kpfiles'),
    (r'nwucla', 'python tools/data/nwucla.py makes it of the folder all_sqe'),
    (r'kinetics_skeleton', 'python tools/data/kinetics_skeleton.py makes it of ST-GCN\'s Kinetics-skeleton'),
    (r'coco|nturgbd', 'python tools/data/synthetic.py makes the bundled set'),
)  # fmt: skip


def where_from(path: str) -> str:
    """What to do about a missing annotation file; '' if its name is not known.

    ``'data/nwucla/nwucla.pkl' -> '; python tools/data/nwucla.py makes it of ...'``
    """
    name = PurePath(path).name
    for pattern, way in _SOURCES:
        found = re.fullmatch(rf'({pattern})\.(pkl|skl)', name)
        if found and ('synthetic' in way) <= ('synthetic' in str(path)):
            pickle = f'{found[1]}.pkl'
            return f'; {way.format(pyskl=_PYSKL, name=pickle, set=pickle.split("_")[0])}'
    return ''
