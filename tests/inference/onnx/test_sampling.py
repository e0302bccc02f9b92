"""Graphs sample the frames of the samplers in test mode, for any number of frames."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.datasets.pipelines.ctrgcn_nwucla import spread_frames  # noqa: E402
from pyskl.datasets.pipelines.sampling import UniformSampleDecode, UniformSampleFrames  # noqa: E402
from pyskl.datasets.pipelines.source_frames import source_frames  # noqa: E402
from pyskl.inference.onnx.graph import INT, Graph, ints  # noqa: E402
from pyskl.inference.onnx.sampling import even_frames, generator_words, uniform_clips  # noqa: E402
from tests.inference.onnx.graphs import session  # noqa: E402


def frames_of(write):
    """A function of ``n``: the frames that the graph of ``write(graph, 'n')`` samples from ``n`` frames."""
    graph = Graph()
    run = session(graph, {'n': (INT, (1,))}, write(graph, 'n'), INT)
    return lambda number: run(n=ints(number)).tolist()


def test_generator_words_are_those_of_the_mersenne_twister():
    first, second = generator_words(255, 2).tolist()
    # rand() combines the upper 27 and 26 bits of two words.
    assert np.random.RandomState(255).rand() == ((first >> 5) * 2**26 + (second >> 6)) / 2**53


@pytest.mark.parametrize('clip_len, num_clips, seed', [(10, 10, 255), (16, 1, 255), (7, 3, 0), (1, 4, 255)])
def test_uniform_sample_graphs_give_the_frames_of_the_sampler(clip_len, num_clips, seed):
    sampler = UniformSampleFrames(clip_len, num_clips, seed=seed)
    frames = frames_of(lambda graph, n: uniform_clips(graph, n, sampler))
    # Wrapped, skipped and one frame per segment; segments near powers of two, where the number of random bits changes.
    numbers = {
        *range(1, 5 * clip_len + 3),
        *(clip_len * 2**power + more for power in (3, 4, 10) for more in (-1, 0, 1, 3)),
    }
    for number in sorted(numbers):
        record = {'keypoint': np.empty((1, number, 1, 2)), 'test_mode': True}
        assert frames(number) == sampler.transform(record)['frame_inds'].tolist(), number


@pytest.mark.parametrize('clip_len, num_clips', [(10, 10), (16, 1)])
def test_uniform_sample_decode_graphs_give_the_frames_of_the_sampler(clip_len, num_clips):
    sampler = UniformSampleDecode(clip_len, num_clips)
    frames = frames_of(lambda graph, n: uniform_clips(graph, n, sampler))
    for number in (*range(1, clip_len + 2), 2 * clip_len - 1, 2 * clip_len, 3 * clip_len + 1, 8 * clip_len + 1):
        record = {'keypoint': np.ones((1, number, 1, 2), np.float32), 'test_mode': True}
        assert frames(number) == source_frames(sampler, record).tolist(), number


@pytest.mark.parametrize('length', [1, 2, 52])
def test_even_frames_graphs_give_the_frames_of_spread_frames(length):
    frames = frames_of(lambda graph, n: even_frames(graph, n, length))
    for number in (1, 2, 3, 29, 52, 53, 105, 1000):
        assert frames(number) == spread_frames(number, length).tolist()


def test_frames_of_short_and_long_clips_by_hand():
    frames = frames_of(lambda graph, n: even_frames(graph, n, 3))
    assert frames(11) == [0, 5, 10]
    wrapped = frames_of(lambda graph, n: uniform_clips(graph, n, UniformSampleFrames(4, 2)))
    assert wrapped(3) == [0, 1, 2, 0, 1, 2, 0, 1]  # two clips that start at frames 0 and 1 (3 // 2)
