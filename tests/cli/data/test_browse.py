import importlib
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pyskl.synthetic.dataset import make_annotation

TOOL = Path(__file__).resolve().parents[3] / 'tools' / 'data' / 'browse.py'


@pytest.fixture
def browse(tiny, monkeypatch, capsys):
    """``browse(*arguments)`` -> (exit status, stdout, stderr); files go to ``browse.out``."""
    tool = importlib.import_module('pyskl.cli.data.browse')
    monkeypatch.delenv('PYSKL_DEBUG', raising=False)
    out = tiny.folder / 'out'

    def call(*arguments, file=tiny.clips):
        monkeypatch.setattr(sys, 'argv', ['browse', *map(str, (file, '--out', out, *arguments))])
        with pytest.raises(SystemExit) as left:
            tool.run(tool.main)
        output, error = capsys.readouterr()
        return left.value.code, output, error

    call.out = out
    return call


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def frames(path):
    with Image.open(path) as image:
        return [np.array(frame.convert('RGB')) for frame in ImageSequence.Iterator(image)]


def first_name(tiny):
    return tiny.annotations[0]['frame_dir']


def test_a_gif_has_the_frames_of_the_clip(tiny, browse):
    name, total = first_name(tiny), tiny.annotations[0]['total_frames']
    status, output, _ = browse('--ids', name, '--size', 120)
    assert status == 0
    assert 'guessed layout: coco (17 joints, 2D)' in output
    assert files(browse.out) == [f'{name}.gif']
    assert len(frames(browse.out / f'{name}.gif')) == total


def test_drawing_is_deterministic_and_does_not_overwrite(tiny, browse):
    name = first_name(tiny)
    browse('--ids', name, '--size', 96)
    path = browse.out / f'{name}.gif'
    before = path.read_bytes()
    path.write_bytes(b'mine')
    status, output, _ = browse('--ids', name, '--size', 96)
    assert (status, path.read_bytes()) == (0, b'mine')
    assert '1 exist already and were not drawn' in output
    browse('--ids', name, '--size', 96, '--overwrite')
    assert path.read_bytes() == before


def test_max_frames_subsamples_and_preserves_the_speed(tiny, browse):
    name, total = first_name(tiny), tiny.annotations[0]['total_frames']
    browse('--ids', name, '--size', 96, '--max-frames', 20)
    path = browse.out / f'{name}.gif'
    step = -(-total // 20)
    assert len(frames(path)) == -(-total // step)
    with Image.open(path) as image:
        assert image.info['duration'] == 40 * step


def test_clips_are_selected_by_split_label_and_random(tiny, browse):
    browse('--split', 'xsub_val', '--size', 64, '--max-frames', 2)
    assert len(files(browse.out)) == 4
    status, output, _ = browse('--label', 0, 1, '--split', 'xsub_val', '--size', 64)
    assert (status, output.count('2 exist already')) == (0, 1)
    status, output, _ = browse('--random', 3, '--seed', 5, '--size', 64, '--max-frames', 2, '--overwrite')
    assert 'wrote 3 of 3 clips' in output


def test_clips_are_selected_by_class_name(tiny, browse):
    names = tiny.folder / 'names.txt'
    names.write_text('clap\nwave\nkick\nsit\n')
    status, output, _ = browse('--classes', names, '--label', 'wave', '--size', 64, '--max-frames', 2)
    assert (status, len(files(browse.out))) == (0, 3)
    assert "similar names: 'wave'" in browse('--classes', names, '--label', 'wafe')[2]


def test_a_contact_sheet_is_the_default(tiny, browse):
    status, output, _ = browse()
    assert status == 0
    assert output.splitlines()[-1] == f'wrote {browse.out / "sheet.png"}: 4 clips, one per class'
    before = (browse.out / 'sheet.png').read_bytes()
    status, _, error = browse()
    assert (status, error.count('\n')) == (1, 1) and 'sheet.png exists' in error
    browse('--overwrite')
    assert (browse.out / 'sheet.png').read_bytes() == before


def test_many_classes_need_several_pages(tiny, browse):
    records = [{**tiny.annotations[0], 'label': label, 'frame_dir': f'clip{label}'} for label in range(30)]
    tiny.clips.write_bytes(pickle.dumps(records))
    browse('--sheet', '--columns', 2, '--size', 48)
    assert files(browse.out) == ['sheet_01.png', 'sheet_02.png', 'sheet_03.png']


def test_3d_joints_are_drawn(tiny, browse):
    records = [make_annotation(0, index, 'nturgb+d') for index in range(2)]
    path = tiny.folder / 'space.pkl'
    path.write_bytes(pickle.dumps(records))
    name = records[1]['frame_dir']
    for view in ('0,0', '90,30'):
        status, output, _ = browse('--ids', name, '--size', 96, f'--view={view}', '--overwrite', file=path)
        assert status == 0 and 'guessed layout: nturgb+d (25 joints, 3D)' in output
    assert len(frames(browse.out / f'{name}.gif')) == records[1]['total_frames']


@pytest.mark.parametrize('form', ['file', 'dict'])
def test_the_layout_may_be_a_name_a_file_or_a_dict(tiny, browse, form):
    random = np.random.RandomState(0)
    record = {'frame_dir': 'own', 'label': 0, 'total_frames': 3, 'keypoint': random.rand(1, 3, 4, 2) * 50}
    tiny.clips.write_bytes(pickle.dumps([record]))
    status, output, _ = browse('--ids', 'own', '--size', 64)
    assert status == 0 and 'no layout has 4 joints in 2D' in output
    text = '{joints: [a, b, c, d], edges: [[b, a], [c, a], [d, a]], left: [b], right: [c]}'
    if form == 'file':
        (tiny.folder / 'skeleton.yaml').write_text(text)
        text = tiny.folder / 'skeleton.yaml'
    alone_bytes = (browse.out / 'own.gif').read_bytes()
    assert browse('--ids', 'own', '--size', 64, '--layout', text, '--overwrite')[0] == 0
    assert (browse.out / 'own.gif').read_bytes() != alone_bytes


def test_a_config_shows_the_input_of_the_network(tiny, browse):
    name = first_name(tiny)
    assert browse('--ids', name, '--size', 96)[0] == 0
    alone = frames(browse.out / f'{name}.gif')[0].shape
    status, _, error = browse('--ids', name, '--size', 96, '--config', tiny.config, '--overwrite')
    assert status == 0, error
    with_pipeline = frames(browse.out / f'{name}.gif')
    assert len(with_pipeline) == 8  # clip_len
    assert with_pipeline[0].shape[1] > alone[1] + 90  # one more square panel


def test_heatmaps_are_drawn_as_images(tiny, browse):
    start, end = tiny.config.read_text().split('train_pipeline', 1)[0], 'val_pipeline = train_pipeline\n'
    data = tiny.config.read_text().split('data = dict', 1)[1]
    steps = (
        "dict(type='UniformSampleFrames', clip_len=6), dict(type='PoseDecode'), "
        "dict(type='PoseCompact', hw_ratio=1.0), dict(type='Resize', scale=(32, 32), keep_ratio=False), "
        "dict(type='GeneratePoseTarget', with_kp=False, with_limb=True), "
        "dict(type='FormatShape', input_format='NCTHW_Heatmap'), dict(type='Collect', keys=['imgs', 'label'])"
    )
    tiny.config.write_text(f'{start}train_pipeline = [{steps}]\n{end}data = dict{data}')
    name = first_name(tiny)
    status, output, error = browse('--ids', name, '--size', 64, '--config', tiny.config, '--phase', 'test')
    assert status == 0, error
    assert len(frames(browse.out / f'{name}.gif')) == 6


def test_clips_with_detection_boxes_are_drawn(tiny, browse):
    total = 6
    random = np.random.RandomState(0)
    inds = np.array([0, 0, 1, 2, 2, 5])
    record = {
        'frame_dir': 'k400', 'label': 0, 'total_frames': total, 'img_shape': (100, 100), 'frame_inds': inds,
        'keypoint': random.rand(6, 17, 3).astype(np.float16), 'box_score': np.ones(6, np.float16),
    }  # fmt: skip
    tiny.clips.write_bytes(pickle.dumps([record]))
    status, _, error = browse('--ids', 'k400', '--size', 64)
    assert status == 0, error
    assert len(frames(browse.out / 'k400.gif')) == total


def test_invalid_records_are_skipped_and_reported(tiny, browse):
    tiny.annotations[1]['keypoint'][0, 0, 0] = np.nan
    tiny.annotations[2]['keypoint'] = tiny.annotations[2]['keypoint'][:, :, :5]
    tiny.annotations[2]['keypoint_score'] = tiny.annotations[2]['keypoint_score'][:, :, :5]
    tiny.annotations[3]['keypoint_score'] *= 0
    tiny.write_clips()
    for more in ((), ('--config', tiny.config)):
        status, output, error = browse('--split', 'xsub_train', '--size', 64, '--max-frames', 2, '--overwrite', *more)
        assert status == 0
        assert 'wrote 5 of 8 clips' in output
        assert 'skipped 3:' in error and 'NaN or infinite' in error and 'has 17 joints' in error
        assert 'shows no person' in error and 'Traceback' not in error
    named = (tiny.annotations[1]['frame_dir'], tiny.annotations[4]['frame_dir'])
    status, output, error = browse('--ids', *named, '--size', 64, '--max-frames', 2, '--overwrite')
    assert status == 1 and 'wrote 1 of 2 clips' in output and named[0] in error


def test_clips_that_do_not_fit_the_config_are_reported(tiny, browse):
    tiny.write_config("dict(type='PreNormalize2D'), ", "dict(type='PreNormalize3D'), ")
    status, output, error = browse('--split', 'xsub_val', '--size', 64, '--config', tiny.config)
    assert status == 1
    assert 'wrote 0 of 4 clips' in output and 'data.train, PreNormalize3D: ' in error
    assert files(browse.out) == []


@pytest.mark.parametrize('name', ['../../up', '/etc/passwd', '..', 'a/b\\c', '.hidden', 'x' * 500, '动作', ' '])
def test_a_clip_name_cannot_refer_to_another_folder(tiny, browse, name):
    tiny.annotations[0]['frame_dir'] = name
    tiny.clips.write_bytes(pickle.dumps(tiny.annotations))
    before = files(tiny.folder)
    assert browse('--ids', name, '--size', 64, '--max-frames', 2)[0] == 0
    (written,) = browse.out.iterdir()
    assert not written.name.startswith('.') and len(written.name.encode()) < 150
    assert set(files(tiny.folder)) - set(before) == {'out'}


def test_similar_clip_names_give_different_files(tiny, browse):
    tiny.annotations[0]['frame_dir'], tiny.annotations[1]['frame_dir'] = 'a/b', 'a:b'
    tiny.annotations[2]['frame_dir'] = tiny.annotations[3]['frame_dir'] = 'twice'
    tiny.clips.write_bytes(pickle.dumps(tiny.annotations))
    browse('--ids', 'a/b', 'a:b', 'twice', '--size', 64, '--max-frames', 2)
    assert len(files(browse.out)) == 4


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--ids', 'S001C001P001R000001A00'], "similar names: 'S001C001P001R000001A001'"),
        (['--ids', 'nothing like it'], 'has no clip'),
        (['--split', 'xsub_vall'], "did you mean 'xsub_val'"),
        (['--label', '9'], 'has labels'),
        (['--label', 'wave'], 'give a number, or the names with --classes'),
        (['--random', '0'], '--random must be at least 1'),
        (['--split', 'xsub_train', '--max-clips', '3'], '8 clips are selected; pass --random'),
        (['--random', '1', '--size', '3'], '--size must be at least 48'),
        (['--random', '1', '--fps', '0'], '--fps must be from 0.1 to 50'),
        (['--random', '1', '--fps', 'nan'], '--fps must be from 0.1 to 50'),
        (['--random', '1', '--layout', 'cocoo'], "unknown skeleton 'cocoo'"),
        (['--random', '1', '--layout', '{joints: 3'], '--layout'),
        (['--random', '1', '--layout', 'nowhere.yaml'], 'nowhere.yaml'),
        (['--random', '1', '--classes', 'nowhere.txt'], 'nowhere.txt'),
        (['--random', '1', '--config', 'nowhere.py'], 'does not exist'),
        (['--random', '1', '--font', 'nowhere.ttf'], 'nowhere.ttf'),
        (['--sheet', '--config', 'x.py'], '--config does not apply to a contact sheet'),
    ],
)
def test_invalid_arguments_raise_one_line_and_write_no_files(browse, arguments, message):
    status, _, error = browse(*arguments)
    assert status == 1
    assert error.startswith('error: ') and error.count('\n') == 1
    assert message in error
    assert files(browse.out) == []


def test_a_file_that_is_not_an_annotation_file_raises_one_line(tiny, browse):
    tiny.clips.write_bytes(b'garbage')
    status, _, error = browse()
    assert status == 1 and error.startswith('error: ') and error.count('\n') == 1
