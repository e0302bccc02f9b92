"""The keys of a config, by whose they are."""

from pyskl.engine.config.keys import DATA_KEYS, KNOWN_KEYS, MMENGINE_KEYS, OUR_KEYS, PYSKL_KEYS, SECTION_KEYS
from pyskl.engine.config.values import VALUES


def test_a_key_is_of_one_toolbox():
    assert len(KNOWN_KEYS) == len(PYSKL_KEYS) + len(OUR_KEYS) + len(MMENGINE_KEYS)


def test_every_checked_value_is_of_a_known_key():
    assert {key.split('.')[0] for key in VALUES} <= KNOWN_KEYS
    below = {tuple(key.split('.')[:2]) for key in VALUES if '.' in key}
    assert not {(key, name) for key, name in below if key in SECTION_KEYS and name not in SECTION_KEYS[key]}


def test_the_sections_of_data_are_its_phases_and_their_loaders():
    for phase in ('train', 'val', 'test'):
        assert {phase, f'{phase}_dataloader'} <= DATA_KEYS
