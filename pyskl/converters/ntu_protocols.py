"""Names, protocols and published counts of NTU RGB+D 60 and 120.

A name is ``SsssCcccPpppRrrrAaaa``: setup, camera, performer, replication, action. Setups 1 to 17 with actions 1 to 60
are NTU60; setups 18 to 32 with actions 61 to 120 were added by NTU120, which contains both.
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

TRAIN_CAMERAS = (2, 3)
_TRAIN_60 = '1 2 4 5 8 9 13 14 15 16 17 18 19 25 27 28 31 34 35 38'  # of 40 subjects
_TRAIN_120 = (  # of the other 66
    '45 46 47 49 50 52 53 54 55 56 57 58 59 70 74 78 80 81 82 83 84 85 86 89 91 92 93 94 95 97 98 100 103'
)
TRAIN_SUBJECTS = frozenset(map(int, f'{_TRAIN_60} {_TRAIN_120}'.split()))
LAST_SETUP_60, LAST_ACTION_60 = 17, 60
# Number of clips without the published lists of missing skeletons: 302 of NTU60, 535 of NTU120.
PUBLISHED_COUNTS = {
    60: {'xsub_train': 40091, 'xsub_val': 16487, 'xview_train': 37646, 'xview_val': 18932},
    120: {'xsub_train': 63026, 'xsub_val': 50919, 'xset_train': 54468, 'xset_val': 59477},
}
# A recording is one performer in one setup: 3 cameras, 2 replications, 60 actions. With missing skeletons NTU60 has
# 56,880 clips and NTU120 114,480, which are 158 and 318 times 360.
RECORDINGS = {60: 158, 120: 318}
LAST_PERFORMER_60 = 40
_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})', re.ASCII)
_HIGHEST = {'setup': 32, 'camera': 3, 'performer': 106, 'replication': 2, 'action': 120}


class ClipName(NamedTuple):
    """The numbers in a name, each starting at 1."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int


def parse_name(name: str) -> ClipName:
    """Parse a name such as ``S001C001P001R001A001``.

    Raises:
        ValueError: If the name has a different form, or a number is out of range.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError('the name does not have the form S001C001P001R001A001')
    clip = ClipName(*map(int, match.groups()))
    for field, value in clip._asdict().items():
        if not 1 <= value <= _HIGHEST[field]:
            raise ValueError(f'the name has {field} {value}; it must be 1 to {_HIGHEST[field]}')
    if (clip.setup <= LAST_SETUP_60) != (clip.action <= LAST_ACTION_60):
        raise ValueError(
            f'the name has action {clip.action} in setup {clip.setup}; actions from 61 belong to setups from 18'
        )
    return clip


def make_splits(names: Iterable[str], classes: int) -> dict[str, list[str]]:
    """Make the published splits of ``classes`` 60 (xsub, xview) or 120 (xsub, xset), each in the order of ``names``."""
    splits: dict[str, list[str]] = {split: [] for split in PUBLISHED_COUNTS[classes]}
    for name in names:
        clip = parse_name(name)
        by_subject = clip.performer in TRAIN_SUBJECTS
        other = clip.camera in TRAIN_CAMERAS if classes == 60 else clip.setup % 2 == 0
        splits['xsub_train' if by_subject else 'xsub_val'].append(name)
        kind = 'xview' if classes == 60 else 'xset'
        splits[f'{kind}_{"train" if other else "val"}'].append(name)
    return splits


def absent_names(names: Iterable[str]) -> list[str]:
    """Names of clips missing from the recordings that ``names`` belong to; other recordings are unknown."""
    there = set(names)
    recordings = sorted({(clip.setup, clip.performer) for clip in map(parse_name, there)})
    absent = []
    for setup, performer in recordings:
        first = 1 if setup <= LAST_SETUP_60 else LAST_ACTION_60 + 1
        cameras, replications = (range(1, _HIGHEST[field] + 1) for field in ('camera', 'replication'))
        for camera, replication, action in product(cameras, replications, range(first, first + LAST_ACTION_60)):
            name = f'S{setup:03d}C{camera:03d}P{performer:03d}R{replication:03d}A{action:03d}'
            if name not in there:
                absent.append(name)
    return absent


def whole_range(field: str, classes: int) -> range:
    """Return the values of a name's ``field`` in NTU60 or NTU120."""
    last = {'setup': LAST_SETUP_60, 'performer': LAST_PERFORMER_60, 'action': LAST_ACTION_60}
    return range(1, (last.get(field, _HIGHEST[field]) if classes == 60 else _HIGHEST[field]) + 1)
