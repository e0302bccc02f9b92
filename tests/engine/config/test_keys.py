"""The lists of config keys are consistent."""

from pyskl.engine.config.keys import DATA_KEYS, KNOWN_KEYS, MMENGINE_KEYS, OUR_KEYS, PYSKL_KEYS, SECTION_KEYS
from pyskl.engine.config.values import VALUES


def test_the_groups_of_keys_are_disjoint():
    assert len(KNOWN_KEYS) == len(PYSKL_KEYS) + len(OUR_KEYS) + len(MMENGINE_KEYS)


def test_every_rule_is_for_a_known_key():
    assert {key.split('.')[0] for key in VALUES} <= KNOWN_KEYS
    below = {tuple(key.split('.')[:2]) for key in VALUES if '.' in key}
    assert not {(key, name) for key, name in below if key in SECTION_KEYS and name not in SECTION_KEYS[key]}


def test_data_has_a_section_and_a_loader_per_phase():
    for phase in ('train', 'val', 'test'):
        assert {phase, f'{phase}_dataloader'} <= DATA_KEYS
