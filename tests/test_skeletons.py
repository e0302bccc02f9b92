import pytest

from pyskl.skeletons import (
    SKELETONS,
    get_limbs,
    get_skeleton,
    limb_mirror_order,
    mirror_order,
    wholebody_joints,
)

PARTS = [get_skeleton(f'wholebody:{parts}') for parts in ('hands', 'face', 'feet', 'body+feet', 'body+feet+hands')]
EVERY = [*SKELETONS.values(), *PARTS]
every_skeleton = pytest.mark.parametrize('skeleton', EVERY, ids=[skeleton.name for skeleton in EVERY])


@pytest.mark.parametrize(
    ('name', 'joints', 'center'),
    [
        ('coco', 17, 0),
        ('nturgb+d', 25, 20),
        ('openpose', 18, 1),
        ('handmp', 21, 0),
        ('nw-ucla', 20, 2),
        ('mediapipe', 33, 0),
        ('mediapipe3d', 33, 0),
        ('wholebody', 133, 0),
        ('wholebody:feet', 6, 0),
        ('wholebody:hands', 42, 0),
        ('wholebody:body+feet+hands', 65, 0),
        ('wholebody:face', 68, 30),
    ],
)
def test_published_joint_counts_and_centers(name, joints, center):
    skeleton = get_skeleton(name)
    assert (skeleton.num_joints, skeleton.center) == (joints, center)


@every_skeleton
def test_every_joint_reaches_the_center_along_the_edges(skeleton):
    parents = {}
    for child, parent in skeleton.edges:
        parents.setdefault(child, []).append(parent)
    reached = {skeleton.center}
    while True:
        more = {child for child, ancestors in parents.items() if reached & set(ancestors)} - reached
        if not more:
            break
        reached |= more
    assert reached == set(range(skeleton.num_joints))


@every_skeleton
def test_all_lists_refer_to_existing_joints(skeleton):
    joints = set(range(skeleton.num_joints))
    pairs = [*skeleton.edges, *skeleton.grid_links, *skeleton.limbs]
    assert {joint for pair in pairs for joint in pair} <= joints
    assert set(skeleton.bone_parents) <= joints
    assert len(skeleton.bone_parents) == len(skeleton.joints) == len(set(skeleton.joints))
    assert skeleton.dims in (2, 3)


@every_skeleton
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


def test_get_skeleton_returns_a_skeleton_unchanged():
    assert get_skeleton(get_skeleton('coco')) is SKELETONS['coco']


@every_skeleton
def test_mirroring_swaps_sides_and_mirroring_twice_is_identity(skeleton):
    joints = mirror_order(skeleton.num_joints, skeleton.left, skeleton.right)
    limbs = limb_mirror_order(skeleton.limbs, joints)
    for partners in (joints, limbs):
        assert [partners[partner] for partner in partners] == list(range(len(partners)))
    for joint, partner in enumerate(joints):
        names = skeleton.joints[joint], skeleton.joints[partner]
        assert names[1] == names[0].replace('left', '@').replace('right', 'left').replace('@', 'right')
    for (a, b), mirrored in zip(skeleton.limbs, limbs, strict=True):
        assert set(skeleton.limbs[mirrored]) == {joints[a], joints[b]}


def test_both_orders_of_coco_limbs_have_the_same_limbs():
    coco = SKELETONS['coco']
    assert get_limbs(None, coco) == coco.limbs
    assert set(get_limbs('posec3d', coco)) == set(coco.limbs)
    assert get_limbs([[0, 1]], coco) == ((0, 1),)
    with pytest.raises(ValueError, match='must be pairs of joints below 17'):
        get_limbs([], coco)


def test_sides_that_do_not_pair_raise():
    for left, right in (([0], []), ([0], [0]), ([0], [3])):
        with pytest.raises(ValueError, match='left, right must pair different indices below 3'):
            mirror_order(3, left, right)


def test_the_body_of_a_whole_body_is_coco_and_its_hand_is_handmp():
    for part, name in (('body', 'coco'), ('left_hand', 'handmp'), ('right_hand', 'handmp')):
        ours, published = get_skeleton(f'wholebody:{part}'), get_skeleton(name)
        assert (ours.edges, ours.bone_parents, ours.limbs) == (published.edges, published.bone_parents, published.limbs)
    assert get_skeleton('wholebody:body').grid_links == get_skeleton('coco').grid_links


def test_a_whole_body_joins_hands_at_the_wrists_and_heels_at_the_ankles():
    whole = get_skeleton('wholebody')
    parent = {joint: whole.joints[whole.bone_parents[v]] for v, joint in enumerate(whole.joints)}
    assert parent['left_hand_root'] == 'left_wrist'
    assert parent['right_hand_root'] == 'right_wrist'
    assert parent['right_heel'] == 'right_ankle'
    assert parent['nose_bridge_4'] == 'nose'
    # MMPose's list of partners: face-36 (outer corner of the right eye) and face-45.
    assert dict(zip(whole.left, whole.right, strict=True))[23 + 45] == 23 + 36


def test_disconnected_parts_are_joined_at_the_centre():
    hands = get_skeleton('wholebody:hands')
    assert hands.joints[21] == 'right_hand_root'
    assert hands.bone_parents[21] == hands.center == 0
    assert wholebody_joints('hands+body') == (*range(17), *range(91, 133))
    with pytest.raises(ValueError, match="unknown part in wholebody:hand; join parts of .*'hands'"):
        get_skeleton('wholebody:hand')


def test_mediapipe_limbs_are_its_published_connections_in_both_layouts():
    flat, world = get_skeleton('mediapipe'), get_skeleton('mediapipe3d')
    assert len(flat.limbs) == 35
    assert (flat.dims, world.dims) == (2, 3)
    assert flat.edges == world.edges
