"""Compare in a real ComfyUI: what it leaves in the temp folder, of pictures and of videos, and what it says."""

from fractions import Fraction

import av
import folder_paths
import numpy as np
import pytest
import torch
from attention_bending.nodes.compare import SHOWN, AttnBendCompare
from comfy_api.latest import InputImpl, Types
from PIL import Image

RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])


@pytest.fixture(autouse=True)
def temp(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return tmp_path


def film(colour, frames=4, height=64, width=96):
    return colour.expand(frames, height, width, 3)


def video(images, fps):
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=images, frame_rate=Fraction(fps)))


def compared(temp, a, b, fps=16.0):
    """The file, and what is said."""
    node = AttnBendCompare.PREPARE_CLASS_CLONE({"hidden_inputs": {}})
    ui = node.EXECUTE_NORMALIZED(a=a, b=b, fps=fps).ui
    (file,) = ui[SHOWN]
    assert file["type"] == "temp"
    return temp / file["subfolder"] / file["filename"], ui["text"][0].splitlines()


def halves(frame):
    """The middle colours of the upper and the lower half."""
    height, width, _ = frame.shape
    return [frame[height * part // 4, width // 2].tolist() for part in (1, 3)]


def test_films_are_one_video_with_a_above_b(temp):
    file, said = compared(temp, film(RED), film(BLUE), fps=8.0)
    with av.open(file) as opened:
        assert opened.streams.video[0].average_rate == 8
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert len(frames) == 4 and frames[0].shape == (640, 480, 3)
    for frame in frames:
        (red, _, its_blue), (its_red, _, blue) = halves(frame)
        assert red > 230 and blue > 230 and its_red < 25 and its_blue < 25
    assert said == ["4 frames, 96 × 64"]


def test_stills_are_one_picture_and_their_pixels_are_exact(temp):
    file, said = compared(temp, film(RED, 1), film(BLUE, 1))
    assert file.suffix == ".png" and said == ["a picture, 96 × 64"]
    assert halves(np.asarray(Image.open(file))) == [[255, 0, 0], [0, 0, 255]]


def test_videos_have_their_own_speed(temp):
    file, said = compared(temp, video(film(RED), 12), video(film(BLUE), 24))
    with av.open(file) as opened:
        assert opened.streams.video[0].average_rate == 12
    assert said[1:] == ["a has 12 frames per second, b 24: frame by frame, at a's speed."]
    _, said = compared(temp, video(film(RED), 12), film(RED))
    assert said[0] == "4 frames, 96 × 64. a and b are the same to the bit."
    assert said[1:] == ["a has 12 frames per second, b 16: frame by frame, at a's speed."]


def test_two_runs_leave_two_files(temp):
    assert compared(temp, film(RED), film(BLUE))[0] != compared(temp, film(RED), film(BLUE))[0]
