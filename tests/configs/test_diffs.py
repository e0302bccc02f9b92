"""A config is a diff: few lines, none of which its base has too."""

from pathlib import Path

from mmengine.config import Config

from tests.configs.tree import FILES, LEAVES, STREAMS, statements


def test_a_stream_config_adds_one_line_to_its_joint_config():
    for name, path in LEAVES.items():
        if Path(name).stem in STREAMS[1:]:
            assert statements(path) == {'_base_': './j.py', 'modality': Path(name).stem}, name
            assert len(path.read_text().splitlines()) == 4, name


def test_a_joint_config_has_at_most_16_lines():
    assert max(len(path.read_text().splitlines()) for path in LEAVES.values()) <= 16


def test_a_joint_config_takes_layout_and_sizes_from_its_fragments():
    named = ('layout', 'num_joints', 'num_person', 'num_classes', 'progressive_joint_seq=[17]')
    first = {name: path for name, path in LEAVES.items() if 'd6' not in name and 'tod' not in name}
    assert not [name for name, path in first.items() if any(word in path.read_text() for word in named)]


def restated(own: dict, inherited: dict, prefix: str = '') -> list[str]:
    """Keys of ``own`` that have the same value in ``inherited``."""
    keys = []
    for key, value in own.items():
        if key in inherited and isinstance(value, dict) and isinstance(inherited[key], dict):
            keys += restated(value, inherited[key], f'{prefix}{key}.')
        elif key in inherited and inherited[key] == value:
            keys.append(prefix + key)
    return keys


def test_restated_returns_keys_of_equal_value_only():
    base = {'optimizer': {'lr': 0.1, 'momentum': 0.9}, 'total_epochs': 16}
    assert restated({'optimizer': {'lr': 0.05}, 'modality': 'b'}, base) == []
    assert restated({'optimizer': {'lr': 0.05, 'momentum': 0.9}, 'total_epochs': 16}, base) == [
        'optimizer.momentum',
        'total_epochs',
    ]


def test_no_file_restates_its_base():
    resolved: dict[Path, dict] = {}
    problems = []
    for name, path in FILES.items():
        own = statements(path)
        bases = own.pop('_base_', [])
        inherited: dict[str, object] = {}
        for base in [bases] if isinstance(bases, str) else bases:
            base = (path.parent / base).resolve()
            if base not in resolved:
                resolved[base] = Config.fromfile(base).to_dict()
            inherited.update(resolved[base])  # bases share no key: mmengine raises if they do
        problems += [f'{name}: {key}' for key in restated(own, inherited)]
    assert not problems, problems
