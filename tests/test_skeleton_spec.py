"""Custom skeletons: from a dict, a file, or some joints of another skeleton."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.streams import GenSkeFeat
from pyskl.models import build_model
from pyskl.skeleton_spec import select_joints
from pyskl.skeletons import get_skeleton

ARM = {'joints': ['shoulder', 'elbow', 'wrist'], 'edges': [('elbow', 'shoulder'), ('wrist', 'elbow')]}


def test_a_dict_without_bones_uses_its_edges():
    arm = get_skeleton(ARM)
    assert arm.edges == ((1, 0), (2, 1))
    assert arm.bone_parents == (0, 0, 1)
    assert arm.grid_links == arm.edges


def test_mmaction2_keys_are_accepted():
    assert get_skeleton({'num_node': 3, 'inward': [(1, 0), (2, 1)], 'center': 1}).center == 1


def test_edges_default_to_the_bones_without_self_loops():
    arm = get_skeleton({'joints': 3, 'bones': [(0, 0), (1, 0), (2, 1)]})
    assert arm.bone_parents == (0, 0, 1)
    assert arm.edges == ((1, 0), (2, 1))


def test_joints_may_be_named_by_numbers():
    legs = get_skeleton({'joints': [1, 2, 3], 'edges': [(2, 1), (3, 2)], 'center': 2})
    assert (legs.joints, legs.edges, legs.center) == (('1', '2', '3'), ((1, 0), (2, 1)), 1)
    with pytest.raises(ValueError, match='0 is not a joint'):
        get_skeleton({'joints': [1, 2, 3], 'edges': [(1, 0)]})
    assert get_skeleton({'joints': [1, 2, 3], 'edges': [(2, 1), (3, 2)]}).center == 0  # the first, as always
    with pytest.raises(ValueError, match="3 is not a joint .* valid names, or indices 0 to 2: \\['1', '2', '3'\\]"):
        get_skeleton({'joints': ['1', '2', '3'], 'edges': [(2, 1), (3, 2)]})
    with pytest.raises(ValueError, match='joints must be names or integers'):
        get_skeleton({'joints': [1.0, 2.0], 'edges': [(2, 1)]})


@pytest.mark.parametrize('dims', [3.0, True, '3', None, 4])
def test_dims_are_2_or_3(dims):
    with pytest.raises(ValueError, match='skeleton dims must be 2 or 3, got'):
        get_skeleton({'joints': 2, 'edges': [(1, 0)], 'dims': dims})


DOG = """
joints: [nose, neck, tail, left_paw, right_paw]
bones: [[nose, neck], [tail, neck], [left_paw, neck], [right_paw, neck]]
left: [left_paw]
right: [right_paw]
centre: neck
dims: 2
"""


def test_a_yaml_file_may_replace_a_skeleton_name(tmp_path):
    (tmp_path / 'dog.yaml').write_text(DOG)
    dog = get_skeleton(str(tmp_path / 'dog.yaml'))
    assert (dog.name, dog.num_joints, dog.center, dog.dims) == ('dog', 5, 1, 2)
    assert dog.edges == ((0, 1), (2, 1), (3, 1), (4, 1))
    assert (dog.left, dog.right) == ((3,), (4,))
    backbone = {'type': 'STGCN', 'graph_cfg': {'layout': str(tmp_path / 'dog.yaml'), 'mode': 'spatial'}}
    head = {'type': 'GCNHead', 'num_classes': 3, 'in_channels': 256}
    model = build_model({'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head})
    assert model.backbone.num_joints == 5
    clip = {'keypoint': np.ones((1, 4, 5, 2), np.float32), 'keypoint_score': np.ones((1, 4, 5), np.float32)}
    bones = GenSkeFeat(dataset=str(tmp_path / 'dog.yaml'), feats=['b'])(clip)['keypoint']
    assert not bones[..., :2].any()  # all joints at one place


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'cannot be read: No such file or directory'),
        ('- nose', 'must be a mapping'),
        ('joints: [a, b', 'expected'),
        ('joints: [a, b]', "needs 'joints' and 'edges' \\(or 'bones'\\)"),
        ('joints: 1.5\nbones: []', 'joints must be a list of names, or their number'),
        ('joints: 1000000000\nbones: []', 'joints must be a list of names, or their number'),
        ('joints: [a, b]\nbones: b', 'pairs'),
        ('joints: [a, b]\nbones: [[b, c]]', "'c' is not a joint"),
        ('joints: [a, b]\nbones: [[b, a]]\nleft: a\nright: b', 'must be lists of joints'),
        ('joints: !!python/object/apply:os.getcwd []\nbones: []', 'could not determine a constructor'),
        ('a: 1\xff', 'decode'),
    ],
)
def test_an_invalid_skeleton_file_raises_one_line_with_its_name(tmp_path, content, message):
    path = tmp_path / 'dog.yaml'
    if content is not None:
        path.write_bytes(content.encode('latin-1'))
    with pytest.raises(ValueError, match=message) as error:
        get_skeleton(str(path))
    assert str(error.value).startswith(f'skeleton file {str(path)!r}')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        ('cocoo', "unknown skeleton 'cocoo'; choose from"),
        ({'joints': 3}, "needs 'joints' and 'edges'"),
        ('missing.yaml', 'missing.yaml.* cannot be read'),
        ({**ARM, 'edges': [('elbow', 'hip')]}, "'hip' is not a joint"),
        ({**ARM, 'edges': [(1, 7)]}, '7 is not a joint'),
        ({**ARM, 'edges': ['elbow']}, 'must be \\(child, parent\\) pairs'),
        ({**ARM, 'left': ['wrist']}, 'must have equal length, got 1 and 0'),
        ({**ARM, 'bones': [(2, 1), (2, 0)]}, 'may have one parent'),
        ({**ARM, 'dims': 4}, 'dims must be 2 or 3, got 4'),
        ({**ARM, 'spine': [1]}, 'spine must be two joints'),
        ({'joints': [], 'edges': []}, 'one or more different names'),
    ],
)
def test_an_invalid_skeleton_raises(cfg, message):
    with pytest.raises(ValueError, match=message):
        get_skeleton(cfg)


def test_children_of_a_removed_joint_are_linked_to_its_parent():
    arm = select_joints(get_skeleton(ARM), (2, 0), 'ends')
    assert (arm.joints, arm.bone_parents, arm.edges, arm.center) == (('wrist', 'shoulder'), (1, 1), ((0, 1),), 1)
