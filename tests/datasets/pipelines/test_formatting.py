"""The network's input: padded persons, separate clips, tensors of the right type."""

import numpy as np
import pytest
import torch

from pyskl.datasets.pipelines.formatting import Collect, FormatGCNInput, FormatShape, Rename, ToTensor, to_tensor


def persons(count, frames=6):
    """Person m is all m + 1; channel 1 counts frames."""
    keypoint = np.ones((count, frames, 3, 2), np.float32) * np.arange(1, count + 1)[:, None, None, None]
    keypoint[..., 1] = np.arange(frames)[:, None]
    return {'keypoint': keypoint.astype(np.float32), 'frame_dir': 'clip'}


def test_missing_persons_are_empty_and_extra_ones_cut():
    assert FormatGCNInput(2)(persons(1))['keypoint'][0, :, 0, 0, 0].tolist() == [1, 0]
    assert FormatGCNInput(2)(persons(3))['keypoint'][0, :, 0, 0, 0].tolist() == [1, 2]
    assert FormatGCNInput(4)(persons(2))['keypoint'][0, :, 0, 0, 0].tolist() == [1, 2, 0, 0]


def test_a_single_person_is_copied_in_mode_loop():
    assert FormatGCNInput(3, mode='loop')(persons(1))['keypoint'][0, :, 0, 0, 0].tolist() == [1, 1, 1]
    assert FormatGCNInput(3, mode='loop')(persons(2))['keypoint'][0, :, 0, 0, 0].tolist() == [1, 2, 0]


@pytest.mark.parametrize('count', [1, 2, 3])
@pytest.mark.parametrize('mode', ['zero', 'loop'])
def test_clips_are_consecutive_parts_of_the_frames(count, mode):
    out = FormatGCNInput(2, mode)({**persons(count), 'num_clips': 3})['keypoint']
    assert out.shape == (3, 2, 2, 3, 2) and out.flags.c_contiguous
    assert out[:, 0, :, 0, 1].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_score_beside_the_joints_becomes_their_channel():
    out = FormatGCNInput()({**persons(1), 'keypoint_score': np.full((1, 6, 3), 0.5, np.float32)})
    assert out['keypoint'][0, 0, 0, 0].tolist() == [1, 0, 0.5] and 'keypoint_score' not in out


def test_invalid_arguments_and_shapes_raise():
    with pytest.raises(ValueError, match="mode must be 'zero' or 'loop', got 'ring'"):
        FormatGCNInput(mode='ring')
    with pytest.raises(ValueError, match='num_person must be an integer of at least 1, got 0'):
        FormatGCNInput(0)
    with pytest.raises(ValueError, match=r"sample 'clip' has \(1, 6, 3, 2\) and num_clips=4"):
        FormatGCNInput()({**persons(1), 'num_clips': 4})


def test_collect_returns_the_given_keys_only():
    results = {'keypoint': 1, 'label': 2, 'frame_dir': 'a', 'rest': 3}
    assert Collect(['keypoint', 'label'], meta_keys=[])(results) == {'keypoint': 1, 'label': 2}
    assert Collect('label', meta_keys=['frame_dir'], meta_name='meta')(results) == {
        'label': 2,
        'meta': {'frame_dir': 'a'},
    }
    assert Collect(['label'], nested=True)(results) == {'label': [2]}
    with pytest.raises(ValueError, match=r"Collect needs key 'imgs', but sample 'a' has only \['frame_dir', 'key"):
        Collect(['imgs'])(results)


def test_tensors_of_every_kind():
    assert to_tensor(np.ones((2, 3), np.float32)).dtype == torch.float32
    assert to_tensor(3).tolist() == [3] and to_tensor(np.int32(3)).dtype == torch.int64
    assert to_tensor(2.5).tolist() == [2.5]
    assert to_tensor([1, 2]).tolist() == [1, 2]
    tensor = torch.ones(2)
    assert to_tensor(tensor) is tensor
    with pytest.raises(ValueError, match='ToTensor converts arrays, numbers and sequences, got str'):
        to_tensor('word')


def test_a_tensor_does_not_share_a_read_only_array():
    array = np.zeros(3, np.float32)
    array.flags.writeable = False
    out = ToTensor(['x'])({'x': array})['x']
    out += 1
    assert array.tolist() == [0, 0, 0]


def test_tensors_of_missing_keys_raise_with_the_key():
    with pytest.raises(ValueError, match="ToTensor needs key 'y', but sample 'unnamed' has only"):
        ToTensor(['y'])({'x': 1})


def test_renaming_moves_a_value():
    assert Rename({'a': 'b'})({'a': 1}) == {'b': 1}
    with pytest.raises(ValueError, match="does not have 'a'"):
        Rename({'a': 'b'})({'c': 1})
    with pytest.raises(ValueError, match="already has 'b'"):
        Rename({'a': 'b'})({'a': 1, 'b': 2})


def test_heatmaps_become_views_of_clips_with_channels_first():
    imgs = np.arange(2 * 3 * 4 * 5 * 6).reshape(2 * 3, 4, 5, 6)  # two clips of three frames, four channels
    out = FormatShape('NCTHW_Heatmap')({'imgs': imgs, 'clip_len': 3})['imgs']
    assert out.shape == (2, 4, 3, 5, 6)
    assert np.array_equal(out[1, 2, 0], imgs[3, 2])
    assert np.shares_memory(out, imgs)
    with pytest.raises(ValueError, match="input_format must be 'NCTHW_Heatmap', got 'NCTHW'"):
        FormatShape('NCTHW')
    with pytest.raises(ValueError, match=r"sample 'a' has \(6, 4, 5, 6\) and clip_len=4"):
        FormatShape('NCTHW_Heatmap')({'imgs': imgs, 'clip_len': 4, 'frame_dir': 'a'})
