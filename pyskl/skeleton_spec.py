"""The ``Skeleton`` class, and its construction from a dict or a file.

Convention: joints count from 0; an edge, a bone and a grid link are (child, parent), towards the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

Pairs = tuple[tuple[int, int], ...]

# Keys of a skeleton dict, then their aliases: MMAction2's and British spellings.
_DICT_KEYS = ('name', 'joints', 'edges', 'bones', 'left', 'right', 'center', 'dims', 'origin', 'spine', 'shoulders')
_OTHER_WORDS = {'num_node': 'joints', 'inward': 'edges', 'centre': 'center'}
SKELETON_SUFFIXES = ('.yaml', '.yml', '.json')
_MAX_FILE_BYTES, _MAX_JOINTS = 1 << 20, 1000


@dataclass(frozen=True)
class Skeleton:
    """One joint layout.

    Args:
        name: The layout's name in a config (``graph_cfg.layout``, ``GenSkeFeat.dataset``).
        joints: Names of the ``V`` joints, in order.
        edges: (child, parent) pairs of the graph, inward.
        bone_parents: ``V`` indices; bone ``v`` points from joint ``bone_parents[v]`` to joint ``v``.
        grid_links: (i, j): row ``i`` of Ske2Grid's skeleton matrix takes joint ``j``.
        limbs: Pairs drawn as limbs in heatmaps and images, in channel order.
        left: Joints of the left side.
        right: Their partners on the right, in the same order.
        center: The graph's centre.
        dims: Coordinates per joint; with 2 a score may follow as a third channel.
        origin: The joint that :class:`PreNormalize3D` moves to (0, 0, 0).
        spine: (from, to): the direction rotated onto +z.
        shoulders: (to, from): the direction rotated onto +x.
        source: Source of the lists.
    """

    name: str
    joints: tuple[str, ...]
    edges: Pairs
    bone_parents: tuple[int, ...]
    grid_links: Pairs
    limbs: Pairs
    left: tuple[int, ...]
    right: tuple[int, ...]
    center: int
    dims: int
    origin: int
    spine: tuple[int, int] | None
    shoulders: tuple[int, int] | None
    source: str

    @property
    def num_joints(self) -> int:
        """Number of joints, ``V``."""
        return len(self.joints)


def bones_of(edges: Pairs, num_joints: int) -> tuple[int, ...]:
    parents = list(range(num_joints))
    for child, parent in edges:
        parents[child] = parent
    return tuple(parents)


def select_joints(skeleton: Skeleton, joints: Sequence[int], name: str) -> Skeleton:
    """Restrict a skeleton to some of its joints.

    A joint whose parent is left out gets its nearest remaining ancestor, or else the centre. The centre is the
    skeleton's own if it remains, and else the first joint without an ancestor.

    Args:
        skeleton: The skeleton; its bones form a tree.
        joints: Indices of its joints, in the order of the result.
        name: The result's name.
    """
    place = {joint: index for index, joint in enumerate(joints)}

    def ancestor(joint: int) -> int | None:
        seen = {joint}
        while (joint := skeleton.bone_parents[joint]) not in seen:
            if joint in place:
                return joint
            seen.add(joint)
        return None

    parents = {joint: ancestor(joint) for joint in joints}
    roots = [joint for joint in joints if parents[joint] is None]
    center = skeleton.center if skeleton.center in place else roots[0]
    both = {joint: center if parent is None else parent for joint, parent in parents.items()}
    cut = [(joint, both[joint]) for joint in joints if joint != both[joint]]

    def within(pairs: Pairs) -> Pairs:
        return tuple((place[a], place[b]) for a, b in pairs if a in place and b in place)

    edges = within(skeleton.edges)
    joined = {child for child, _ in edges}
    bridges = tuple((place[a], place[b]) for a, b in cut if place[a] not in joined)
    sides = [(a, b) for a, b in zip(skeleton.left, skeleton.right, strict=True) if a in place and b in place]
    return Skeleton(
        name=name,
        joints=tuple(skeleton.joints[joint] for joint in joints),
        edges=(*edges, *bridges),
        bone_parents=tuple(place[both[joint]] for joint in joints),
        grid_links=(*within(skeleton.grid_links), *bridges),
        limbs=within(skeleton.limbs),
        left=tuple(place[a] for a, _ in sides),
        right=tuple(place[b] for _, b in sides),
        center=place[center],
        dims=skeleton.dims,
        origin=place.get(skeleton.origin, place[center]),
        spine=None,
        shoulders=None,
        source=f'joints of {skeleton.name}: {skeleton.source}',
    )


def skeleton_from_dict(cfg: dict) -> Skeleton:
    """Build a skeleton from a dict in a config.

    Args:
        cfg: Required are ``joints`` (names, or their number) and ``edges`` or ``bones`` ((child, parent) pairs; either
            defaults to the other). Optional are ``left``, ``right``, ``center`` (default 0), ``dims`` (default 2),
            ``origin``, ``spine``, ``shoulders`` and ``name``. Joints are given by name or index. MMAction2's
            ``num_node`` and ``inward`` are accepted.

    Raises:
        ValueError: If a key is unknown, a joint is not one of ``joints``, or the lists do not fit one another.
    """
    cfg = {_OTHER_WORDS.get(key, key): value for key, value in cfg.items()}
    if set(cfg) - set(_DICT_KEYS) or 'joints' not in cfg or not {'edges', 'bones'} & set(cfg):
        raise ValueError(
            f"a skeleton needs 'joints' and 'edges' (or 'bones'); valid keys: {_DICT_KEYS}, got {sorted(map(str, cfg))}"
        )
    joints = cfg['joints']
    if isinstance(joints, int) and not isinstance(joints, bool) and joints <= _MAX_JOINTS:
        joints = [f'joint_{v}' for v in range(joints)]
    if not isinstance(joints, list | tuple) or len(joints) > _MAX_JOINTS:
        raise ValueError(
            f'skeleton joints must be a list of names, or their number (at most {_MAX_JOINTS}), got {joints!r}'
        )
    if not all(type(joint) in (str, int) for joint in joints):
        raise ValueError(f'skeleton joints must be names or integers, got {joints!r}')
    numbered = any(isinstance(joint, int) for joint in joints)  # [1, 2, 3]: numbers in pairs are names too
    joints = tuple(map(str, joints))
    if not joints or len(set(joints)) < len(joints):
        raise ValueError(f'skeleton joints must be one or more different names, got {joints}')

    def index(joint: str | int) -> int:
        if (isinstance(joint, str) or numbered) and str(joint) in joints:
            return joints.index(str(joint))
        if type(joint) is int and not numbered and 0 <= joint < len(joints):
            return joint
        how = f'names, or indices 0 to {len(joints) - 1}' if not numbered else 'names'
        raise ValueError(f'{joint!r} is not a joint of the skeleton; valid {how}: {list(joints)}')

    def pairs(key: str, default: Pairs = ()) -> Pairs:
        if key not in cfg:
            return default
        if isinstance(cfg[key], str | int | None) or any(
            not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 for pair in cfg[key]
        ):
            raise ValueError(f'skeleton {key} must be (child, parent) pairs, got {cfg[key]!r}')
        return tuple((index(child), index(parent)) for child, parent in cfg[key])

    def direction(key: str) -> tuple[int, int] | None:
        if cfg.get(key) is None:
            return None
        if not isinstance(cfg[key], list | tuple) or len(cfg[key]) != 2:
            raise ValueError(f'skeleton {key} must be two joints, got {cfg[key]!r}')
        return tuple(map(index, cfg[key]))

    bones = pairs('bones', pairs('edges'))
    edges = pairs('edges', tuple((child, parent) for child, parent in bones if child != parent))
    if len({child for child, _ in bones}) < len(bones):
        raise ValueError(f'each joint of a skeleton may have one parent, got bones {bones}')
    sides = [cfg.get(side) or () for side in ('left', 'right')]
    if not all(isinstance(side, list | tuple) for side in sides):
        raise ValueError(f'skeleton left and right must be lists of joints, got {sides[0]!r} and {sides[1]!r}')
    left, right = (tuple(map(index, side)) for side in sides)
    if len(left) != len(right):
        raise ValueError(f'skeleton left and right must have equal length, got {len(left)} and {len(right)}')
    center = index(cfg['center']) if 'center' in cfg else 0
    dims = cfg.get('dims', 2)
    if type(dims) is not int or dims not in (2, 3):
        raise ValueError(f'skeleton dims must be 2 or 3, got {dims!r}')
    return Skeleton(
        name=str(cfg.get('name', 'custom')),
        joints=joints,
        edges=edges,
        bone_parents=bones_of(bones, len(joints)),
        grid_links=tuple(pair for pair in bones if pair[0] != pair[1]),
        limbs=edges,
        left=left,
        right=right,
        center=center,
        dims=dims,
        origin=index(cfg['origin']) if 'origin' in cfg else center,
        spine=direction('spine'),
        shoulders=direction('shoulders'),
        source='config',
    )


def skeleton_from_file(path: str | Path) -> Skeleton:
    """Read a skeleton from a YAML (or JSON) file: a mapping with the keys of :func:`skeleton_from_dict`.

    Raises:
        ValueError: If the file cannot be read, is not a mapping, or is not a skeleton; names the file.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(f'larger than {_MAX_FILE_BYTES >> 20} MB')
        cfg = yaml.safe_load(path.read_text(encoding='utf-8'))
        if not isinstance(cfg, dict):
            raise ValueError(f"must be a mapping with 'joints' and 'edges', got {type(cfg).__name__}")
        return skeleton_from_dict({'name': path.stem, **cfg})
    except OSError as error:
        raise ValueError(f'skeleton file {str(path)!r} cannot be read: {error.strerror}') from None
    except (ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f'skeleton file {str(path)!r}: {" ".join(str(error).split())}') from None
