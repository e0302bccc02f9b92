"""Converting checkpoints of other toolboxes by the command line."""

import pickle

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import read_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.models import build_model
from tests.cli.conftest import content

GRID = "type='Ske2Grid', graph_cfg=dict(layout='coco', mode='spatial'), grid_shape=[5, 5], progressive_joint_seq=[17],"


@pytest.fixture
def stgcn(tiny):
    """The tiny experiment with an ST-GCN of 4 channels, and ``stgcn.pth``, its weights in MMAction2's format."""
    tiny.write_config(GRID, "type='STGCN', graph_cfg=dict(layout='coco', mode='stgcn_spatial'),")
    tiny.config.write_text(tiny.config.read_text().replace('GridHead', 'GCNHead'))
    torch.manual_seed(0)
    model = build_model(load_config(str(tiny.config), {}).model.to_dict())
    for name, buffer in model.named_buffers():
        if name.endswith('running_mean'):
            buffer.normal_(0, 0.1)
    state = {key.replace('fc_cls', 'fc'): value for key, value in model.state_dict().items()}
    meta = {'cfg': "default_scope = 'mmaction'", 'mmengine_version': '0.7.0', 'epoch': 16, 'iter': 100}
    state = {f'module.{key}': value for key, value in state.items()}
    torch.save({'state_dict': state, 'meta': meta, 'optimizer': {}}, tiny.folder / 'stgcn.pth')
    return tiny


def test_the_converted_file_has_our_keys_and_gives_the_same_scores(stgcn, tool):
    assert tool('convert_checkpoint', 'stgcn.pth', 'ours.pth', '--config', stgcn.config) == (0, '')
    assert tool('convert_checkpoint', 'stgcn.pth', 'unproven.pth') == (0, '')
    ours, unproven = (read_checkpoint(stgcn.folder / name) for name in ('ours.pth', 'unproven.pth'))
    assert set(ours) == set(unproven) == {'state_dict', 'meta'}
    assert ours['state_dict'].keys() == unproven['state_dict'].keys()
    assert ours['meta'] == unproven['meta']
    assert ours['meta'] == {
        'converted_from': 'MMAction2 (mmengine 0.7.0); data parallel model (module.); MMAction2 (cls_head.fc)',
        'epoch': 16,
        'iter': 100,
    }
    model = build_model(load_config(str(stgcn.config), {}).model.to_dict())
    model.load_state_dict(ours['state_dict'])  # strict
    scores = []
    for name in ('stgcn.pth', 'ours.pth'):
        out = stgcn.folder / f'{name}.pkl'
        status = tool('test', stgcn.config, name, '--work-dir', stgcn.work_dir, '--out', out)
        assert status == (0, '')
        scores.append(np.stack(pickle.loads(out.read_bytes())))
    assert np.array_equal(*scores) and scores[0].std() > 0


def test_the_recognised_layout_is_printed(stgcn, tool, monkeypatch):
    # The fixture returns stderr only.
    printed = []
    monkeypatch.setattr('builtins.print', lambda *args, **kwargs: printed.append(args[0]))
    assert tool('convert_checkpoint', 'stgcn.pth', 'ours.pth')[0] == 0
    assert tool('convert_checkpoint', 'ours.pth', 'again.pth')[0] == 0
    model = build_model(load_config(str(stgcn.config), {}).model.to_dict())
    size = sum(p.numel() for p in model.parameters())
    assert printed[1] == f'{len(model.state_dict())} tensors, {size / 1e6:.3f} M parameters, 4 classes'
    assert printed[2:4] == ['wrote ours.pth', 'not compared with a network; pass --config CONFIG to do so']
    assert printed[4] == printed[0].replace('recognised: ', 'recognised: converted from: ')
    meta = read_checkpoint(stgcn.folder / 'again.pth')['meta']
    assert meta == read_checkpoint(stgcn.folder / 'ours.pth')['meta']


def test_an_existing_file_is_replaced_only_with_overwrite(stgcn, tool, refused):
    (stgcn.folder / 'ours.pth').write_bytes(b'mine')
    (stgcn.folder / 'folder').mkdir()
    refused('convert_checkpoint', ['stgcn.pth', 'ours.pth'], 'ours.pth exists already', '--overwrite')
    refused('convert_checkpoint', ['stgcn.pth', 'stgcn.pth'], 'stgcn.pth exists already', '--overwrite')
    refused('convert_checkpoint', ['stgcn.pth', 'folder'], 'folder is a folder', 'folder/net.pth')
    refused('convert_checkpoint', ['stgcn.pth', 'none/net.pth'], 'the folder none does not exist')
    assert tool('convert_checkpoint', 'stgcn.pth', 'ours.pth', '--overwrite') == (0, '')
    assert 'backbone.data_bn.weight' in read_checkpoint(stgcn.folder / 'ours.pth')['state_dict']


def test_an_unknown_layout_and_a_mismatch_with_the_config_raise(stgcn, refused):
    torch.save({'encoder.weight': torch.zeros(2, 3)}, stgcn.folder / 'other.pth')
    refused('convert_checkpoint', ['other.pth', 'x.pth'], 'other.pth has no known layout', 'are encoder.weight;')
    refused('convert_checkpoint', ['none.pth', 'x.pth'], 'no checkpoint matches none.pth')
    wrong = ['stgcn.pth', 'x.pth', '--config', stgcn.config, '--cfg-options']
    refused('convert_checkpoint', [*wrong, 'model.cls_head.num_classes=7'], '4 classes in the file, 7 in the model')
    refused(
        'convert_checkpoint',
        [*wrong, 'model.backbone.num_stages=4'],
        'it lacks backbone.gcn.3.gcn.PA (3, 17, 17), ',
        'and 13 more',
    )


class Evil:
    def __reduce__(self):
        return (open, ('ran', 'w'))


def test_a_file_that_could_run_code_raises_and_does_not_run(stgcn, refused):
    torch.save({'state_dict': {}, 'meta': Evil()}, stgcn.folder / 'evil.pth')
    refused('convert_checkpoint', ['evil.pth', 'x.pth'], 'could run code', '--trust-checkpoint')
    assert 'ran' not in {name.rpartition('/')[2] for name in content(stgcn.folder)}
