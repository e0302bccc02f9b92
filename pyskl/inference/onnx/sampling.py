"""Which frames a test pipeline samples, as a graph for any number of frames.

In test mode a sampler seeds NumPy's legacy generator, a Mersenne twister, so it always reads the same 32-bit words.
They are a constant of the graph, which reads them as NumPy does: ``rand`` reads two words; a whole number from 0 to
``most`` is the next word that is at most ``most`` when cut to as many bits.

Axes: ``T`` frames of the clip, ``L`` frames that are sampled from it, ``S`` clips, ``W`` words.
"""

import numpy as np

from pyskl.datasets.pipelines.sampling import UniformSampleDecode, UniformSampleFrames
from pyskl.datasets.pipelines.temporal_resize import CropResize
from pyskl.inference.onnx.graph import BOOL, DOUBLE, FLOAT, INT, Graph, doubles, ints

POWERS = 2 ** np.arange(32, dtype=np.int64)
RAND = 2  # words of a random.rand()


def generator_words(seed: int, number: int) -> np.ndarray:
    """The first ``(W,)`` words of ``np.random.RandomState(seed)``, as int64."""
    return np.random.RandomState(seed).randint(0, 1 << 32, number, dtype=np.uint32).astype(np.int64)


def _candidates(graph: Graph, words: np.ndarray, most: str) -> tuple[str, str]:
    """For each place in ``words``: the place from which a number in ``[0, most]`` is read, and the number that the word
    of each place would give; ``(W,)`` each. ``most`` is ``(1,)``.
    """
    bits = graph('Where', graph('LessOrEqual', POWERS, most), POWERS, ints(0))
    number = graph('BitwiseAnd', words, graph('ReduceSum', bits, ints(0), keepdims=1))
    accepted = graph('LessOrEqual', number, most)
    places = graph('Squeeze', graph('NonZero', accepted), ints(0))
    places = graph('Concat', places, ints(len(words) - 1), axis=0)  # none follows the last one
    rank = graph('CumSum', graph.cast(accepted, INT), np.array(0, np.int64), exclusive=1)
    return graph('Gather', places, rank), number


def _number_of_words(numbers: int, rands: int) -> int:
    # A word is accepted with a probability of at least 1/2, so on average at most twice as many words are needed.
    return RAND * rands + 4 * numbers + 64


def uniform_clips(graph: Graph, frames: str, sampler: UniformSampleFrames | UniformSampleDecode) -> str:
    """``(S * L,)`` frames that ``sampler`` selects from a clip of ``frames`` ``(1,)`` frames."""
    length = ints(sampler.clip_len)
    short = _wrapping if isinstance(sampler, UniformSampleFrames) else _wrapping_at_random
    return graph.branch(
        graph('Less', frames, length),
        lambda inner: short(inner, frames, sampler),
        lambda inner: inner.branch(
            inner('Less', frames, 2 * length),
            lambda deeper: _skipping(deeper, frames, sampler),
            lambda deeper: _one_per_segment(deeper, frames, sampler),
            INT,
        ),
        INT,
    )


def _wrapping(graph: Graph, frames: str, sampler: UniformSampleFrames) -> str:
    """T < L: all frames from evenly spaced starts, again and again."""
    clips, numbers = ints(sampler.num_clips), np.arange(sampler.num_clips)
    spaced = graph('Div', graph('Mul', numbers, frames), clips)
    starts = graph('Where', graph('Less', frames, clips), numbers, spaced)
    return _from_starts(graph, starts, frames, sampler.clip_len)


def _wrapping_at_random(graph: Graph, frames: str, sampler: UniformSampleDecode) -> str:
    """T < L: all frames from random starts, again and again."""
    words = generator_words(sampler.seed, _number_of_words(sampler.num_clips, sampler.num_clips))
    places, numbers = _candidates(graph, words, graph('Sub', frames, ints(1)))
    place, starts = ints(0), []
    for _ in range(sampler.num_clips):
        found = graph('Gather', places, graph('Add', place, ints(RAND)))
        starts.append(graph('Gather', numbers, found))
        place = graph('Add', found, ints(1))
    return _from_starts(graph, graph('Concat', *starts, axis=0), frames, sampler.clip_len)


def _from_starts(graph: Graph, starts: str, frames: str, length: int) -> str:
    places = graph('Add', graph('Unsqueeze', starts, ints(1)), np.arange(length))
    return graph('Reshape', graph('Mod', places, frames), ints(-1))


def _skipping(graph: Graph, frames: str, sampler: UniformSampleFrames | UniformSampleDecode) -> str:
    """L <= T < 2 L: consecutive frames, but for T - L of them, each after another of the L + 1 places."""
    length, random = sampler.clip_len, np.random.RandomState(sampler.seed)
    ranks = []
    for _ in range(sampler.num_clips):
        random.rand()
        ranks.append(random.permutation(length + 1).argsort())
    skipped = graph.cast(graph('Less', np.array(ranks), graph('Sub', frames, ints(length))), INT)  # (S, L + 1)
    skipped = graph('CumSum', graph.slice(skipped, ints(0), ints(length), 1), np.array(1, np.int64))
    return graph('Reshape', graph('Add', skipped, np.arange(length)), ints(-1))


def _one_per_segment(graph: Graph, frames: str, sampler: UniformSampleFrames | UniformSampleDecode) -> str:
    """T >= 2 L: a random frame of each of L segments, whose sizes are T // L or one more."""
    length, clips = sampler.clip_len, sampler.num_clips
    words = generator_words(sampler.seed, _number_of_words(length * clips, clips))
    edges = graph('Div', graph('Mul', np.arange(length + 1), frames), ints(length))
    starts = graph.slice(edges, ints(0), ints(length), 0)
    least = graph('Div', frames, ints(length))
    large = graph('Greater', graph('Sub', graph.slice(edges, ints(1), ints(length + 1), 0), starts), least)  # (L,)
    found = [_candidates(graph, words, most) for most in (graph('Sub', least, ints(1)), least)]
    places, numbers = (graph('Concat', *both, axis=0) for both in zip(*found, strict=True))  # (2 * W,)
    table = graph('Mul', graph.cast(large, INT), ints(len(words)))  # start of the table for a segment size
    first = ints(*[RAND] + [0] * (length - 1))
    table, offsets = (graph('Tile', x, ints(clips)) for x in (table, graph('Add', table, first)))

    def step(inner: Graph, place: str, offset: str) -> tuple[str, str]:
        place = inner('Gather', places, inner('Add', place, offset))
        return inner('Add', place, np.array(1, np.int64)), place

    read = graph.scan(step, np.array(0, np.int64), offsets)  # places of words, (S * L,)
    return graph('Add', graph('Tile', starts, ints(clips)), graph('Gather', numbers, graph('Add', read, table)))


def even_frames(graph: Graph, frames: str, length: int) -> str:
    """``(L,)`` frames in equal steps from the first to the last of ``frames`` ``(1,)``, rounded down."""
    last = graph('Sub', frames, ints(1))
    if length == 1:
        return graph('Mul', last, ints(0))
    step = graph('Div', graph.cast(last, DOUBLE), doubles(length - 1))
    places = graph.cast(graph('Mul', np.arange(length - 1.0), step), INT)
    return graph('Concat', places, last, axis=0)


def padding_frames(graph: Graph, frames: str, length: int) -> tuple[str, str]:
    """``(L,)`` frames of a clip that is repeated, and whether they are of the clip itself."""
    places = np.arange(length)
    return graph('Mod', places, frames), graph('Less', places, frames)


def resized(graph: Graph, keypoint: str, transform: CropResize) -> str:
    """``(M, T, V, C)`` -> ``(M, L, V, C)``: the central part on straight lines between frames."""
    length = transform.clip_len
    whole = graph.size(keypoint, 1)
    filled = graph('ReduceMax', graph('Abs', keypoint), ints(0, 2, 3), keepdims=0)  # (T,)
    filled = graph('ReduceSum', graph.cast(graph.cast(filled, BOOL), INT), ints(0), keepdims=1)
    frames = graph('Where', graph('Greater', filled, ints(0)), filled, whole)
    cut = graph('Mul', doubles(1 - transform.p_interval[0]), graph.cast(frames, DOUBLE))
    cut = graph.cast(graph('Div', cut, doubles(2)), INT)
    frames = graph('Sub', frames, graph('Mul', cut, ints(2)))
    last = graph('Sub', frames, ints(1))
    rate = graph('Div', graph.cast(frames, DOUBLE), doubles(length))
    place = graph('Sub', graph('Mul', np.arange(length) + 0.5, rate), doubles(0.5))
    place = graph('Min', graph('Max', place, doubles(0)), graph.cast(last, DOUBLE))
    before = graph.cast(place, INT)
    after = graph('Min', graph('Add', before, ints(1)), last)
    share = graph.cast(graph('Sub', place, graph.cast(before, DOUBLE)), FLOAT)
    first, second = (graph('Gather', keypoint, graph('Add', cut, x), axis=1) for x in (before, after))
    step = graph('Mul', graph('Sub', second, first), graph('Unsqueeze', share, ints(1, 2)))
    return graph('Add', first, step)
