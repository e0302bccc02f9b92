import zipfile

import numpy as np
import pytest

from pyskl.converters.ntu_npz import PROTOCOLS, align, center, lay_out, sample_order, write_npz
from pyskl.converters.ntu_protocols import parse_name

SPINE_BASE, SPINE_MID, LEFT_HIP, RIGHT_HIP = 0, 1, 12, 16


def person(frames=2, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, (frames, 25, 3)).astype(np.float32)


def record(name, *persons, **more):
    return {'frame_dir': name, 'label': parse_name(name).action - 1, 'keypoint': np.stack(persons), **more}


def columns(sample, actor):
    """``(300, 25, 3)`` of an actor."""
    return sample[:, 75 * actor : 75 * actor + 75].reshape(300, 25, 3)


def test_the_origin_is_the_mid_spine_of_the_first_actors_first_frame():
    first, second = np.zeros((3, 25, 3)), np.zeros((3, 25, 3))
    first[1:] = 2  # all joints at (2, 2, 2) from frame 1 on
    first[1, SPINE_MID] = 1, 0, 5
    second[:2] = 4
    a, b = center(np.stack([first, second]))
    assert a[0].any() == b[2].any() == False  # noqa: E712 - frames of zeros stay zeros
    assert a[1, SPINE_MID].tolist() == [0, 0, 0]
    assert a[2, 7].tolist() == [1, 2, -3]
    assert b[0, 7].tolist() == b[1, 24].tolist() == [3, 4, -1]


def test_a_sample_has_300_frames_and_75_columns_per_actor():
    one, two = person(2, 1), person(2, 2)
    sample = lay_out(record('S001C001P001R001A050', one, two), 60)
    assert sample.shape == (300, 150) and sample.dtype == np.float32
    np.testing.assert_array_equal(columns(sample, 0)[:2], one - one[0, 1])
    np.testing.assert_array_equal(columns(sample, 1)[:2], two - one[0, 1])
    assert not sample[2:].any()
    assert sample[1, 3:6].tolist() == (one[1, 1] - one[0, 1]).tolist()  # columns 3 to 5 are the mid-spine


def test_a_missing_second_actor_is_zeros_in_ntu60_and_the_first_actor_in_ntu120():
    alone = record('S001C001P001R001A001', person())
    assert not columns(lay_out(alone, 60), 1).any()
    sample = lay_out(alone, 120)
    np.testing.assert_array_equal(columns(sample, 1), columns(sample, 0))
    assert not columns(lay_out({**alone, 'empty_actors': 1}, 120), 1).any()


@pytest.mark.parametrize('shape', [(3, 2, 25, 3), (1, 301, 25, 3), (1, 2, 20, 3), (1, 2, 25, 2)])
def test_invalid_records_raise(shape):
    with pytest.raises(ValueError, match=r"'S001C001P001R001A001' has keypoint .* at most \(2, 300, 25, 3\)"):
        lay_out({**record('S001C001P001R001A001', person()), 'keypoint': np.zeros(shape)}, 60)


def test_samples_are_sorted_by_subject_camera_or_setup_then_by_name():
    names = [
        'S002C002P002R001A001',
        'S001C003P003R001A001',  # subject 3 is in the test set
        'S001C002P002R001A002',
        'S001C001P001R001A001',
        'S003C003P001R001A001',
    ]
    assert sample_order(names, PROTOCOLS[60]['NTU60_CS']) == ([3, 4, 2, 0], [1])
    assert sample_order(names, PROTOCOLS[60]['NTU60_CV']) == ([2, 0, 1, 4], [3])
    assert sample_order(names, PROTOCOLS[120]['NTU120_CSub']) == ([3, 4, 2, 0], [1])
    assert sample_order(names, PROTOCOLS[120]['NTU120_CSet']) == ([0], [3, 2, 1, 4])


def standing():
    """Upright along y, hips along x, one metre each; the left wrist one metre in front of the mid-spine, at -z."""
    joints = np.zeros((25, 3))
    joints[SPINE_BASE], joints[SPINE_MID] = (0, -1, 0), (0, 0, 0)
    joints[LEFT_HIP], joints[RIGHT_HIP] = (0.5, -1, 0), (-0.5, -1, 0)
    joints[6] = 0, 0, -1
    return joints


def test_aligned_the_spine_is_z_and_the_hips_are_x():
    sample = np.zeros((300, 2, 25, 3), np.float32)
    sample[:2, 0] = standing()
    sample[1, 0, 6] = 0, 3, 0  # only the rotation of frame 0 is used
    turned = columns(align(sample.reshape(300, 150)), 0)
    assert turned[0, SPINE_BASE].tolist() == [0, 0, -1]
    assert (turned[0, LEFT_HIP] - turned[0, RIGHT_HIP]).tolist() == [1, 0, 0]
    assert turned[1, 6].tolist() == [0, 0, 3]
    # across = x, up = y: their cross product is z, so that (0, 0, -1) is at y = -1. A rotation would have it at +1.
    assert turned[0, 6].tolist() == [0, -1, 0]


def test_aligned_late_persons_are_erased_and_coinciding_hips_are_nan():
    sample = np.zeros((300, 2, 25, 3), np.float32)
    sample[0:5, 0] = sample[1:5, 1] = standing()
    assert not columns(align(sample.reshape(300, 150)), 1).any()
    sample[0, 1] = standing()
    sample[0, 1, LEFT_HIP] = sample[0, 1, RIGHT_HIP]
    sample[0, 1, [LEFT_HIP, RIGHT_HIP], 0] = 0
    aligned = align(sample.reshape(300, 150))
    assert np.isnan(columns(aligned, 1)).all() and np.isfinite(columns(aligned, 0)).all()


def test_numpy_reads_the_written_files(tmp_path):
    records = [
        record('S001C001P001R001A001', person(4, 1)),
        record('S001C002P003R001A050', person(4, 2), person(4, 3)),
        record('S002C003P038R002A060', person(300, 4)),
    ]
    path = tmp_path / 'x.npz'
    assert write_npz(path, records, 60, PROTOCOLS[60]['NTU60_CS']) == (2, 1)
    with np.load(path) as arrays:
        assert sorted(arrays) == ['x_test', 'x_train', 'y_test', 'y_train']
        assert arrays['x_train'].dtype == np.float32
        np.testing.assert_array_equal(arrays['x_train'], [lay_out(records[0], 60), lay_out(records[2], 60)])
        np.testing.assert_array_equal(arrays['x_test'], [lay_out(records[1], 60)])
        assert arrays['y_train'].argmax(1).tolist() == [0, 59] and arrays['y_train'].shape == (2, 60)
        assert arrays['y_test'].sum() == 1
    assert zipfile.ZipFile(path).testzip() is None
    before = path.read_bytes()
    write_npz(path, records, 60, PROTOCOLS[60]['NTU60_CS'])
    assert path.read_bytes() == before


def test_a_wrong_record_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match='at most'):
        write_npz(tmp_path / 'x.npz', [record('S001C001P001R001A001', person(301))], 60, PROTOCOLS[60]['NTU60_CV'])
    assert list(tmp_path.iterdir()) == []
