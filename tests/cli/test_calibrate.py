import json

import numpy as np
import pytest

from pyskl.cli import calibrate
from pyskl.cli.calibrate import fit
from pyskl.inference.network import read_calibration


def logits(count=400, sharpness=4.0):
    """Return logits of an overconfident network that is correct in about 80 %, and labels of two classes."""
    random = np.random.RandomState(0)
    labels = random.randint(0, 2, count)
    margin = random.normal(1, 1.2, count) * sharpness
    sign = np.where(labels == 1, 1, -1)
    return np.stack([np.zeros(count), margin * sign], 1), labels


def test_an_overconfident_network_gets_a_temperature_above_one_and_a_smaller_error():
    calibration, lines = fit(*logits(), None, 'max_prob', 0.95)
    assert calibration['temperature'] > 1.5 and calibration['ece_after'] < calibration['ece_before']
    assert calibration['auroc_after'] == pytest.approx(
        calibration['auroc_before']
    )  # two classes: the order of clips stays
    assert [line.split()[0] for line in lines] == ['400', 'before', 'after', 'threshold']
    scores, labels = logits()
    confidence = 1 / (1 + np.exp(-np.abs(scores[:, 1]) / calibration['temperature']))
    right = scores.argmax(1) == labels
    assert np.mean(confidence[right] >= calibration['threshold']) == pytest.approx(0.95, abs=0.01)


def test_the_energy_separates_unknown_from_known_actions():
    known, labels = logits()
    calibration, lines = fit(known + 10, labels, np.zeros((50, 2)), 'energy', 0.9)
    assert calibration['auroc_after'] > 0.99 and 'known against unknown' in lines[1]
    assert calibration['threshold'] > 1.0  # T log 2 is the negative energy of the unknown clips


def test_a_network_that_is_never_correct_raises():
    scores, labels = logits()
    with pytest.raises(ValueError, match='labels no clip of this split correctly'):
        fit(scores, 1 - scores.argmax(1), None, 'max_prob', 0.9)


def test_a_network_that_is_always_correct_gets_temperature_one():
    scores, _ = logits()
    calibration, lines = fit(scores, scores.argmax(1), None, 'max_prob', 0.9)
    assert calibration['temperature'] == 1 and calibration['auroc_after'] is None and 'use a harder split' in lines[0]


def test_the_calibration_file_is_read_by_predict(tiny, tmp_path, monkeypatch, capsys):
    import torch

    from pyskl.apis import init_recognizer

    torch.manual_seed(0)
    model = init_recognizer(str(tiny.config))
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'a.pth')
    out = tmp_path / 'c.json'
    words = ['calibrate', str(tiny.config), str(tmp_path / 'a.pth'), '--split', 'xsub_train', '--out', str(out)]
    monkeypatch.setattr('sys.argv', words)
    calibrate.main()
    assert 'ECE' in capsys.readouterr().out
    assert read_calibration(out).method == 'max_prob'
    assert json.loads(out.read_text())['clips'] == 8
    with pytest.raises(FileExistsError, match='--overwrite'):
        calibrate.main()
    monkeypatch.setattr('sys.argv', [*words[:4], 'nowhere', *words[5:], '--overwrite'])
    with pytest.raises(ValueError, match="has no split 'nowhere'"):
        calibrate.main()
