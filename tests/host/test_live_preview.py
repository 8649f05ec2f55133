"""The maps on the node while the sampler runs: small enough not to hold it up, and none where nobody looks."""

from threading import current_thread

import numpy as np
import pytest
import torch
from attention_bending.host.maps import live_preview


class Means:
    """What a recorder tells of a step under way: `(2, W, F, h, w)`, original and bent."""

    def __init__(self, *grid, words=6, same=False):
        maps = torch.rand(words, *grid, generator=torch.Generator().manual_seed(1))
        self.maps = torch.stack((maps, maps if same else maps.flip(-1)))

    def running_mean(self):
        return self.maps


@pytest.fixture
def shown(monkeypatch):
    pictures = []
    monkeypatch.setattr(live_preview, "can_show_pictures", lambda node: node is not None)
    monkeypatch.setattr(
        live_preview, "picture_shower", lambda node: lambda picture: pictures.append((node, picture, current_thread()))
    )
    return pictures


@pytest.mark.parametrize("grid", [(21, 30, 52), (21, 45, 80), (1, 52, 30), (5, 4, 4)])
@pytest.mark.parametrize("same", [False, True])
def test_a_picture_is_small_whatever_the_film(shown, grid, same):
    preview = live_preview.LivePreview("7", tuple("abcdef"), 16, 4)
    preview.offer(Means(*grid, same=same))
    preview.close()
    ((node, picture, thread),) = shown
    assert thread is not current_thread()  # the sampler goes on meanwhile
    assert node == "7" and picture.width <= live_preview.WIDTH
    words, views = live_preview.WORDS, 1 if same else 2
    assert picture.width >= views * grid[2] and picture.height >= words * grid[1]
    assert np.asarray(picture).std() > 10


def test_nobody_looks_nothing_is_drawn(shown):
    live_preview.LivePreview(None, ("a",), 16, 4).offer(Means(1, 4, 4))
    assert not shown


def test_what_goes_wrong_with_a_picture_is_not_dropped(shown, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no room")

    monkeypatch.setattr(live_preview, "draw", fail)
    preview = live_preview.LivePreview("7", ("a",), 16, 4)
    preview.offer(Means(1, 4, 4))
    preview.close()
    with pytest.raises(OSError, match="no room"):
        preview.offer(Means(1, 4, 4))
