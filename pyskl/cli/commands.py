"""The commands of ``pyskl``. Each is a module with a ``main``, imported only when its command is called."""

import difflib
import importlib.util
from typing import NamedTuple


class Command(NamedTuple):
    """One command.

    Args:
        name: As typed after ``pyskl``; commands of data sets begin with ``data``.
        module: Below ``pyskl.cli``.
        group: The heading in the help.
        help: One line.
    """

    name: str
    module: str
    group: str
    help: str

    @property
    def path(self) -> str:
        """The full name of the module."""
        return f'pyskl.cli.{self.module}'


COMMANDS = (
    Command('train', 'train', 'train and test', 'train a recognizer from a config'),
    Command('test', 'test', 'train and test', 'test a checkpoint'),
    Command('progressive', 'progressive', 'train and test', 'train Ske2Grid grid by grid'),
    Command('fuse', 'fuse', 'train and test', 'fuse the scores of several streams'),
    Command('launch', 'launch', 'train and test', 'run a command on several GPUs or processes'),
    Command('table', 'table', 'train and test', 'train over several seeds: mean and deviation'),
    Command('runs', 'runs', 'look', 'list runs with their best and last results'),
    Command('report', 'report', 'look', 'write one HTML page about one or more runs'),
    Command('curves', 'curves', 'look', 'plot loss, accuracy and rate of runs'),
    Command('confusion', 'confusion', 'look', 'plot a confusion matrix'),
    Command('grid', 'grid', 'look', 'draw the grid of a Ske2Grid'),
    Command('response', 'response', 'look', 'draw which joints a network responds to'),
    Command('models', 'models', 'look', 'list models: size, accuracy, published weights'),
    Command('flops', 'get_flops', 'look', 'count parameters and multiply-accumulates'),
    Command('predict', 'predict', 'use', 'label a video, a camera or a keypoint stream'),
    Command('demo', 'demo', 'use', 'open a page in the browser to try a model'),
    Command('calibrate', 'calibrate', 'use', 'fit temperature and threshold on a split'),
    Command('export', 'export', 'use', 'write an ONNX file'),
    Command('convert', 'convert_checkpoint', 'use', "read another toolbox's checkpoint, write ours"),
    Command('check', 'data.check', 'data', 'report what is wrong in a data file'),
    Command('browse', 'data.browse', 'data', 'draw clips of a data file'),
    Command('pack', 'data.pack', 'data', 'write a data file as a store that exceeds memory'),
)
DATA_COMMANDS = (
    Command('synthetic', 'data.synthetic', 'data', 'the bundled clips'),
    Command('ntu', 'data.ntu', 'data', 'NTU RGB+D 60 and 120 from .skeleton files'),
    Command('ntu-npz', 'data.ntu_npz', 'data', 'CTR-GCN style .npz of NTU RGB+D'),
    Command('nwucla', 'data.nwucla', 'data', 'NW-UCLA from JSON'),
    Command('kinetics-skeleton', 'data.kinetics_skeleton', 'data', 'Kinetics-skeleton from OpenPose JSON'),
    Command('k400', 'data.k400', 'data', "Kinetics-400 from PYSKL's kpfiles"),
    Command('from-keypoints', 'data.from_keypoints', 'data', 'keypoint JSON of a pose estimator'),
    Command('from-videos', 'data.from_videos', 'data', 'videos'),
    Command('from-arrays', 'data.from_arrays', 'data', 'arrays: .npy, .npz, .mat, .json, .csv'),
    Command('merge', 'data.merge', 'data', 'join the shards of several machines'),
    Command('check', 'data.check', 'data', 'report what is wrong in a data file'),
    Command('browse', 'data.browse', 'data', 'draw clips of a data file'),
    Command('pack', 'data.pack', 'data', 'write a data file as a store that exceeds memory'),
)


def available(commands: tuple[Command, ...] = COMMANDS) -> dict[str, Command]:
    """Name -> command, of those whose module exists."""
    return {command.name: command for command in commands if importlib.util.find_spec(command.path)}


def split(words: list[str]) -> tuple[str, str, list[str]]:
    """``['data', 'ntu', '--out', 'x']`` -> ``('data ntu', 'pyskl.cli.data.ntu', ['--out', 'x'])``.

    Raises:
        ValueError: If there is no such command; names the nearest.
    """
    table, prefix = (DATA_COMMANDS, 'data ') if words[0] == 'data' and len(words) > 1 else (COMMANDS, '')
    known, words = available(table), words[1:] if prefix else words
    name = words[0].replace('_', '-')
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean {f"pyskl {prefix}{near[0]}"!r}?' if near else f'`pyskl {prefix}--help` lists them'
        raise ValueError(f'pyskl has no command {prefix + words[0]!r}; {hint}')
    return f'{prefix}{name}', known[name].path, words[1:]
