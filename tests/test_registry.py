import pytest

from pyskl.registry import TRANSFORMS, build_component, check_arguments, lookup, nearest


class Thing:
    def __init__(self, size, colour='red'):
        self.size, self.colour = size, colour


def test_an_unknown_name_lists_similar_names():
    with pytest.raises(ValueError, match="'GenSkeFeet' is not a known transform; did you mean 'GenSkeFeat'"):
        lookup('GenSkeFeet', TRANSFORMS)


def test_an_unknown_argument_lists_similar_names():
    with pytest.raises(ValueError, match="Thing has no argument 'color'; did you mean 'colour'"):
        check_arguments(Thing, {'size': 1, 'color': 'blue'})


def test_a_missing_argument_is_named_in_the_error():
    with pytest.raises(ValueError, match="Thing needs the argument 'size'"):
        check_arguments(Thing, {})


def test_a_component_without_a_type_raises():
    with pytest.raises(ValueError, match="a transform is given by a dict with the key 'type', got {'clip_len': 3}"):
        build_component({'clip_len': 3}, TRANSFORMS)


def test_defaults_fill_what_the_config_lacks():
    thing = build_component({'type': Thing, 'size': 2}, TRANSFORMS, colour='green', size=1)
    assert (thing.size, thing.colour) == (2, 'green')


def test_nearest_lists_all_names_if_none_is_similar():
    assert nearest('qqq', ['b', 'a']) == "; choose from ['a', 'b']"
