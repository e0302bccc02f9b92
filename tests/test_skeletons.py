import pytest

from pyskl.skeletons import SKELETONS, get_limbs, get_skeleton, limb_mirror_order, mirror_order

ARM = {'joints': ['shoulder', 'elbow', 'wrist'], 'edges': [('elbow', 'shoulder'), ('wrist', 'elbow')]}


@pytest.mark.parametrize(
    ('name', 'joints', 'center'),
    [('coco', 17, 0), ('nturgb+d', 25, 20), ('openpose', 18, 1), ('handmp', 21, 0), ('nw-ucla', 20, 2)],
)
def test_published_joint_counts_and_centers(name, joints, center):
    skeleton = get_skeleton(name)
    assert (skeleton.num_joints, skeleton.center) == (joints, center)


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=list(SKELETONS))
def test_every_joint_reaches_the_center_along_the_edges(skeleton):
    parents = {}
    for child, parent in skeleton.edges:
        parents.setdefault(child, []).append(parent)
    reached = {skeleton.center}
    while True:
        more = {child for child, ups in parents.items() if reached & set(ups)} - reached
        if not more:
            break
        reached |= more
    assert reached == set(range(skeleton.num_joints))


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=list(SKELETONS))
def test_facts_name_joints_that_exist(skeleton):
    joints = set(range(skeleton.num_joints))
    pairs = [*skeleton.edges, *skeleton.grid_links, *skeleton.limbs]
    assert {joint for pair in pairs for joint in pair} <= joints
    assert set(skeleton.bone_parents) <= joints
    assert len(skeleton.bone_parents) == len(skeleton.joints) == len(set(skeleton.joints))
    assert skeleton.dims in (2, 3)


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=list(SKELETONS))
def test_left_and_right_pair_joints_of_the_same_name(skeleton):
    assert not set(skeleton.left) & set(skeleton.right)
    for left, right in zip(skeleton.left, skeleton.right, strict=True):
        assert skeleton.joints[left].replace('left', 'right') == skeleton.joints[right]


def test_ntu_bones_differ_from_its_edges_at_the_hands_as_published():
    ntu = get_skeleton('nturgb+d')
    assert (ntu.bone_parents[21], ntu.bone_parents[23]) == (22, 24)
    assert (21, 22) not in ntu.edges
    assert (21, 7) in ntu.edges


def test_coco_has_nineteen_grid_links_and_ntu_twenty_four():
    assert len(get_skeleton('coco').grid_links) == 19
    assert len(get_skeleton('nturgb+d').grid_links) == 24


def test_a_dict_is_a_skeleton_whose_bones_are_its_edges():
    arm = get_skeleton(ARM)
    assert arm.edges == ((1, 0), (2, 1))
    assert arm.bone_parents == (0, 0, 1)
    assert arm.grid_links == arm.edges


def test_mmaction2_words_are_understood():
    assert get_skeleton({'num_node': 3, 'inward': [(1, 0), (2, 1)], 'center': 1}).center == 1


def test_a_skeleton_passes_through():
    assert get_skeleton(get_skeleton('coco')) is SKELETONS['coco']


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        ('cocoo', "unknown skeleton 'cocoo'; choose from"),
        ({'joints': 3}, "needs 'joints' and 'edges'"),
        ({**ARM, 'edges': [('elbow', 'hip')]}, "'hip' is not a joint"),
        ({**ARM, 'edges': [(1, 7)]}, '7 is not a joint'),
        ({**ARM, 'edges': ['elbow']}, 'must be \\(child, parent\\) pairs'),
        ({**ARM, 'left': ['wrist']}, 'must pair joints, got 1 and 0'),
        ({**ARM, 'bones': [(2, 1), (2, 0)]}, 'one bone at most'),
        ({**ARM, 'dims': 4}, 'dims must be 2 or 3, got 4'),
        ({**ARM, 'spine': [1]}, 'spine must be two joints'),
        ({'joints': [], 'edges': []}, 'at least one and all different'),
    ],
)
def test_a_wrong_skeleton_is_named(cfg, message):
    with pytest.raises(ValueError, match=message):
        get_skeleton(cfg)


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=list(SKELETONS))
def test_a_mirror_exchanges_sides_and_two_mirrors_nothing(skeleton):
    joints = mirror_order(skeleton.num_joints, skeleton.left, skeleton.right)
    limbs = limb_mirror_order(skeleton.limbs, joints)
    for partners in (joints, limbs):
        assert [partners[partner] for partner in partners] == list(range(len(partners)))
    for joint, partner in enumerate(joints):
        names = skeleton.joints[joint], skeleton.joints[partner]
        assert names[1] == names[0].replace('left', '@').replace('right', 'left').replace('@', 'right')
    for (a, b), mirrored in zip(skeleton.limbs, limbs, strict=True):
        assert set(skeleton.limbs[mirrored]) == {joints[a], joints[b]}


def test_the_two_orders_of_coco_limbs_hold_the_same_limbs():
    coco = SKELETONS['coco']
    assert get_limbs(None, coco) == coco.limbs
    assert set(get_limbs('posec3d', coco)) == set(coco.limbs)
    assert get_limbs([[0, 1]], coco) == ((0, 1),)
    with pytest.raises(ValueError, match='must be pairs of joints below 17'):
        get_limbs([], coco)


def test_sides_that_do_not_pair_are_named():
    for left, right in (([0], []), ([0], [0]), ([0], [3])):
        with pytest.raises(ValueError, match='left, right must pair different indices below 3'):
            mirror_order(3, left, right)
