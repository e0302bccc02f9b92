"""``pyskl.list_models`` and ``pyskl.create_model``, with published files on a local server."""

import functools
import http.server
import threading
from dataclasses import replace

import pytest
import torch

import pyskl
from pyskl.models import CTRGCN
from pyskl.zoo import index


def test_architectures_configs_and_published_files_are_listed():
    names = pyskl.list_models('*ctrgcn*')
    assert names[0] == 'ctrgcn' and 'ctrgcn_pyskl_ntu60_xsub_hrnet/j' in names
    assert 'ske2grid' in pyskl.list_models('*SKE2GRID*')
    assert pyskl.list_models('nothing like it') == []


def test_an_architecture_takes_a_skeleton_and_a_number_of_classes():
    model = pyskl.create_model('ctrgcn', layout='coco', num_classes=12, base_channels=16)
    assert isinstance(model.backbone, CTRGCN) and not model.training
    assert model.backbone.A.shape[-1] == 17 and model.cls_head.num_classes == 12


@pytest.mark.parametrize('name', ['sgn', 'posec3d'])
def test_networks_without_a_graph_take_the_number_of_joints_from_the_layout(name):
    assert pyskl.create_model(name, layout='nturgb+d', num_classes=5)


@pytest.mark.parametrize(
    ('name', 'arguments', 'message'),
    [
        ('ctrgcn', {'layout': 'coco'}, 'needs num_classes'),
        ('ctrgcn', {'num_classes': 3}, "needs layout, e.g. layout='coco'"),
        ('ctrgn', {}, "did you mean 'ctrgcn'"),
        ('stgcn++_ntu60_xsub_hrnt/j', {}, r"did you mean 'stgcn\+\+_ntu60_xsub_hrnet/j'"),
        ('quickstart/d5', {'layout': 'coco'}, 'sets its own skeleton'),
        ('quickstart/d5', {'pretrained': True}, 'has no published weights'),
        ('ske2grid', {'layout': 'coco', 'num_classes': 3, 'grid_shap': [5, 5]}, "did you mean 'grid_shape'"),
    ],
)
def test_an_invalid_request_raises_one_line(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        pyskl.create_model(name, **arguments)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The weights of quickstart/d5 as a published file; returns them."""
    torch.manual_seed(3)
    weights = pyskl.create_model('quickstart/d5').state_dict()
    (tmp_path / 'www').mkdir()
    torch.save({'state_dict': weights, 'meta': {}}, tmp_path / 'www/d5.pth')
    monkeypatch.setenv('PYSKL_HOME', str(tmp_path / 'home'))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / 'www'))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, 'log_message', lambda *args: None)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    entry = replace(index.find('quickstart/d5'), weights=f'http://127.0.0.1:{server.server_port}/d5.pth')
    monkeypatch.setitem(index.entries(), entry.name, entry)
    yield weights
    server.shutdown()
    server.server_close()


def test_published_weights_are_loaded(published):
    model = pyskl.create_model('quickstart/d5', pretrained=True)
    assert all(torch.equal(value, published[key]) for key, value in model.state_dict().items())


def test_the_head_is_not_loaded_if_num_classes_differs(published):
    model = pyskl.create_model('quickstart/d5', pretrained=True, num_classes=3)
    state = model.state_dict()
    assert state['cls_head.fc.weight'].shape[0] == 3
    assert all(torch.equal(state[key], value) for key, value in published.items() if key.startswith('backbone.'))
