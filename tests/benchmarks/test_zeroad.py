"""benchmarks/zeroad.py on a small archive in which the position of a bone is (its index, the frame, 0)."""

import runpy
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations
from pyskl.engine.config.load import load_config
from pyskl.skeletons import get_skeleton

FOLDER = Path(__file__).parents[2] / 'benchmarks'
ZEROAD = runpy.run_path(str(FOLDER / 'zeroad.py'))
JOINTS = get_skeleton(str(FOLDER / 'zeroad_short/skeleton.yaml')).joints
BONES = ['shield', *reversed(JOINTS), 'cape1']  # the order of the game differs from that of the skeleton


def clip(frames: int) -> bytes:
    """A clip of 30 frames per second; every orientation is the identity."""
    header = struct.pack('<4sIIIfII', b'PSSA', 1, 16 + 28 * len(BONES) * frames, 0, 1000 / 30, len(BONES), frames)
    bones = [(bone, frame, 0, 0, 0, 0, 1) for frame in range(frames) for bone in range(len(BONES))]
    return header + b''.join(struct.pack('<7f', *bone) for bone in bones)


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes the archive with some clips by ``unit/name``."""

    def write(clips: dict[str, bytes]) -> Path:
        path = tmp_path / 'public.zip'
        with zipfile.ZipFile(path, 'w') as file:
            bones = ''.join(f'<bone name="{bone}"/>' for bone in BONES)
            text = f'<standard_skeleton id="Biped">{bones}</standard_skeleton><skeleton><bone name="x"/></skeleton>'
            file.writestr('art/skeletons/biped.xml', text)
            for name, content in clips.items():
                file.writestr(f'art/animation/biped/{name}.dae.cached.psa', content)
        return path

    return write


def test_a_clip_has_the_bones_of_the_skeleton_the_action_of_its_name_and_the_split_of_its_unit(archive, tmp_path):
    path = archive({
        'infantry/hoplite/walk_relax': clip(2),
        'infantry/swordsman/attack_melee_2h_01': clip(3),
        'infantry/siege_operators/onager_attack_a': clip(1),
    })  # fmt: skip
    clips, splits, left_out = ZEROAD['read_clips'](path)
    melee, walk = sorted(clips, key=lambda record: record['label'])
    assert (melee['frame_dir'], melee['label']) == ('infantry-swordsman-attack_melee_2h_01', 0)
    assert (walk['frame_dir'], walk['label'], walk['total_frames']) == ('infantry-hoplite-walk_relax', 10, 2)
    assert splits == {'train': [melee['frame_dir']], 'val': [walk['frame_dir']]} and left_out == 1
    for column, joint in enumerate(JOINTS):
        assert walk['keypoint'][0, :, column].tolist() == [[BONES.index(joint), frame, 0] for frame in range(2)]


def test_the_command_writes_an_annotation_file(archive, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'zeroad.pkl'
    monkeypatch.setattr('sys.argv', ['zeroad.py', str(archive({'citizen/jog_f': clip(4)})), '--out', str(out)])
    ZEROAD['main']()
    records, splits = read_annotations(out)
    assert splits == {'train': ['citizen-jog_f'], 'val': []} and records[0]['keypoint'].shape == (1, 4, 24, 3)
    assert 'left out: 0 clips' in capsys.readouterr().out


def test_the_nearest_training_clip_is_that_of_the_least_mean_distance_wherever_the_clips_begin():
    def record(name: str, label: int, speed: float, start: float) -> dict:
        keypoint = start + speed * np.arange(2.0).reshape(1, 2, 1, 1).repeat(2, 2).repeat(3, 3)
        return {'frame_dir': name, 'label': label, 'keypoint': keypoint}

    clips = [record('slow', 0, 1, 0), record('fast', 1, 3, 0), record('a', 1, 2.9, 50), record('b', 1, 1, -7)]
    # a is 0.1 * sqrt(3) / 2 from fast on average, b equals slow but is of another class
    assert ZEROAD['nearest'](clips, {'train': ['slow', 'fast'], 'val': ['a', 'b']}) == (1, 1)


@pytest.mark.parametrize(
    ('name', 'action'),
    [
        ('idle_shield_ready_01', 'idle ready'),
        ('r1_attack_ranged_bow', 'attack ranged'),
        ('death_2h_01', 'death'),
        ('idle_axe_01', None),  # neither ready nor relax
        ('idle_attack', None),
        ('attack_capture_shield', None),
        ('carry_walk', None),  # two actions
    ],
)
def test_a_name_with_no_or_two_actions_has_no_class(name, action):
    label = ZEROAD['action_of'](name)
    assert (None if label is None else list(ZEROAD['ACTIONS'])[label]) == action


def test_the_configs_name_the_classes_in_the_order_of_the_labels():
    cfg = load_config(FOLDER / 'zeroad_short/d5_lite.py')
    assert list(cfg.classes) == list(ZEROAD['ACTIONS']) and cfg.num_classes == 11


def test_another_file_or_a_damaged_clip_is_reported_with_its_name(archive, tmp_path):
    text = tmp_path / 'public.txt'
    text.write_text('no archive')
    with pytest.raises(ValueError, match='public.txt is not a zip archive; pass public.zip of 0ad-data'):
        ZEROAD['read_clips'](text)
    with pytest.raises(ValueError, match=r'citizen/run\.dae\.cached\.psa of .* is not a clip: .* expected version 1'):
        ZEROAD['read_clips'](archive({'citizen/run': clip(2)[:-28]}))
    with pytest.raises(ValueError, match='has no clip such as'):
        ZEROAD['read_clips'](archive({}))
