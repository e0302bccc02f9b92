"""A config is a diff: few lines, and none that its base says too."""

from pathlib import Path

from mmengine.config import Config

from tests.configs.tree import FILES, LEAVES, STREAMS, statements


def test_a_stream_is_its_joint_config_and_one_line():
    for name, path in LEAVES.items():
        if Path(name).stem in STREAMS[1:]:
            assert statements(path) == {'_base_': './j.py', 'modality': Path(name).stem}, name
            assert len(path.read_text().splitlines()) == 4, name


def test_a_joint_config_has_few_lines():
    assert max(len(path.read_text().splitlines()) for path in LEAVES.values()) <= 16


def test_a_joint_config_leaves_the_sizes_to_its_fragments():
    named = ('layout', 'num_joints', 'num_person', 'num_classes', 'progressive_joint_seq=[17]')
    first = {name: path for name, path in LEAVES.items() if 'd6' not in name and 'tod' not in name}
    assert not [name for name, path in first.items() if any(word in path.read_text() for word in named)]


def restated(said: dict, inherited: dict, prefix: str = '') -> list[str]:
    """Keys of ``said`` that ``inherited`` holds with the same value."""
    found = []
    for key, value in said.items():
        if key in inherited and isinstance(value, dict) and isinstance(inherited[key], dict):
            found += restated(value, inherited[key], f'{prefix}{key}.')
        elif key in inherited and inherited[key] == value:
            found.append(prefix + key)
    return found


def test_restated_finds_an_equal_value_and_no_other():
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
        said = statements(path)
        bases = said.pop('_base_', [])
        inherited: dict[str, object] = {}
        for base in [bases] if isinstance(bases, str) else bases:
            base = (path.parent / base).resolve()
            if base not in resolved:
                resolved[base] = Config.fromfile(base).to_dict()
            inherited.update(resolved[base])  # bases share no key: mmengine refuses those that do
        problems += [f'{name}: {key}' for key in restated(said, inherited)]
    assert not problems, problems
