"""Complete joint pipelines against arrays printed by PYSKL."""

from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import Compose

GOLDEN = np.load(Path(__file__).parents[2] / 'data' / 'pipelines_gcn.npz')
FEATS = {'j': ['j'], 'b': ['b'], 'jm': ['jm'], 'bm': ['bm'], 'jb': ['j', 'b']}
CASES = [key for key in GOLDEN if not key.startswith('in/')]


def run(layout, feats, num_clips, name):
    results = {key.split('/')[2]: GOLDEN[key] for key in GOLDEN if key.startswith(f'in/{name}/')}
    for array in results.values():
        array.flags.writeable = False
    results.update(total_frames=results['keypoint'].shape[1], test_mode=True)
    pipeline = [
        {'type': 'PreNormalize2D' if layout == 'coco' else 'PreNormalize3D'},
        {'type': 'GenSkeFeat', 'dataset': layout, 'feats': FEATS[feats]},
        {'type': 'UniformSample', 'clip_len': 100, 'num_clips': num_clips},
        {'type': 'PoseDecode'},
        {'type': 'FormatGCNInput', 'num_person': 2},
    ]
    return Compose(pipeline)(results)['keypoint']


def test_the_golden_file_covers_layouts_streams_and_clips():
    assert {tuple(key.split('/')[1:4]) for key in CASES} == {
        (layout, feats, clips)
        for layout in ('coco', 'nturgb+d')
        for feats, clips in [(f, '1') for f in FEATS] + [(f, '10') for f in FEATS if f != 'jb']
    }


@pytest.mark.parametrize('key', CASES)
def test_pipeline_gives_the_published_array(key):
    kind, layout, feats, num_clips, name = key.split('/')
    found, expected = run(layout, feats, int(num_clips), name), GOLDEN[key]
    assert found.dtype == np.float32
    if kind == 'out' and num_clips == '1':
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-4
        return
    found = found.astype(np.float64)
    sums = np.stack([found.sum((1, 3, 4)), np.abs(found).sum((1, 3, 4))])
    assert sums.shape == expected.shape
    assert np.abs(sums - expected).max() < 1e-4
