"""Ten actions, defined by joint angles over time.

They share poses and differ in motion: raising a hand is lowering it in reverse, standing up is sitting down in
reverse, squatting repeats the same poses; clapping and punching hold the arms the same way and move them together or
alternately; walking and kicking lift the legs alternately, with a bent or a straight knee. Speed, phase, amplitude,
side and posture are sampled.
"""

from collections.abc import Callable

import numpy as np

from pyskl.synthetic.body import SEGMENTS, Angles

SIDES = ('left', 'right')


def _radians(*degrees: float | np.ndarray) -> np.ndarray:
    """Numbers or ``(T,)`` arrays of degrees -> ``(3,)`` or ``(T, 3)`` radians."""
    return np.deg2rad(np.stack(np.broadcast_arrays(*degrees), axis=-1))


def _phase(rng: np.random.RandomState, frames: int, fewest: float, most: float) -> np.ndarray:
    """``(T,)`` radians: ``fewest`` to ``most`` periods over the clip from a random start, at a slightly uneven rate."""
    time = np.linspace(0, 1, frames)
    unevenness = rng.uniform(0, 0.15) * np.sin(2 * np.pi * (time + rng.rand())) / (2 * np.pi)
    return 2 * np.pi * (rng.rand() + rng.uniform(fewest, most) * (time + unevenness))


def _ramp(rng: np.random.RandomState, frames: int) -> np.ndarray:
    """``(T,)``: 0, a smooth rise, 1; the rise starts and ends at random times."""
    start = rng.uniform(0.05, 0.5)
    end = start + rng.uniform(0.3, 0.45)
    x = np.clip((np.linspace(0, 1, frames) - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def _sway(rng: np.random.RandomState, frames: int, degrees: float) -> np.ndarray:
    """``(T, 3)`` radians: slow idle motion about each axis."""
    time = np.linspace(0, 2 * np.pi, frames)[:, None]
    return np.deg2rad(rng.uniform(0, degrees, 3)) * np.sin(rng.uniform(0.3, 1.2, 3) * time + rng.uniform(0, 6.28, 3))


def stand(rng: np.random.RandomState, frames: int) -> Angles:
    """Angles of standing at ease: segment -> ``(T, 3)``."""
    angles = {segment: np.zeros((frames, 3)) for segment in SEGMENTS}
    angles['pelvis'] += _sway(rng, frames, 2)
    angles['chest'] += _radians(rng.normal(2, 4), rng.normal(0, 2), rng.normal(0, 5)) + _sway(rng, frames, 3)
    angles['head'] += _radians(rng.normal(5, 7), rng.normal(0, 3), rng.normal(0, 12)) + _sway(rng, frames, 5)
    for side in SIDES:
        angles[f'{side}_arm'] += _radians(rng.normal(0, 6), rng.uniform(4, 16), rng.normal(10, 10))
        angles[f'{side}_arm'] += _sway(rng, frames, 4)
        angles[f'{side}_forearm'] += _radians(rng.uniform(5, 35), 0, 0) + _sway(rng, frames, 4)
        angles[f'{side}_thigh'] += _radians(0, rng.uniform(0, 8), 0)
    return angles


def _raised_arm(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Upper arm and forearm of a hand held up beside the head, ``(3,)`` each."""
    return _radians(rng.normal(10, 10), rng.uniform(80, 130), rng.uniform(-100, -70)), _radians(
        rng.uniform(35, 85), 0, 0
    )


def wave(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """One hand held up, swinging sideways."""
    angles, side = stand(rng, frames), SIDES[rng.randint(2)]
    arm, forearm = _raised_arm(rng)
    swing = strength * np.sin(_phase(rng, frames, 1.5, 3.0))
    angles[f'{side}_arm'][:] = arm + _radians(0, -20 * swing, 0) + _sway(rng, frames, 6)
    angles[f'{side}_forearm'][:] = forearm + _radians(40 * swing, 0, 0)
    return angles


def _lift_arm(rng: np.random.RandomState, frames: int, lifted: np.ndarray) -> Angles:
    """``lifted`` ``(T,)``: 0 hanging, 1 up beside the head."""
    angles, side = stand(rng, frames), SIDES[rng.randint(2)]
    for segment, up in zip(('arm', 'forearm'), _raised_arm(rng), strict=True):
        hanging = angles[f'{side}_{segment}']
        hanging += lifted[:, None] * (up - hanging)
    return angles


def raise_hand(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """One hand goes up and stays there."""
    return _lift_arm(rng, frames, min(strength, 1.0) * _ramp(rng, frames))


def lower_hand(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """One hand comes down and stays there."""
    return _lift_arm(rng, frames, min(strength, 1.0) * (1 - _ramp(rng, frames)))


def clap(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """Both hands in front of the chest, moving together and apart."""
    angles = stand(rng, frames)
    flexion, elbow, inwards = rng.uniform(45, 65), rng.uniform(50, 75), rng.uniform(20, 30)
    apart = strength * (0.5 + 0.5 * np.sin(_phase(rng, frames, 1.5, 3.0)))
    for side in SIDES:
        angles[f'{side}_arm'][:] = _radians(flexion, 55 * apart, inwards - 50 * apart) + _sway(rng, frames, 2)
        angles[f'{side}_forearm'][:] = _radians(elbow, 0, 0) + _sway(rng, frames, 2)
    return angles


def punch(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """Both fists in front of the chest, thrust forwards alternately."""
    angles = stand(rng, frames)
    flexion, elbow = rng.uniform(45, 65), rng.uniform(55, 75)
    swing = strength * np.sin(_phase(rng, frames, 1.5, 3.0))
    angles['chest'] += _radians(0, 0, 12 * swing)
    for side, forwards in zip(SIDES, (swing, -swing), strict=True):
        angles[f'{side}_arm'][:] = _radians(flexion + 42 * forwards, 25, rng.uniform(-5, 5)) + _sway(rng, frames, 3)
        angles[f'{side}_forearm'][:] = _radians(elbow - 45 * forwards, 0, 0)
    return angles


def _crouch(rng: np.random.RandomState, frames: int, depth: np.ndarray) -> Angles:
    """``depth`` ``(T,)``: 0 standing, 1 thighs about level."""
    angles = stand(rng, frames)
    thigh, lean, reach = rng.uniform(75, 95) * depth, rng.uniform(15, 40), rng.uniform(0, 60)
    knee = rng.uniform(1.1, 1.25) * thigh
    # Between standing and sitting the trunk leans most; deep down it is upright again.
    angles['chest'] += _radians(lean * np.sin(np.pi * np.clip(depth, 0, 1) ** 1.5 * 0.85), 0, 0)
    for side in SIDES:
        angles[f'{side}_thigh'] += _radians(thigh, 6 * depth, 0)
        angles[f'{side}_shank'] += _radians(knee, 0, 0)
        angles[f'{side}_foot'] += _radians(knee - thigh, 0, 0)
        angles[f'{side}_arm'] += _radians(reach * depth, 0, 0)
    return angles


def squat(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """Down and up, repeatedly."""
    return _crouch(rng, frames, strength * (0.5 + 0.5 * np.sin(_phase(rng, frames, 1.4, 2.6))))


def sit_down(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """From standing to sitting."""
    return _crouch(rng, frames, strength * _ramp(rng, frames))


def stand_up(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """From sitting to standing."""
    return _crouch(rng, frames, strength * (1 - _ramp(rng, frames)))


def walk(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """On the spot: the legs alternate, each arm swings with the opposite leg."""
    angles, step = stand(rng, frames), np.sin(_phase(rng, frames, 1.5, 3.0))
    lift, swing = strength * rng.uniform(60, 85), rng.uniform(20, 40)
    for side, forwards in zip(SIDES, (step, -step), strict=True):
        up = np.clip(forwards, 0, None)
        angles[f'{side}_thigh'] += _radians(lift * up, 0, 0)
        angles[f'{side}_shank'] += _radians(1.4 * lift * up, 0, 0)
        angles[f'{side}_arm'] += _radians(-swing * forwards, 0, 0)
    return angles


def kick(rng: np.random.RandomState, frames: int, strength: float) -> Angles:
    """The legs alternate: back with a bent knee, then stretched forwards."""
    angles, phase = stand(rng, frames), _phase(rng, frames, 1.5, 3.0)
    lift, bend, balance = strength * rng.uniform(70, 95), strength * rng.uniform(70, 90), rng.uniform(0, 15)
    for side, start in zip(SIDES, (0, np.pi), strict=True):
        # The knee bends before the thigh comes forwards, and is straight when it is up.
        up, bent = np.clip(np.sin(phase + start), 0, None), np.clip(np.sin(phase + start + 1.1), 0, None)
        angles[f'{side}_thigh'] += _radians(lift * up - 15 * bent, 0, 0)
        angles[f'{side}_shank'] += _radians(bend * bent * (1 - up), 0, 0)
        angles[f'{side}_arm'] += _radians(0, balance, 0)
    return angles


ACTIONS: dict[str, Callable[[np.random.RandomState, int, float], Angles]] = {
    'wave': wave,
    'raise hand': raise_hand,
    'lower hand': lower_hand,
    'clap': clap,
    'punch': punch,
    'squat': squat,
    'sit down': sit_down,
    'stand up': stand_up,
    'walk': walk,
    'kick': kick,
}
PLANTED = ('squat', 'sit down', 'stand up')  # both feet stay in place
