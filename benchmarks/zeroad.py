"""Convert the character animations of the game 0 A.D. to an annotation pickle: an open set with a skeleton of its own.

    apt-get download 0ad-data && dpkg-deb -x 0ad-data_*.deb zeroad    # Debian and Ubuntu; 1.4 GB, 3.3 GB unpacked
    python benchmarks/zeroad.py zeroad/usr/share/games/0ad/mods/public/public.zip --out data/zeroad/zeroad.pkl

Animators made these clips; nobody was recorded. Their licence is CC BY-SA 3.0 (art/LICENSE.txt of the archive): any
use, with attribution to Wildfire Games. Version 0.0.26 has 642 clips of people at 30 frames per second, with the
positions of all joints. The action is in a clip's name, the unit in its folder. Clips whose name has none of the 11
actions below, or two, are left out. Splits by unit: clips of five units are for validation, of all others for training.
"""

import argparse
import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.output import add_out, check_out, summary, write_pickle
from pyskl.skeletons import get_skeleton

SKELETON = Path(__file__).parent / 'zeroad_short/skeleton.yaml'
BONES = 'art/skeletons/biped.xml'
CLIPS = re.compile(r'art/animation/biped/(?P<unit>.+)/(?P<name>[^/]+)\.dae\.cached\.psa')
ACTIONS = {  # class: words of the clip's name
    'attack melee': {'attack', 'melee'},
    'attack ranged': {'attack', 'ranged'},
    'death': {'death'},
    'gallop': {'gallop'},
    'idle ready': {'idle', 'ready'},
    'idle relax': {'idle', 'relax'},
    'jog': {'jog'},
    'pace': {'pace'},
    'run': {'run'},
    'trot': {'trot'},
    'walk': {'walk'},
}
OTHERS = {'attack', 'capture', 'carry', 'gather', 'idle', 'move'}  # a clip of one of them and a class has two actions
VAL_UNITS = {  # chosen for three or more clips of each class in both splits
    'infantry/archer',
    'infantry/hoplite',
    'infantry/slinger',
    'rider/cavalry/generic',
    'rider/elephantry/archer',
}
HEADER = struct.Struct('<4sIIIfII')  # magic, version, bytes behind it, length of the name, ms per frame, bones, frames
NEAR = 0.02  # units, mean over joints and frames; the thigh has 1 unit
MAX_BYTES = 16 << 20  # of a member; the longest clip has 0.6 MB


def action_of(name: str) -> int | None:
    """Return the class of a clip's name, as in ``idle_shield_ready_01``; None unless it has exactly one."""
    words = set(name.split('_'))
    found = [label for label, action in enumerate(ACTIONS.values()) if action <= words]
    if len(found) != 1 or words & OTHERS - list(ACTIONS.values())[found[0]]:
        return None
    return found[0]


def read_bones(xml: str) -> list[str]:
    """Return the names of the bones in the order of the clips: depth first, as in the file.

    Raises:
        ValueError: If there is no standard skeleton.
    """
    match = re.search(r'<standard_skeleton\b.*?</standard_skeleton>', xml, re.DOTALL)
    if match is None:
        raise ValueError(f'{BONES} has no <standard_skeleton>')
    return re.findall(r'<bone name="([^"]+)"', match[0])


def read_positions(content: bytes, num_bones: int) -> np.ndarray:
    """Read a clip's ``(T, bones, 3)`` float32 positions; a bone has a position and a quaternion, in the model's space.

    Raises:
        ValueError: If the content is not a clip of this skeleton.
    """
    if len(content) < HEADER.size or content[:4] != b'PSSA':
        raise ValueError('it does not begin with PSSA')
    _, version, _, name, _, bones, frames = HEADER.unpack_from(content)
    if (version, name, bones) != (1, 0, num_bones) or len(content) != HEADER.size + 28 * bones * frames or not frames:
        raise ValueError(
            f'version {version} with {bones} bones and {frames} frames in {len(content)} bytes; '
            f'expected version 1 with {num_bones} bones of 28 bytes per frame'
        )
    values = np.frombuffer(content, '<f4', offset=HEADER.size).reshape(frames, bones, 7)[..., :3]
    if not np.isfinite(values).all():
        raise ValueError('positions are NaN or infinite')
    return values.astype(np.float32)


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member.

    Raises:
        ValueError: If it is absent, damaged or too large.
    """
    try:
        if archive.getinfo(name).file_size > MAX_BYTES:
            raise ValueError(f'larger than {MAX_BYTES >> 20} MB')
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f'{archive.filename} has no readable {name}: {error}') from error


def read_clips(path: Path) -> tuple[list[dict], dict[str, list[str]], int]:
    """Convert the archive; return annotations, splits and the number of clips left out.

    Raises:
        ValueError: If the file is not the game's archive; the message says why.
        OSError: If it cannot be read.
    """
    joints = get_skeleton(str(SKELETON)).joints
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f'{path} is not a zip archive; pass public.zip of 0ad-data') from error
    with archive:
        bones = read_bones(member(archive, BONES).decode('utf-8', 'replace'))
        if absent := set(joints) - set(bones):
            raise ValueError(f'{BONES} of {path} has no bones {", ".join(sorted(absent))}; version 0.0.26 has them')
        columns = [bones.index(joint) for joint in joints]
        found = [match for match in map(CLIPS.fullmatch, sorted(archive.namelist())) if match]
        clips, splits = [], {'train': [], 'val': []}
        for match in found:
            label = action_of(match['name'])
            if label is None:
                continue
            try:
                keypoint = read_positions(member(archive, match[0]), len(bones))[None, :, columns]
            except ValueError as error:
                raise ValueError(f'{match[0]} of {path} is not a clip: {error}') from error
            name = f'{match["unit"]}/{match["name"]}'.replace('/', '-')
            clips.append({'frame_dir': name, 'label': label, 'total_frames': keypoint.shape[1], 'keypoint': keypoint})
            splits['val' if match['unit'] in VAL_UNITS else 'train'].append(name)
    if not clips:
        raise ValueError(f'{path} has no clip such as art/animation/biped/citizen/walk.dae.cached.psa')
    return clips, splits, len(found) - len(clips)


def sixteen_frames(keypoint: np.ndarray) -> np.ndarray:
    """``(1, T, V, 3)`` -> ``(16, V, 3)``: evenly spaced frames, interpolated, from the first joint's first position."""
    times = np.linspace(0, keypoint.shape[1] - 1, 16)
    before = times.astype(int)
    after = np.minimum(before + 1, keypoint.shape[1] - 1)
    share = (times - before)[:, None, None]
    return keypoint[0, before] * (1 - share) + keypoint[0, after] * share - keypoint[0, 0, 0]


def nearest(clips: list[dict], splits: dict[str, list[str]]) -> tuple[int, int]:
    """Return how many validation clips have the class of the nearest training clip, and a distance below ``NEAR``."""
    by_name = {clip['frame_dir']: clip for clip in clips}
    train = [by_name[name] for name in splits['train']]
    known = np.stack([sixteen_frames(clip['keypoint']) for clip in train])
    correct = near = 0
    for clip in (by_name[name] for name in splits['val']):
        distances = np.linalg.norm(known - sixteen_frames(clip['keypoint']), axis=-1).mean((1, 2))
        correct += train[distances.argmin()]['label'] == clip['label']
        near += bool(distances.min() < NEAR)
    return correct, near


def main() -> None:
    """Convert the archive and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('archive', type=Path, metavar='PUBLIC_ZIP', help='public.zip of the game')
    add_out(parser)
    args = parser.parse_args()
    check_out(args)
    clips, splits, left_out = read_clips(args.archive)
    splits = write_pickle(args.out, clips, splits)
    print(summary(clips, splits, '0 A.D. biped'))
    print(f'left out: {left_out} clips without exactly one of the actions')
    if splits['train'] and splits['val']:
        correct, near = nearest(clips, splits)
        count = len(splits['val'])
        print(
            f'the nearest training clip has the class of {correct} of {count} val clips: {100 * correct / count:.1f} %'
        )
        print(f'{near} val clips are closer than {NEAR} units to a training clip')
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
