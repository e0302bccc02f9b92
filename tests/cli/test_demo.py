"""The demo page: its function, and the page in headless Chromium with a video as upload and as simulated camera.

The browser tests are slow and need `pip install -e '.[demo]' selenium`; they are skipped without these packages
or without Chromium.
"""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('av')

from pyskl.cli.demo import EXPLAIN, build_page, explain_choices, label_upload, parse_args, top_five  # noqa: E402
from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer  # noqa: E402
from pyskl.inference.stream import StreamSettings  # noqa: E402
from pyskl.inference.timeline import Event  # noqa: E402
from tests.inference.films import Explained, HandsUp, pose_of, render, two_people, write_film  # noqa: E402


@pytest.fixture(scope='module')
def scene():
    return two_people()


@pytest.fixture(scope='module')
def film(scene, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp('demo') / 'two.mp4', render(scene))


class Fresh(ActionRecognizer):
    """Use a new pose estimator of the scene for each video."""

    def pose(self):
        return pose_of(two_people())


@pytest.fixture
def explained(tiny):
    return Fresh.of(Explained(load_network(str(tiny.config), None)[0]))


def test_an_upload_returns_video_timeline_top_five_and_json(film, tmp_path):
    labelled, rows, top, (path,), output = label_upload(Fresh.of(HandsUp()), str(film), 60, str(tmp_path))
    assert labelled.endswith('film.mp4') and {(row[0], row[3]) for row in rows} == {
        (1, 'walk'), (1, 'wave'), (2, 'walk'), (2, 'wave'),
    }  # fmt: skip
    assert output.startswith('2 people, 4 intervals') and {row[0] for row in top} == {1, 2}
    summary = json.loads(Path(path).read_text())
    assert summary['source'] == 'two.mp4' and len(summary['events']) == 4


def test_an_explained_upload_returns_another_film_and_the_responses(film, explained, tmp_path):
    films = []
    for kind in ('none', 'magnitude', 'gradient'):
        labelled, rows, _, files, _ = label_upload(explained, str(film), 60, str(tmp_path), explain=kind)
        films.append(Path(labelled).read_bytes())
        assert len(rows) == 4 and [Path(file).name for file in files] == ['events.json', 'explain.npz'][: len(files)]
        assert [str(np.load(file)['kind']) for file in files[1:]] == [kind] * (kind != 'none')
    assert len(set(films)) == 3


def test_explain_is_offered_for_networks_that_support_it(explained, tiny):
    assert parse_args(['--model', 'x']).explain == 'none'
    assert parse_args(['--model', 'x', '--explain']).explain == 'magnitude'
    assert parse_args(['--model', 'x', '--explain', 'gradient']).explain == 'gradient'
    assert explain_choices(explained, 'gradient') == EXPLAIN
    stepped = ActionRecognizer.of(load_network(str(tiny.config), None)[0], settings=StreamSettings(stepwise=True))
    assert explain_choices(stepped, 'none') == EXPLAIN[:1]
    with pytest.raises(ValueError, match='--explain magnitude: explain works on windows'):
        explain_choices(stepped, 'magnitude')


@pytest.mark.parametrize(
    ('path', 'seconds', 'message'),
    [(None, 60, 'upload or record a video'), ('film', 3, 'the video has 6 s, but at most 3 s are allowed')],
)
def test_an_invalid_upload_raises_one_line(film, tmp_path, path, seconds, message):
    with pytest.raises(ValueError, match=message):
        label_upload(Fresh.of(HandsUp()), path and str(film), seconds, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_results_older_than_ten_minutes_are_deleted(film, tmp_path):
    old = tmp_path / 'film-old'
    old.mkdir()
    os.utime(old, (0, 0))
    label_upload(Fresh.of(HandsUp()), str(film), 60, str(tmp_path))
    assert not old.exists() and len(list(tmp_path.iterdir())) == 1


def test_the_top_five_are_weighted_by_duration():
    events = [
        Event(1, 0.0, 3.0, 'a', 0, 0.9, 0, (('a', 0.9), ('b', 0.1))),
        Event(1, 3.0, 4.0, 'b', 1, 0.9, 0, (('b', 0.9), ('a', 0.1))),
    ]
    assert top_five(events) == [[1, 'a', 0.7], [1, 'b', 0.3]]


def test_the_page_listens_on_loopback_by_default():
    assert parse_args(['--model', 'x']).host == '127.0.0.1'
    with pytest.raises(ValueError, match='--port must be 1 to 65535'):
        parse_args(['--model', 'x', '--port', '0'])


class Block:
    """Detect a person in the bright part of the image; in the upper half the hands are up."""

    layout = 'coco'

    def people(self, frame):
        bright = np.argwhere(frame.mean(-1) > 180)
        keypoint, score = np.zeros((1, 17, 2), np.float32), np.ones((1, 17), np.float32)
        if len(bright) < 20:
            return keypoint[:0], score[:0]
        height, (y, x) = len(frame), bright.mean(0)
        keypoint[0, :, 0], keypoint[0, :, 1] = x + np.arange(17), np.linspace(0.3, 0.9, 17) * height
        if y < height / 2:
            keypoint[0, 9:11, 1] = 0.1 * height
        return keypoint, score


def write_camera_film(path, seconds=3.0, fps=15, size=(180, 320)):
    """Write a film that Chromium loops as a camera: a block that is low, then high."""
    height, width = size
    with path.open('wb') as file:
        file.write(b'YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n' % (width, height, fps))
        for top in [height * 6 // 10] * round(seconds * fps) + [height // 10] * round(seconds * fps):
            grey = np.full(size, 60, np.uint8)
            grey[top : top + height // 4, width // 2 - 20 : width // 2 + 20] = 235
            file.write(b'FRAME\n' + grey.tobytes() + np.full(height * width // 2, 128, np.uint8).tobytes())
    return path


@pytest.fixture
def browser(tmp_path):
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if not chromium or not driver:
        pytest.skip('needs chromium and chromedriver')
    pytest.importorskip('gradio', reason="the page needs gradio: pip install -e '.[demo]'", exc_type=ImportError)
    pytest.importorskip('selenium', reason='the browser is driven by selenium: pip install selenium')
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in (
        'headless=new', 'no-sandbox', 'disable-dev-shm-usage', 'window-size=1280,1500', 'use-fake-ui-for-media-stream',
        'use-fake-device-for-media-stream', f'use-file-for-fake-video-capture={write_camera_film(tmp_path / "c.y4m")}',
    ):  # fmt: skip
        options.add_argument(f'--{word}')
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def open_page(browser, tmp_path, monkeypatch):
    """Open the page of a recognizer; yield a function that waits for an element of the page."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    folder, pages = tmp_path / 'demo', []
    folder.mkdir()
    monkeypatch.setenv('GRADIO_TEMP_DIR', str(folder))

    def call(recognizer):
        page = build_page(recognizer, 60, str(folder), name='hands up or down')
        _, address, _ = page.queue().launch(
            server_name='127.0.0.1', prevent_thread_lock=True, quiet=True, allowed_paths=[str(folder)]
        )
        pages.append(page)
        browser.get(address)

        def wait(selector, ready=lambda element: True):
            return WebDriverWait(browser, 120).until(
                lambda b: next((e for e in b.find_elements(By.CSS_SELECTOR, selector) if ready(e)), None)
            )

        return wait

    yield call
    for page in pages:
        page.close()


def has_text(text):
    return lambda element: text in element.get_attribute('value')


@pytest.mark.slow
def test_an_upload_in_the_browser(film, browser, open_page, explained, tmp_path):
    wait = open_page(explained)
    wait('button#label').click()
    wait('#result textarea', has_text('upload or record a video first'))
    wait('#film input[type=file]').send_keys(str(film))
    wait('#film video')
    assert 'hands up or down: 2 actions' in browser.find_element('tag name', 'body').text
    wait('#explain input[value=gradient]').click()
    wait('button#label').click()
    wait('#result textarea', has_text('4 intervals'))
    wait('#labelled video')
    assert {Path(link.get_attribute('href')).name for link in browser.find_elements('css selector', '#json a')} == {
        'events.json', 'explain.npz',
    }  # fmt: skip
    text = browser.find_element('id', 'timeline').text
    assert 'walk' in text and 'wave' in text
    browser.save_screenshot(str(tmp_path / 'page.png'))
    assert (tmp_path / 'page.png').stat().st_size > 10_000


@pytest.mark.slow
def test_a_camera_in_the_browser(browser, open_page, tiny, tmp_path):
    wait = open_page(ActionRecognizer.of(Explained(load_network(str(tiny.config), None)[0]), Block()))
    wait('#film button[aria-label="Capture from camera"]').click()
    wait('#film [title*="access"]').click()
    record = '#film button[aria-label="start recording"]'
    wait(record).click()
    time.sleep(7)  # more than one loop of the film: both actions
    wait(record, lambda element: element.text == 'Stop').click()
    wait('#film video[src*="webm"]')
    wait('button#label').click()
    wait('#result textarea', has_text('1 person, '))
    wait('#labelled video')
    text = browser.find_element('id', 'timeline').text
    assert 'walk' in text and 'wave' in text
    browser.save_screenshot(str(tmp_path / 'page.png'))
    assert not [line for line in browser.get_log('browser') if line['level'] == 'SEVERE']
