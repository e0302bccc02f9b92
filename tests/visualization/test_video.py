import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from pyskl.visualization.video import write_image, write_video


def images(count=5, height=30, width=41):
    """A white square that moves by four pixels per image over a plain background."""
    out = np.full((count, height, width, 3), (20, 30, 200), np.uint8)
    for t in range(count):
        out[t, 4:8, 4 * t : 4 * t + 4] = 255
    return out


def read_gif(path):
    with Image.open(path) as image:
        return np.stack([np.array(frame.convert('RGB')) for frame in ImageSequence.Iterator(image)]), image.info


def test_a_gif_of_few_colours_is_lossless(tmp_path):
    frames = images(60)[:, :, :40]  # more frames than share one palette
    assert write_video(tmp_path / 'x.gif', frames, 25) == 60
    read, info = read_gif(tmp_path / 'x.gif')
    assert (read == frames).all()
    assert (info['duration'], info['loop']) == (40, 0)


def test_equal_consecutive_images_are_separate_frames_of_a_gif(tmp_path):
    assert write_video(tmp_path / 'x.gif', np.zeros((3, 8, 8, 3), np.uint8), 10) == 3
    assert len(read_gif(tmp_path / 'x.gif')[0]) == 3


def test_a_gif_of_many_colours_is_close_to_the_frames(tmp_path):
    ramp = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 4)), axis=-1)
    frame = np.concatenate([ramp, np.full((64, 64, 1), 90)], axis=-1).astype(np.uint8)  # 4096 colours
    frame[0, 0] = (255, 255, 255)
    write_video(tmp_path / 'x.gif', [frame], 10)
    read = read_gif(tmp_path / 'x.gif')[0][0].astype(int)
    assert np.abs(read - frame).max() <= 16
    assert read[0, 0].tolist() == [255, 255, 255]  # rare, and far from the others


def test_equal_clips_give_equal_bytes(tmp_path):
    for name in ('x.gif', 'x.mp4'):
        written = []
        for folder in ('a', 'b'):
            write_video(tmp_path / folder / name, images())
            written.append((tmp_path / folder / name).read_bytes())
        assert written[0] == written[1]


def test_an_mp4_has_every_frame_padded_to_even_sides(tmp_path):
    assert write_video(tmp_path / 'x.mp4', iter(images()), 10) == 5
    video = cv2.VideoCapture(str(tmp_path / 'x.mp4'))
    read = []
    while (result := video.read())[0]:
        read.append(result[1])
    assert np.shape(read) == (5, 30, 42, 3)
    assert video.get(cv2.CAP_PROP_FPS) == 10
    assert read[0][20, 20, 0] > 150 > read[0][20, 20, 2]  # blue stays blue


def test_a_png_is_lossless(tmp_path):
    write_image(tmp_path / 'deep' / 'x.png', images()[0])
    assert (np.array(Image.open(tmp_path / 'deep' / 'x.png')) == images()[0]).all()


@pytest.mark.parametrize(
    ('name', 'frames', 'fps', 'message'),
    [
        ('x.avi', images(), 25, 'must end in .gif or .mp4'),
        ('x.gif', [], 25, 'needs at least one image'),
        ('x.mp4', [], 25, 'needs at least one image'),
        ('x.gif', images(), 0, 'fps must be above 0'),
        ('x.gif', [images()[0], images()[0][:-1]], 25, 'of equal size'),
        ('x.mp4', [images()[0].astype(float)], 25, 'must be uint8'),
    ],
)
def test_invalid_frames_raise_and_leave_the_old_file(tmp_path, name, frames, fps, message):
    (tmp_path / name).write_text('mine')
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / name, frames, fps)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == 'mine'
