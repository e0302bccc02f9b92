"""The page: its function, and the whole in headless Chromium with a film as upload and as the fake camera."""

import json
import os
import shutil
from pathlib import Path

import pytest

from pyskl.cli.demo import build_page, label_upload, parse_args, top_five
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.timeline import Event
from tests.inference.films import HandsUp, pose_of, render, two_people, write_film


@pytest.fixture(scope='module')
def scene():
    return two_people()


@pytest.fixture(scope='module')
def film(scene, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp('demo') / 'two.mp4', render(scene))


class Fresh(ActionRecognizer):
    """A pose estimator of the scene for each film."""

    def pose(self):
        return pose_of(two_people())


def test_an_upload_gives_film_timeline_top_five_and_json(film, tmp_path):
    labelled, rows, top, path, said = label_upload(Fresh.of(HandsUp()), str(film), 60, str(tmp_path))
    assert labelled.endswith('film.mp4') and {(row[0], row[3]) for row in rows} == {
        (1, 'walk'), (1, 'wave'), (2, 'walk'), (2, 'wave'),
    }  # fmt: skip
    assert said.startswith('2 people, 4 intervals') and {row[0] for row in top} == {1, 2}
    held = json.loads(Path(path).read_text())
    assert held['source'] == 'two.mp4' and len(held['events']) == 4


@pytest.mark.parametrize(
    ('path', 'seconds', 'message'),
    [(None, 60, 'upload a film'), ('film', 3, 'the film has 6 s; at most 3 s are taken')],
)
def test_what_cannot_be_taken_is_one_line(film, tmp_path, path, seconds, message):
    with pytest.raises(ValueError, match=message):
        label_upload(Fresh.of(HandsUp()), path and str(film), seconds, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_results_older_than_ten_minutes_are_deleted(film, tmp_path):
    old = tmp_path / 'film-old'
    old.mkdir()
    os.utime(old, (0, 0))
    label_upload(Fresh.of(HandsUp()), str(film), 60, str(tmp_path))
    assert not old.exists() and len(list(tmp_path.iterdir())) == 1


def test_the_top_five_weigh_intervals_by_their_length():
    events = [
        Event(1, 0.0, 3.0, 'a', 0, 0.9, 0, (('a', 0.9), ('b', 0.1))),
        Event(1, 3.0, 4.0, 'b', 1, 0.9, 0, (('b', 0.9), ('a', 0.1))),
    ]
    assert top_five(events) == [[1, 'a', 0.7], [1, 'b', 0.3]]


def test_only_this_machine_may_open_the_page_by_default():
    assert parse_args(['--model', 'x']).host == '127.0.0.1'
    with pytest.raises(ValueError, match='--port must be 1 to 65535'):
        parse_args(['--model', 'x', '--port', '0'])


@pytest.fixture
def browser(tmp_path):
    webdriver = pytest.importorskip('selenium.webdriver')
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if not chromium or not driver:
        pytest.skip('needs chromium and chromedriver')
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ('headless=new', 'no-sandbox', 'disable-dev-shm-usage', 'window-size=1280,1500'):
        options.add_argument(f'--{word}')
    options.add_argument('--use-fake-ui-for-media-stream')
    options.add_argument('--use-fake-device-for-media-stream')
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.mark.slow
def test_in_the_browser(film, browser, tmp_path, monkeypatch):
    pytest.importorskip('gradio')
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    monkeypatch.setenv('GRADIO_TEMP_DIR', str(tmp_path / 'demo'))
    (tmp_path / 'demo').mkdir()
    page = build_page(Fresh.of(HandsUp()), 60, str(tmp_path / 'demo'))
    _, address, _ = page.queue().launch(
        server_name='127.0.0.1', prevent_thread_lock=True, quiet=True, allowed_paths=[str(tmp_path / 'demo')]
    )
    try:
        browser.get(address)
        wait = WebDriverWait(browser, 90)
        upload = wait.until(lambda b: b.find_element(By.CSS_SELECTOR, '#film input[type=file]'))
        upload.send_keys(str(film))
        wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, '#film video'))
        browser.find_element(By.CSS_SELECTOR, 'button#label').click()
        wait.until(lambda b: '4 intervals' in b.find_element(By.CSS_SELECTOR, '#said textarea').get_attribute('value'))
        wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, '#labelled video'))
        text = browser.find_element(By.ID, 'timeline').text
        assert 'walk' in text and 'wave' in text
        browser.save_screenshot(str(tmp_path / 'page.png'))
        assert (tmp_path / 'page.png').stat().st_size > 10_000
    finally:
        page.close()
