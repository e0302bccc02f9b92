import functools
import http.server
import os
import pickle
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, match_keys, read_checkpoint, save_checkpoint


class Grid(nn.Module):
    """Keys like those of a progressively grown backbone."""

    def __init__(self, stages):
        super().__init__()
        self.conv = nn.Linear(2, 2)
        self.stages = nn.ParameterList([nn.Parameter(torch.zeros(2)) for _ in range(stages)])

    def stage_of(self, key):
        return int(key.split('.')[1]) if key.startswith('stages.') else None


class Net(nn.Module):
    def __init__(self, stages=1, classes=3, head='fc'):
        super().__init__()
        self.backbone = Grid(stages)
        self.cls_head = nn.Module()
        setattr(self.cls_head, head, nn.Linear(2, classes))


@pytest.fixture
def file(tmp_path):
    def write(model, **extra):
        path = tmp_path / 'net.pth'
        save_checkpoint({'state_dict': model.state_dict(), 'meta': {}, **extra}, path)
        return str(path)

    return write


def load(model, path, **options):
    return load_weights(model, read_checkpoint(path), path, **options)


def test_a_saved_checkpoint_is_loaded_unchanged(file):
    saved, loaded = Net(), Net()
    assert load(loaded, file(saved)) == []
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), loaded.parameters(), strict=True))


def test_a_checkpoint_with_mmengines_logs_and_numpy_scalars_is_safe(file):
    path = file(Net(), message_hub={'log': HistoryBuffer([1.0], [1])}, meta={'acc': np.float64(0.5), 'n': np.int64(3)})
    assert read_checkpoint(path)['meta'] == {'acc': 0.5, 'n': 3}


def test_a_malicious_checkpoint_does_not_run_and_the_error_names_the_object(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f'touch {tmp_path}/ran',)

    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': Evil()}, path)
    with pytest.raises(ValueError, match=rf'{path} contains \w+.system, which is not a tensor and could run code'):
        read_checkpoint(path)
    assert not (tmp_path / 'ran').exists()


def test_the_replacement_of_getattr_allows_only_the_statistics_of_a_log(tmp_path):
    class Evil:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__init__')

    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': Evil()}, path)
    with pytest.raises(ValueError, match=r'contains getattr'):
        read_checkpoint(path)


def test_the_config_text_that_mmengine_would_execute_is_dropped(file):
    assert 'config' not in read_checkpoint(file(Net(), meta={'config': 'import os', 'epoch': 3}))['meta']


def test_a_truncated_checkpoint_raises_with_its_name(file):
    path = file(Net())
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f'{path} is'):
        read_checkpoint(path)


@pytest.mark.parametrize('content', [b'', b'hello', pickle.dumps([1, 2])])
def test_a_file_of_another_format_raises_with_its_name(tmp_path, content):
    path = tmp_path / 'foreign.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'{path}'):
        read_checkpoint(path)


def test_a_missing_checkpoint_lists_the_files_of_the_folder(tmp_path):
    (tmp_path / 'epoch_3.pth').touch()
    with pytest.raises(FileNotFoundError, match=r'no checkpoint matches .*best_\*.pth; .* contains epoch_3.pth'):
        find_checkpoint(f'{tmp_path}/best_*.pth')
    with pytest.raises(FileNotFoundError, match=r'the folder .*nowhere does not exist'):
        find_checkpoint(f'{tmp_path}/nowhere/best_*.pth')


def test_of_several_matches_the_newest_is_used_and_reported(tmp_path):
    for age, name in ((100, 'best_9.pth'), (0, 'best_10.pth')):
        path = tmp_path / name
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    path, note = find_checkpoint(f'{tmp_path}/best_*.pth')
    assert path.endswith('best_10.pth')
    assert note.startswith('2 files match')


def test_brackets_in_a_folders_name_and_a_tilde_are_resolved(tmp_path, monkeypatch):
    folder = tmp_path / 'run[1]'
    folder.mkdir()
    (folder / 'best_2.pth').touch()
    monkeypatch.setenv('HOME', str(tmp_path))
    for pattern in (f'{folder}/best_*.pth', f'{folder}/best_2.pth', '~/run[1]/best_*.pth'):
        assert find_checkpoint(pattern)[0] == str(folder / 'best_2.pth')


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'net.pth'
    save_checkpoint({'state_dict': {'a': torch.ones(1)}}, path)

    def dies(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, 'save', dies)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint({}, path)
    assert [p.name for p in tmp_path.iterdir()] == ['net.pth']
    assert read_checkpoint(path)['state_dict']['a'] == 1


@pytest.mark.parametrize(
    ('rename', 'message'),
    [
        (lambda key: f'module.{key}', ['data parallel model (module.)']),
        (lambda key: f'_orig_mod.{key}', ['compiled model (_orig_mod.)']),
        (lambda key: f'module._orig_mod.{key}', ['compiled model (_orig_mod.)', 'data parallel model (module.)']),
        (lambda key: f'_orig_mod.module.{key}', ['compiled model (_orig_mod.)', 'data parallel model (module.)']),
        (lambda key: f'module.module.{key}', ['data parallel model (module.)']),
        (lambda key: key.replace('backbone.', 'backbone._orig_mod.'), ['compiled model (_orig_mod.)']),
        (lambda key: key.replace('fc_cls', 'fc'), ['MMAction2 (cls_head.fc)']),
        (
            lambda key: f'module.{key.replace("fc_cls", "fc")}',
            ['data parallel model (module.)', 'MMAction2 (cls_head.fc)'],
        ),
    ],
)
def test_other_layouts_are_recognised(rename, message):
    saved, loaded = Net(head='fc_cls'), Net(head='fc_cls')
    state_dict = {rename(key): value for key, value in saved.state_dict().items()}
    assert load_weights(loaded, {'state_dict': state_dict}, 'x.pth') == message
    assert torch.equal(saved.cls_head.fc_cls.weight, loaded.cls_head.fc_cls.weight)


def test_the_copies_of_mmcvs_ema_hook_are_ignored():
    saved, loaded = Net(head='fc_cls'), Net(head='fc_cls')
    state_dict = saved.state_dict()
    copies = {f'ema_{key.replace(".", "_")}': torch.zeros_like(value) for key, value in state_dict.items()}
    note = [f'mmcv EMAHook ({len(copies)} copies named ema_* ignored)']
    assert load_weights(loaded, {'state_dict': {**state_dict, **copies}}, 'x.pth') == note
    assert torch.equal(saved.cls_head.fc_cls.weight, loaded.cls_head.fc_cls.weight)
    with pytest.raises(ValueError, match='it has ema_other'):  # not loaded from the smaller network
        load_weights(loaded, {'state_dict': {**state_dict, 'ema_other': torch.zeros(1)}}, 'x.pth')


def test_a_custom_head_may_name_its_layer_fc():
    state_dict = {f'module.{key}': value for key, value in Net().state_dict().items()}
    assert load_weights(Net(), {'state_dict': state_dict}, 'x.pth') == ['data parallel model (module.)']


@pytest.mark.parametrize('name', ['state_dict', 'model_state_dict', 'model', None])
def test_weights_may_be_under_several_keys_or_at_the_top_level(tmp_path, name):
    saved, loaded = Net(), Net()
    state_dict = saved.state_dict()
    torch.save({name: state_dict, 'epoch': 3, 'optimizer': {}} if name else state_dict, tmp_path / 'net.pt')
    assert load(loaded, str(tmp_path / 'net.pt')) == []
    assert torch.equal(saved.cls_head.fc.weight, loaded.cls_head.fc.weight)


def test_weights_that_are_not_tensors_are_named_in_the_error(tmp_path):
    torch.save({'model': {'backbone.conv.weight': torch.zeros(2), 'epoch': 3}}, tmp_path / 'net.pt')
    with pytest.raises(ValueError, match="net.pt: 'epoch' in its model is not a tensor but of type int"):
        read_checkpoint(tmp_path / 'net.pt')


def test_a_file_of_mmcv_with_numpy_1_scalars_is_read_and_its_toolbox_reported(tmp_path):
    # Content of meta written by PYSKL's EpochBasedRunner and DistEvalHook: texts, numbers, NumPy scalars.
    meta = {
        'env_info': 'sys.platform: linux', 'config': 'model = dict()', 'seed': 0, 'epoch': 16, 'iter': 100,
        'CLASSES': None, 'time': 'Fri Jan 27 2023', 'mmcv_version': '1.6.2', 'pyskl_version': '0.1.0',
        'config_name': 'j.py', 'hook_msgs': {'best_score': np.float64(0.9), 'best_ckpt': 'best.pth', 'n': np.int64(3)},
    }  # fmt: skip
    model = Net(head='fc_cls')
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).state_dict()
    path = tmp_path / 'epoch_16.pth'
    file = {'meta': meta, 'state_dict': model.state_dict(), 'optimizer': optimizer}
    torch.save(file, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b'numpy._core.multiarray', b'numpy.core.multiarray'))
    assert b'numpy.core.multiarray' in path.read_bytes()
    assert read_checkpoint(path)['meta']['hook_msgs']['best_score'] == 0.9
    assert load(Net(head='fc_cls'), str(path)) == ['PYSKL 0.1.0']


def test_mismatched_weights_raise_with_the_first_keys_of_both_sides():
    with pytest.raises(ValueError) as error:
        load_weights(Net(), {'state_dict': {f'net.{i}': torch.zeros(i) for i in range(5)}}, 'x.pth')
    assert str(error.value) == (
        'x.pth does not fit the model: it lacks backbone.conv.weight (2, 2), backbone.conv.bias (2,), '
        'backbone.stages.0 (2,) and 2 more; it has net.0 (0,), net.1 (1,), net.2 (2,) and 2 more, '
        'which the model lacks'
    )


def test_our_own_keys_are_not_renamed():
    model = Net()
    assert match_keys(model.state_dict(), model)[1] == []


def test_growing_initialises_the_last_stage_randomly_and_reports_it(file):
    small, grown = Net(stages=1), Net(stages=2)
    assert load(grown, file(small), growing=True) == ['randomly initialised: backbone.stages.1']
    assert torch.equal(small.backbone.conv.weight, grown.backbone.conv.weight)


def test_growing_by_two_stages_at_once_raises(file):
    with pytest.raises(
        ValueError, match=r'lacks backbone.stages.1 \(2,\), .*2 \(2,\) \(1 stages in the file, 3 in the model\)'
    ):
        load(Net(stages=3), file(Net(stages=1)), growing=True)


def test_a_checkpoint_of_more_stages_raises(file):
    with pytest.raises(ValueError, match=r'has backbone.stages.1 .* \(2 stages in the file, 1 in the model\)'):
        load(Net(stages=1), file(Net(stages=2)), growing=True)


def test_a_test_needs_every_weight(file):
    with pytest.raises(ValueError, match='lacks backbone.stages.1'):
        load(Net(stages=2), file(Net(stages=1)))


def test_a_head_of_another_class_count_names_both_counts_and_a_fix(file):
    path = file(Net(classes=60))
    with pytest.raises(ValueError, match="60 classes in the file, 10 in the model; set load_from_ignore='cls_head'"):
        load(Net(classes=10), path)
    assert load(Net(classes=10), path, ignore='cls_head')[0].startswith('randomly initialised (load_from_ignore')


def test_a_longer_temporal_kernel_names_the_key_to_set():
    def temporal(kernel):
        model = Net()
        model.backbone.tcn = nn.Module()
        model.backbone.tcn.conv = nn.Conv2d(2, 2, (kernel, 1))
        return model

    with pytest.raises(ValueError) as error:
        load_weights(temporal(3), {'state_dict': temporal(9).state_dict()}, 'x.pth')
    assert 'tcn.conv.weight is (2, 2, 9, 1) in the file and (2, 2, 3, 1) in the model' in str(error.value)
    assert str(error.value).endswith('the temporal kernels differ: set model.backbone.tcn_kernel_size=9')


def test_a_checkpoint_that_does_not_fit_changes_no_weight(file):
    path, model = file(Net(stages=2)), Net(stages=1)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match='does not fit the model'):
        load(model, path)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_url_is_downloaded_once(file, tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    path = file(Net())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=os.path.dirname(path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}/net.pth'
        fetched, _ = find_checkpoint(url)
        with pytest.raises(OSError, match=r'cannot download .*/absent.pth: .*404'):
            find_checkpoint(url.replace('net.pth', 'absent.pth'))
        server.shutdown()
    assert read_checkpoint(fetched)['state_dict'].keys() == Net().state_dict().keys()
    assert find_checkpoint(url)[0] == fetched  # the server has stopped
    assert [path.name for path in Path(fetched).parent.glob('*.pth')] == [Path(fetched).name]


@pytest.mark.parametrize(
    'value', [torch.ones(2, 3).to_sparse(), torch.ones(2, dtype=torch.cfloat), torch.ones(2, device='meta')]
)
def test_sparse_complex_and_quantized_tensors_raise_one_line(value):
    model = nn.Module()
    model.backbone = nn.Linear(3, 2)
    state_dict = {**model.state_dict(), 'backbone.weight': value}
    with pytest.raises(ValueError, match='a.pth does not fit the model: backbone.weight is a tensor of'):
        load_weights(model, {'state_dict': state_dict, 'meta': {}}, 'a.pth')
