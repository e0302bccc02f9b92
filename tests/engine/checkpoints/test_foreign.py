"""Files of other toolboxes, with the weights for which the original code printed its scores."""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from pyskl.apis import init_recognizer
from pyskl.engine.checkpoints.files import load_weights, read_checkpoint
from pyskl.engine.checkpoints.foreign import origin, recognise, summary, to_ours, translate
from pyskl.models import build_model
from pyskl.skeletons import get_skeleton
from tests.golden import keypoints, load_golden, released_state

STGCN = {'type': 'STGCN', 'graph_cfg': {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'}}
CTRGCN = {'type': 'CTRGCN', 'graph_cfg': {'layout': 'nturgb+d', 'mode': 'spatial'}, 'variant': 'original'}
CASES = {'original_stgcn_ntu60': STGCN, 'original_ctrgcn_ntu60': CTRGCN}


def network(backbone, classes=60):
    head = {'type': 'GCNHead', 'num_classes': classes, 'in_channels': 256}
    return build_model({'type': 'RecognizerGCN', 'backbone': copy.deepcopy(backbone), 'cls_head': head})


@pytest.mark.parametrize('name', CASES)
def test_original_files_give_the_original_scores(name, tmp_path):
    state, arrays, facts = released_state(name)
    torch.save({f'module.{key}': value for key, value in state.items()}, tmp_path / 'original.pt')
    model = network(CASES[name])
    notes = load_weights(model, read_checkpoint(tmp_path / 'original.pt'), 'original.pt')
    assert notes[0] == 'data parallel model (module.)'
    assert 'own repository' in notes[1]
    x = keypoints(*(facts['input']['keypoint'][axis] for axis in (0, 2, 3, 4, 5)))[:, None]
    largest = np.abs(arrays['logits']).max()
    with torch.no_grad():
        single = model.eval()(keypoint=x).numpy()
        double = model.double()(keypoint=x.double()).numpy()
    assert np.abs(single - arrays['logits']).max() <= 1e-4 * largest
    assert np.abs(double - arrays['logits']).max() <= 1e-5 * largest


@pytest.mark.parametrize('name', CASES)
def test_the_networks_have_as_many_parameters_as_the_originals(name):
    facts, _ = load_golden(name)
    assert sum(p.numel() for p in network(CASES[name]).parameters()) == facts['parameters']


@pytest.mark.parametrize('name', CASES)
def test_graphs_equal_those_of_the_original_code(name):
    # There the finger tips are linked to the thumbs; PYSKL links both to the hand. ST-GCN treats further hops as near.
    ntu = get_skeleton('nturgb+d')
    layout = {'joints': 25, 'edges': ntu.grid_links, 'center': ntu.center}
    backbone = {**CASES[name], 'graph_cfg': {**CASES[name]['graph_cfg'], 'layout': layout}}
    graphs = [value.numpy() for key, value in network(backbone).state_dict().items() if key.endswith('.A')]
    assert len(graphs) == 10
    _, arrays, facts = released_state(name)
    for key in facts['keep']:
        assert all(np.allclose(graph, arrays[f'keep:{key}'], rtol=1e-7, atol=0) for graph in graphs)


def test_the_graph_is_loaded_from_the_file_whatever_its_partition():
    state, _, _ = released_state('original_stgcn_ntu60')
    state['A'] = torch.rand(3, 25, 25)
    model = network(STGCN)
    load_weights(model, {'state_dict': state}, 'x.pt')
    assert all(torch.equal(block.gcn.A, state['A']) for block in model.backbone.gcn)


def test_a_missing_edge_importance_is_one():
    state, _, _ = released_state('original_stgcn_ntu60')
    plain = {key: value for key, value in state.items() if not key.startswith('edge_importance')}
    assert torch.equal(to_ours(plain)['backbone.gcn.3.gcn.PA'], torch.ones(3, 25, 25))


def test_weights_of_the_original_ctr_gcn_raise_unless_the_variant_is_original():
    state, _, _ = released_state('original_ctrgcn_ntu60')
    with pytest.raises(ValueError, match=r"lacks backbone.A .*for backbone.variant='original'"):
        load_weights(network({**CTRGCN, 'variant': 'pyskl'}), {'state_dict': state}, 'x.pt')


def test_another_class_count_names_both_counts():
    state, _, _ = released_state('original_stgcn_ntu60')
    with pytest.raises(ValueError, match='60 classes in the file, 120 in the model'):
        load_weights(network(STGCN, classes=120), {'state_dict': state}, 'x.pt')
    notes = load_weights(network(STGCN, classes=120), {'state_dict': state}, 'x.pt', ignore='cls_head')
    assert notes[0] == "ST-GCN's own repository"


def test_another_skeleton_raises():
    state, _, _ = released_state('original_stgcn_ntu60')
    coco = {'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': 'stgcn_spatial'}}
    with pytest.raises(ValueError, match=r'\(75,\) in the file and \(51,\) in the model; .*graph_cfg.layout'):
        load_weights(network(coco), {'state_dict': state}, 'x.pt')


def test_unknown_keys_of_a_layout_raise_with_the_keys():
    state, _, _ = released_state('original_stgcn_ntu60')
    with pytest.raises(ValueError, match=r"has extra.weight .*\(read as: ST-GCN's own repository\)"):
        load_weights(network(STGCN), {'state_dict': {**state, 'extra.weight': torch.zeros(1)}}, 'x.pt')


def test_our_own_keys_are_not_a_foreign_layout():
    state = network(STGCN).state_dict()
    assert recognise(state) is None
    assert to_ours(state) is state


# ---------------------------------------------------------------------------------------------------- whole toolboxes


def as_pyskl(state):
    """A file as mmcv writes it, with PYSKL's version in its meta."""
    meta = {'pyskl_version': '0.1.0', 'mmcv_version': '1.5.0', 'config': 'import os', 'epoch': 16, 'iter': 20000}
    return {'meta': meta, 'state_dict': state, 'optimizer': {'state': {}, 'param_groups': []}}


def as_mmaction2(state):
    """A file as mmengine writes it: renamed classifier, tensors of a preprocessor, prefixes of DDP and compile."""
    state = {f'module._orig_mod.{key.replace("fc_cls", "fc")}': value for key, value in state.items()}
    state['module._orig_mod.data_preprocessor.mean'] = torch.zeros(3, 1, 1)
    return {
        'meta': {'epoch': 16, 'cfg': "default_scope = 'mmaction'\n", 'mmengine_version': '0.7.0', 'dataset_meta': {}},
        'state_dict': state,
        'message_hub': {
            'log_scalars': {'train/loss': HistoryBuffer([1.0], [1])}, 'resumed_keys': {'train/loss': True},
            'runtime_info': {'epoch': 16, 'best_score': np.float64(0.9)},
        },
        'optimizer': {'state': {}, 'param_groups': []},
        'param_schedulers': [{'param_name': 'lr', 'begin': 0, 'last_step': 16, '_last_value': [0.1]}],
    }  # fmt: skip


GOLDENS = {
    'stgcn_coco': as_mmaction2,
    'stgcnpp_coco': as_mmaction2,
    'aagcn_coco': as_mmaction2,
    'ctrgcn_coco': as_mmaction2,
    'msg3d_coco': as_mmaction2,
    'dgstgcn_ntu60': as_pyskl,
    'ske2grid_d5tod6': as_pyskl,
    'slowonly_ntu60': as_pyskl,
}


@pytest.mark.parametrize('name', GOLDENS)
def test_a_file_of_another_toolbox_reproduces_its_scores(name, tmp_path, capsys):
    state, arrays, facts = released_state(name)
    torch.save(GOLDENS[name](state), tmp_path / 'epoch_16.pth')
    model = init_recognizer(Config({'model': facts['model'], 'data': {}}), str(tmp_path / 'epoch_16.pth'))
    output = capsys.readouterr().out
    if GOLDENS[name] is as_mmaction2:
        assert 'MMAction2 (mmengine 0.7.0)' in output and 'MMAction2 (cls_head.fc)' in output
    else:
        assert ('Ske2Grid (PYSKL 0.1.0)' if 'ske2grid' in name else ': PYSKL 0.1.0') in output
    assert origin(read_checkpoint(tmp_path / 'epoch_16.pth')) in output
    if 'imgs' in facts['input']:
        volume = np.random.RandomState(255).random_sample(facts['input']['imgs']).astype(np.float32)
        inputs = {'imgs': torch.from_numpy(volume)}
    else:
        inputs = {'keypoint': keypoints(*(facts['input']['keypoint'][axis] for axis in (0, 2, 3, 4, 5)))[:, None]}
    with torch.no_grad():
        scores = model(**inputs).numpy()
    assert np.abs(scores - arrays['logits']).max() <= 1e-4 * np.abs(arrays['logits']).max()


def test_posec3d_of_mmaction2_has_our_keys_except_for_the_preprocessor():
    state, _, facts = released_state('slowonly_ntu60')
    file = {'state_dict': {**state, 'data_preprocessor.mean': torch.zeros(3)}}
    assert load_weights(build_model(facts['model']), file, 'x.pth') == ['MMAction2 (data_preprocessor ignored)']


def test_2s_agcn_of_mmaction2_is_aagcn_without_attention():
    state, _, facts = released_state('aagcn_coco')
    attention = ('conv_ta', 'conv_sa', 'fc1c', 'fc2c')
    state = {key: value for key, value in state.items() if not any(part in key for part in attention)}
    assert len(state) == 363
    file = as_mmaction2(state)
    with pytest.raises(ValueError, match=r'2s-AGCN\) set model.backbone.gcn_attention=False'):
        load_weights(build_model(facts['model']), file, 'x.pth')
    model = copy.deepcopy(facts['model'])
    model['backbone']['gcn_attention'] = False
    load_weights(build_model(model), file, 'x.pth')
    with pytest.raises(ValueError, match=r'model.backbone.gcn_attention=True'):
        load_weights(build_model(model), {'state_dict': released_state('aagcn_coco')[0]}, 'x.pth')


@pytest.mark.parametrize('name', [*CASES, 'infogcn_nwucla_k1', *GOLDENS])
def test_parameters_and_classes_are_counted_from_the_keys(name):
    state, _, facts = released_state(name)
    file = GOLDENS[name](state) if name in GOLDENS else {'model': state}
    ours, _ = translate(file.get('state_dict', state))
    cells = sum(value.numel() for key, value in ours.items() if key.endswith('index_sel'))  # no parameters here
    size = f'{(facts["parameters"] - cells) / 1e6:.3f} M parameters'
    assert summary(ours) == f'{len(ours)} tensors, {size}, {10 if "nwucla" in name else 60} classes'


@pytest.mark.parametrize('name', ['stgcn_coco', 'slowonly_ntu60', 'ske2grid_d5tod6'])
def test_load_from_ignore_works_with_files_of_any_toolbox(name):
    state, _, facts = released_state(name)
    model = copy.deepcopy(facts['model'])
    model['cls_head']['num_classes'] = 7
    with pytest.raises(ValueError, match="60 classes in the file, 7 in the model; set load_from_ignore='cls_head'"):
        load_weights(build_model(model), GOLDENS[name](state), 'x.pth')
    network = build_model(model)
    notes = load_weights(network, GOLDENS[name](state), 'x.pth', ignore='cls_head')
    assert any(note.startswith("randomly initialised (load_from_ignore='cls_head')") for note in notes)
    key = 'backbone.data_bn.weight' if 'gcn' in name else next(iter(state))
    assert torch.equal(network.state_dict()[key], state[key])


def test_our_own_files_and_files_without_meta_have_no_origin():
    state, _, _ = released_state('stgcn_coco')
    ours = {'state_dict': state, 'meta': {'cfg': "model = dict(type='RecognizerGCN')", 'mmengine_version': '0.10.7'}}
    assert origin(ours) is None
    assert origin({'state_dict': state}) is None
    assert origin({'state_dict': state, 'meta': {'mmcv_version': '1.3.0'}}) == 'mmcv 1.3.0'


def test_another_temporal_kernel_in_a_wrapped_network_names_the_key_to_set(tmp_path):
    state, _, _ = released_state('original_stgcn_ntu60')
    for key, value in state.items():
        if key.endswith('tcn.2.weight'):
            state[key] = torch.zeros(*value.shape[:2], 13, 1)
    torch.save({f'encoder.{key}': value for key, value in state.items()}, tmp_path / 'x.pt')
    checkpoint = read_checkpoint(tmp_path / 'x.pt')
    with pytest.raises(ValueError, match=r'the temporal kernels differ: set model.backbone.tcn_kernel_size=13'):
        load_weights(network(STGCN), checkpoint, 'x.pt')
    notes = load_weights(network({**STGCN, 'tcn_kernel_size': 13}), checkpoint, 'x.pt')
    assert notes[0] == 'wrapped encoder (encoder.)'
