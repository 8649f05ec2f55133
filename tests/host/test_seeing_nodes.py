"""Attention Maps and Attention Maps Grid in a real ComfyUI, on records made for them."""

import json
from pathlib import Path

import folder_paths
import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.maps.against import AGAINST
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins
from attention_bending.bending.pictures import drawing, maps_grid
from attention_bending.host.maps import record_store
from attention_bending.nodes.seeing import SEEING, AttnBendMaps, AttnBendMapsGrid
from PIL import Image

GRID = Grid(3, 4, 6)
MAPS = {
    "words": "",
    "show": "side by side",
    "layers": "all",
    "steps": "all",
    "normalize": "film",
    "color_map": "viridis",
    "opacity": 0.7,
    "captions": True,
}
SHEET = {
    "word": "",
    "axes": "steps × layers",
    "show": "original",
    "layers": "all",
    "steps": "all",
    "frames": "average",
    "color_map": "viridis",
    "normalize": "sheet",
}


@pytest.fixture(scope="module")
def record():
    generator = torch.Generator().manual_seed(3)
    original, bent = (torch.rand(2, 2, 3, 1, *GRID.shape, generator=generator) for _ in range(2))
    seen = torch.ones(2, 2, 3, dtype=torch.bool)
    seen[:, 1, 2] = False
    films = PackedMaps.pack(original), PackedMaps.pack(bent)
    return Record(("kiss", "sea"), ((3,), (5, 6)), GRID, even_bins(2, 2), even_bins(3, 3), 1, *films, seen)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """ComfyUI's temp and output folders, empty."""
    for name in ("temp", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    return tmp_path


def show(record, latent=None, **widgets):
    return AttnBendMaps.execute(record, latent=latent, **{**MAPS, **widgets})


def grid(record, latent=None, **widgets):
    return AttnBendMapsGrid.execute(record, latent=latent, **{**SHEET, **widgets})


def preview(output, folders) -> tuple[Image.Image, dict]:
    """The one picture on the node, which lies in the temp folder."""
    ui = output.ui.as_dict()
    [saved] = ui["images"]
    assert saved["type"] == "temp" and not any((folders / "output").iterdir())
    return Image.open(Path(folders, "temp", saved["subfolder"], saved["filename"])), ui


@pytest.mark.parametrize("node", SEEING)
def test_everything_is_explained(node):
    schema = node.GET_SCHEMA()
    assert schema.node_id == node.__name__ and schema.is_output_node
    assert all(each.tooltip and each.tooltip[-1] in ".?" for each in (*schema.inputs, *schema.outputs))
    assert len(schema.search_aliases) > 4 and schema.description


@pytest.mark.parametrize(
    "node, widgets, last",
    [(AttnBendMaps, MAPS, ["images", "against"]), (AttnBendMapsGrid, SHEET, ["against"])],
    ids=["maps", "grid"],
)
def test_the_inputs_are_in_their_order_with_their_defaults(node, widgets, last):
    inputs = node.GET_SCHEMA().inputs
    assert [each.id for each in inputs] == ["maps", "latent", *widgets, *last]
    defaults = {each.id: each.default for each in inputs if each.id in widgets}
    assert defaults == widgets


def test_the_nodes_choices_are_the_cores():
    choices = {each.id: each.options for each in AttnBendMaps.GET_SCHEMA().inputs if hasattr(each, "options")}
    assert choices == {
        "show": list(drawing.SHOWS),
        "normalize": list(drawing.NORMALIZE),
        "color_map": list(drawing.COLOR_MAPS),
        "against": list(AGAINST),
    }
    choices = {each.id: each.options for each in AttnBendMapsGrid.GET_SCHEMA().inputs if hasattr(each, "options")}
    assert (choices["axes"], choices["frames"]) == (list(maps_grid.AXES), list(maps_grid.FRAMES))
    assert choices["normalize"] == list(maps_grid.NORMALIZE)


# --- Attention Maps --------------------------------------------------------------------------------------------------


def test_the_film_of_maps_and_its_moving_preview(record, folders):
    output = show(record)
    film, mask = output.args
    assert film.shape[0] == 9 and film.shape[2] == 2 * 576 + drawing.GAP and film.dtype == torch.float32
    assert film.shape[1] > 2 * 384 and film.shape[1] % 2 == 0
    assert film.min() >= 0 and film.max() <= 1
    assert mask.shape == (9, 4, 6) and mask.max() == 1
    picture, ui = preview(output, folders)
    assert ui["animated"] == (True,) and picture.format == "WEBP" and picture.n_frames > 1
    assert max(picture.size) == 768


def test_it_is_what_the_core_draws(record):
    images = torch.rand(5, 32, 48, 3, generator=torch.Generator().manual_seed(1))
    film, mask = show(
        record,
        words="sea",
        show="difference",
        layers="0-1",
        steps="-1",
        normalize="frame",
        color_map="hot",
        opacity=0.4,
        captions=False,
        images=images,
    ).args
    views = drawing.choose(record, "sea", "difference", "0-1", "-1")
    assert torch.equal(film, drawing.draw(views, drawing.Look("hot", "frame", 0.4, False), images))
    assert torch.equal(mask, drawing.as_mask(views, 5)) and film.shape == images.shape


def test_over_the_film_it_keeps_the_films_size(record):
    images = torch.rand(9, 64, 96, 3)
    film, _ = show(record, words="kiss", show="bent", captions=False, opacity=0.0, images=images).args
    assert torch.equal(film, images)


def test_one_picture_is_previewed_as_it_is(record, folders):
    output = show(record, captions=False, words="kiss", show="original", images=torch.rand(1, 64, 96, 3))
    picture, ui = preview(output, folders)
    assert ui["animated"] == (False,) and picture.size == (96, 64)


def test_the_mask_is_the_map_to_bend_where(record):
    """Held in time and a pixel a cell, so that it meets the grid again as it was."""
    _, mask = show(record, words="sea").args
    film = record.mean_map(1, False, (0, 1), (0, 1, 2))
    on_grid = MaskVideo(mask).on(FrameLayout.whole(GRID))
    torch.testing.assert_close(on_grid, film / film.max())


def test_maps_of_a_run_need_its_latent(record):
    handle, latent = record_store.Handle("7", 2**30), {"samples": torch.rand(1, 16, 3, 8, 12)}
    for execute in (show, grid):
        with pytest.raises(BendError, match="Connect the latent of the sampler"):
            execute(handle)
    record_store.put(handle, latent["samples"], record)
    assert torch.equal(show(handle, latent).args[0], show(record).args[0])
    assert grid(handle, latent).args[1] == grid(record).args[1]
    for execute in (show, grid):
        with pytest.raises(BendError, match="another run"):
            execute(handle, {"samples": torch.zeros(1, 16, 3, 8, 12)})


@pytest.mark.parametrize(
    "widgets, message",
    [
        ({"words": "rose"}, '"rose" was not recorded; recorded were: kiss, sea'),
        ({"layers": "9"}, "layers is '9', but this model has no layer 9"),
        ({"steps": "5"}, "steps is '5', but this run has no step 5"),
        ({"layers": "2", "steps": "1"}, "nothing was recorded in step 1 of layer 2"),
        ({"layers": "x"}, "'x' is no layer"),
    ],
)
def test_what_is_not_there_is_refused(record, widgets, message):
    for execute in (show, lambda record, words="", **more: grid(record, word=words, **more)):
        with pytest.raises(BendError, match=message):
            execute(record, **widgets)


# --- Attention Maps Grid ---------------------------------------------------------------------------------------------


def test_the_sheet_and_its_numbers(record, folders):
    output = grid(record, word="sea")
    sheet, text = output.args
    told = json.loads(text)
    assert told["word"] == "sea" and told["rows"] == ["step 0", "step 1"] and len(told["columns"]) == 3
    assert told["cells"][1][2] is None
    film = record.mean_map(1, False, (0,), (1,)).double()
    part = (film / film.sum()).flatten()
    entropy = -(part * part.log()).sum() / torch.tensor(part.numel()).double().log()
    assert told["cells"][0][1] == pytest.approx(
        {"share": film.mean().item(), "entropy": entropy.item(), "max": film.max().item()}, abs=1e-5
    )
    assert sheet.shape[0] == 1 and sheet.shape[3] == 3
    picture, ui = preview(output, folders)
    assert ui["animated"] == (False,) and picture.size == (sheet.shape[2], sheet.shape[1])


def test_the_sheet_as_a_film(record, folders):
    output = grid(record, frames="all", show="difference", normalize="cell")
    cells = maps_grid.collect(record, show="difference", frames="all")
    assert torch.equal(output.args[0], maps_grid.sheet(cells, "viridis", "cell")) and len(output.args[0]) == 3
    picture, ui = preview(output, folders)
    assert ui["animated"] == (True,) and picture.n_frames == 3


def test_heads_that_were_not_kept_are_refused(record):
    with pytest.raises(BendError, match="Turn record_heads on in Patch Model"):
        grid(record, axes="heads × layers")
