"""Shipped configs are found by name from any folder."""

import pytest

from pyskl.engine.config.load import load_config
from pyskl.engine.config.shipped import config_names, configs_folder, find_config

J = configs_folder() / 'stgcn++/stgcn++_ntu60_xsub_hrnet/j.py'


@pytest.mark.parametrize(
    'name',
    [
        'stgcn++_ntu60_xsub_hrnet/j',
        'stgcn++_ntu60_xsub_hrnet/j.py',
        'stgcn++/stgcn++_ntu60_xsub_hrnet/j',
        'configs/stgcn++/stgcn++_ntu60_xsub_hrnet/j.py',
    ],
)
def test_a_shipped_config_is_found_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == J


@pytest.mark.parametrize(
    ('name', 'path'),
    [
        ('ctrgcn_ntu60_xsub_hrnet/j', 'ctrgcn/ctrgcn_pyskl_ntu60_xsub_hrnet/j.py'),
        ('ctrgcn/ctrgcn_ntu60_xsub_hrnet/j.py', 'ctrgcn/ctrgcn_pyskl_ntu60_xsub_hrnet/j.py'),
        ('d5_ntu60_xsub_hrnet/j', 'Ske2Grid/d5_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py'),
        ('ctrgcn_nwucla/j', 'ctrgcn/ctrgcn_nwucla/j.py'),  # not ctrgcn_pyskl_nwucla
        ('ctrgcn_pyskl_nwucla/j', 'ctrgcn/ctrgcn_pyskl_nwucla/j.py'),
    ],
)
def test_the_short_names_of_create_model_find_configs_too(name, path):
    assert find_config(name) == configs_folder() / path


def test_a_file_of_the_user_takes_precedence(tmp_path, monkeypatch):
    mine = tmp_path / 'configs/stgcn++/stgcn++_ntu60_xsub_hrnet/j.py'
    mine.parent.mkdir(parents=True)
    mine.touch()
    monkeypatch.chdir(tmp_path)
    assert find_config('configs/stgcn++/stgcn++_ntu60_xsub_hrnet/j.py').resolve() == mine


def test_every_config_has_one_name_and_bases_have_none():
    names = config_names()
    leaves = [path for path in configs_folder().rglob('*.py') if '_base_' not in path.parts]
    assert sorted(names.values()) == sorted(leaves)


def test_a_name_that_two_families_share_needs_the_family():
    names = config_names()
    assert 'dgstgcn/ntu60_xsub_3dkp/j' in names and 'strong_aug/ntu60_xsub_3dkp/j' in names
    assert 'ntu60_xsub_3dkp/j' not in names


def test_a_shipped_config_has_the_usual_work_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config('quickstart/d5').work_dir == 'work_dirs/quickstart/d5'


def test_an_unknown_config_name_lists_similar_names():
    with pytest.raises(FileNotFoundError, match=r'similar names: stgcn\+\+_ntu60_xsub_hrnet/j'):
        load_config('stgcn++_ntu60_xsub_hrnt/j')
