"""List of the commands of ``pyskl``: modules with a ``main``, which are imported when the command is called."""

import difflib
import importlib.util
from typing import NamedTuple


class Command(NamedTuple):
    """A command.

    Args:
        name: Name after ``pyskl`` or ``pyskl data``.
        module: Module below ``pyskl.cli``.
        group: Heading in the help.
        help: One line of help.
    """

    name: str
    module: str
    group: str
    help: str

    @property
    def path(self) -> str:
        """Full name of the module."""
        return f'pyskl.cli.{self.module}'


COMMANDS = (
    Command('train', 'train', 'train and test', 'train a recognizer from a config'),
    Command('test', 'test', 'train and test', 'test a checkpoint'),
    Command('progressive', 'progressive', 'train and test', 'train Ske2Grid grid by grid'),
    Command('fuse', 'fuse', 'train and test', 'fuse the scores of several streams'),
    Command('launch', 'launch', 'train and test', 'run a command on several GPUs or processes'),
    Command('table', 'table', 'train and test', 'train with several seeds, report mean and deviation'),
    Command('runs', 'runs', 'inspect', 'list runs with their best and last results'),
    Command('report', 'report', 'inspect', 'write an HTML report about one or more runs'),
    Command('curves', 'curves', 'inspect', 'plot loss, accuracy and learning rate of runs'),
    Command('confusion', 'confusion', 'inspect', 'plot a confusion matrix'),
    Command('grid', 'grid', 'inspect', 'draw the grid of a Ske2Grid'),
    Command('response', 'response', 'inspect', 'draw which joints a network responds to'),
    Command('models', 'models', 'inspect', 'list models: size, accuracy, published weights'),
    Command('flops', 'get_flops', 'inspect', 'count parameters and multiply-accumulates'),
    Command('predict', 'predict', 'use', 'label a video, a camera or a keypoint stream'),
    Command('demo', 'demo', 'use', 'try a model in the browser'),
    Command('calibrate', 'calibrate', 'use', 'fit temperature and threshold on a split'),
    Command('export', 'export', 'use', 'export a network to ONNX'),
    Command('convert', 'convert_checkpoint', 'use', 'convert a checkpoint of another toolbox'),
    Command('check', 'data.check', 'data', 'report problems in a data file'),
    Command('browse', 'data.browse', 'data', 'draw clips of a data file'),
    Command('pack', 'data.pack', 'data', 'write data larger than memory as one store file'),
)
DATA_COMMANDS = (
    Command('synthetic', 'data.synthetic', 'data', 'synthetic clips, without download'),
    Command('scene', 'data.scene', 'data', 'keypoints of a synthetic film for pyskl predict'),
    Command('ntu', 'data.ntu', 'data', 'NTU RGB+D 60 and 120 from .skeleton files'),
    Command('ntu-npz', 'data.ntu_npz', 'data', "CTR-GCN's .npz files of NTU RGB+D, from the pickle"),
    Command('nwucla', 'data.nwucla', 'data', 'NW-UCLA from JSON'),
    Command('kinetics-skeleton', 'data.kinetics_skeleton', 'data', 'Kinetics-skeleton from OpenPose JSON'),
    Command('k400', 'data.k400', 'data', "Kinetics-400 from PYSKL's kpfiles"),
    Command('from-keypoints', 'data.from_keypoints', 'data', 'keypoint JSON of a pose estimator'),
    Command('from-videos', 'data.from_videos', 'data', 'videos, by pose estimation and tracking'),
    Command('from-arrays', 'data.from_arrays', 'data', 'arrays: .npy, .npz, .mat, .json, .csv'),
    Command('merge', 'data.merge', 'data', 'merge the shards of several machines'),
    Command('check', 'data.check', 'data', 'report problems in a data file'),
    Command('browse', 'data.browse', 'data', 'draw clips of a data file'),
    Command('pack', 'data.pack', 'data', 'write data larger than memory as one store file'),
)


def available(commands: tuple[Command, ...] = COMMANDS) -> dict[str, Command]:
    """Map names to commands, for those whose module exists."""
    return {command.name: command for command in commands if importlib.util.find_spec(command.path)}


def split(words: list[str]) -> tuple[str, str, list[str]]:
    """Split ``['data', 'ntu', '--out', 'x']`` into ``('data ntu', 'pyskl.cli.data.ntu', ['--out', 'x'])``.

    Raises:
        ValueError: If there is no such command; suggests a similar one.
    """
    table, prefix = (DATA_COMMANDS, 'data ') if words[0] == 'data' and len(words) > 1 else (COMMANDS, '')
    known, words = available(table), words[1:] if prefix else words
    name = words[0].replace('_', '-')
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean {f"pyskl {prefix}{near[0]}"!r}?' if near else f'`pyskl {prefix}--help` lists all commands'
        raise ValueError(f'pyskl has no command {prefix + words[0]!r}; {hint}')
    return f'{prefix}{name}', known[name].path, words[1:]
