"""``.skeleton`` files of NTU RGB+D in the exact format: spacing, CRLF, seven digits, ids of 17 digits."""

import numpy as np

FIRST_ID = 72057594037931101  # from the first published file; neighbouring integers are the same float64


def person(frames, seed=0, jitter=0.05):
    """``(F, 25, 3)`` float32, metres: upright, 0.4 wide and 1.7 high, walking."""
    random = np.random.RandomState(seed)
    pose = random.uniform(-1, 1, (25, 3)) * [0.2, 0.85, 0.1] + [0, 0, 3]
    pose[:2, 1] = -0.85, 0.85
    walk = np.arange(frames)[:, None, None] * [0.01, 0, 0] + random.standard_normal((frames, 25, 3)) * jitter * 0.1
    return np.array([[f'{x:.7g}' for x in row] for row in (pose + walk).reshape(-1, 3)], np.float32).reshape(-1, 25, 3)


def skeleton_text(frames):
    """A file with bodies ``frames[t]``, a list of (id, ``(25, 3)``), in frame ``t``."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for number, joints in bodies:
            lines += [f'{number} 0 1 1 1 1 0 0.02764709 0.05745083 2', '25']
            for x, y, z in joints:
                lines.append(f'{x:.7g} {y:.7g} {z:.7g} 277.8457 191.3611 1036.297 519.1677 -0.2228872 0.9 -1E-05 0.3 2')
    return ('\r\n'.join(lines) + '\r\n').encode()


def clip_text(frames=20, bodies=1, seed=0):
    """A clip of ``bodies`` people who are visible in all frames."""
    people = [person(frames, seed + i) for i in range(bodies)]
    return skeleton_text([[(FIRST_ID + i, joints[t]) for i, joints in enumerate(people)] for t in range(frames)])
