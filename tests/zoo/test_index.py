"""The index of models against the configs and the published tables."""

import pytest
import torch

from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import load_config
from pyskl.engine.config.shipped import config_names, configs_folder
from pyskl.engine.flops import clip_shape, macs, parameters
from pyskl.zoo.index import entries, find, select


def test_the_config_of_every_entry_exists():
    missing = [e.name for e in entries().values() if not (configs_folder().parent / e.config).is_file()]
    assert not missing, missing


def test_the_name_of_an_entry_is_derived_from_its_config():
    names = {f'configs/{path.relative_to(configs_folder()).as_posix()}': n for n, path in config_names().items()}
    own = [entry for entry in entries().values() if not entry.name.startswith('mmaction2/')]
    assert {entry.name: names[entry.config] for entry in own} == {entry.name: entry.name for entry in own}


def test_every_entry_has_a_data_set():
    assert not [entry.name for entry in entries().values() if not entry.dataset]


@pytest.mark.parametrize('name', ['stgcn++_ntu60_xsub_hrnet/j', 'd5_stgcn2cn_nwucla/b', 'x3d_shallow_gym/limb'])
def test_parameters_and_macs_are_those_of_the_built_network(name):
    """benchmarks/model_index.py --check compares all entries."""
    entry = find(name)
    cfg = load_config(configs_folder().parent / entry.config)
    model = build_recognizer(cfg, torch.device('cpu'))
    assert entry.parameters == parameters(model)
    assert entry.macs == macs(model.backbone, torch.empty(1, *clip_shape(cfg))).total


@pytest.mark.parametrize(
    ('name', 'published'),  # PYSKL's and MMAction2's READMEs
    [
        ('stgcn++_ntu60_xsub_hrnet/b', 92.3),
        ('stgcn_vanilla_ntu60_xview_3dkp/jm', 88.8),
        ('dgstgcn/ntu120_xset_3dkp/b', 89.8),
        ('slowonly_r50_gym/limb', 93.8),
        ('mmaction2/stgcn++_ntu60_xsub_3dkp/bm', 87.45),
        ('d7tod8_stgcn2cn_pyskl_ntu60_xsub_hrnet/j', 88.55),  # Ske2Grid's README
    ],
)
def test_accuracies_are_the_published_ones(name, published):
    assert find(name).published == published


def test_weights_are_openmmlab_addresses_with_licence_and_source():
    base = 'https://download.openmmlab.com/mmaction/'
    assert find('stgcn++_ntu60_xsub_hrnet/j').weights == f'{base}pyskl/ckpt/stgcn++/stgcn++_ntu60_xsub_hrnet/j.pth'
    published_weights = [entry for entry in entries().values() if entry.weights]
    assert all(entry.weights.startswith(base) and entry.licence and entry.source for entry in published_weights)
    assert len({entry.weights for entry in published_weights}) == len(published_weights)


def test_entries_have_the_hash_of_their_file_name():
    theirs = [entry for entry in entries().values() if entry.name.startswith('mmaction2/')]
    assert all(entry.weights.endswith(f'-{entry.sha256}.pth') for entry in theirs)


def test_a_model_is_found_by_path_family_or_short_name():
    names = ('ctrgcn_pyskl_ntu60_xsub_hrnet/j', 'ctrgcn_ntu60_xsub_hrnet/j')
    paths = tuple(f'configs/ctrgcn/{names[0]}{end}' for end in ('', '.py'))
    assert {find(name).name for name in (*names, *paths, f'ctrgcn/{names[0]}')} == {names[0]}


def test_select_takes_patterns():
    assert {entry.family for entry in select('*ske2grid*')} == {'Ske2Grid'}
    assert [entry.name for entry in select('stgcn++_ntu60_xsub_hrnet/j')][0] == 'stgcn++_ntu60_xsub_hrnet/j'
    assert select('no such thing') == []


def test_a_misspelt_name_raises_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"did you mean 'stgcn\+\+_ntu60_xsub_hrnet/j'"):
        find('stgcn++_ntu60_xsub_hrnt/j')


def test_repr_states_data_set_size_and_accuracy():
    text = repr(find('stgcn++_ntu60_xsub_hrnet/j'))
    assert text == (
        '<stgcn++_ntu60_xsub_hrnet/j: NTU60-XSub-2D, 1.393 M parameters, 1.95 GMACs, published 89.3, weights>'
    )
