"""The contact sheet of one word's maps: its cells, their numbers, and how large it is."""

import json
from dataclasses import replace

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps.record import even_bins
from attention_bending.bending.maps.statistics import statistics
from attention_bending.bending.pictures import drawing, maps_grid
from attention_bending.bending.pictures.text_rendering import Canvas
from core.recorded import maps, record


def unseen(*shape, missing=(1, 2)):
    kept = record(maps(1, *shape), maps(1, *shape, seed=1))
    kept.seen[0][missing] = False
    return kept


def test_cells_are_the_record_and_their_numbers_its_films():
    kept = unseen(2, 3, 1, 5, 4, 6)
    for show in ("original", "bent", "difference"):
        cells = maps_grid.collect(kept, show=show)
        told = json.loads(cells.as_json())
        assert (told["word"], told["show"]) == ("kiss", show)
        assert told["rows"] == ["step 0", "step 1"] and told["columns"] == ["layer 0", "layer 1", "layer 2"]
        assert told["cells"][1][2] is None and cells.maps[1][2] is None
        for step, layer in ((0, 0), (1, 1)):
            (film,) = drawing.view_of(kept, show, [0], (step,), (layer,))
            assert told["cells"][step][layer] == statistics(film)
            torch.testing.assert_close(cells.maps[step][layer], film.mean(0, True))
    assert maps_grid.collect(kept, frames="all").maps[0][0].shape == (5, 4, 6)


def test_heads_down_are_means_over_the_steps():
    kept = unseen(2, 3, 4, 1, 4, 6, missing=(slice(None), 2))
    cells = maps_grid.collect(kept, axes="heads × layers", steps="1")
    assert cells.rows == ("head 0", "head 1", "head 2", "head 3")
    torch.testing.assert_close(cells.maps[3][1], kept.mean_map(0, False, (1,), (1,), (3,)))
    assert [row[2] for row in cells.maps] == [None] * 4


def test_what_is_chosen_of_a_binned_record_is_named_by_its_bins():
    kept = record(maps(1, 2, 3, 1, 1, 2, 2), steps=even_bins(7, 2), layers=even_bins(30, 3))
    cells = maps_grid.collect(kept, steps="late", layers="0-12")
    assert cells.rows == ("step 3-6",) and cells.columns == ("layer 0-9", "layer 10-19")


def test_what_cannot_be_shown_is_refused():
    kept = unseen(2, 3, 1, 1, 2, 2)
    for refused, message in (
        ({"axes": "heads × layers"}, "the heads were recorded as their mean. Turn record_heads on"),
        ({"word": "rose"}, '"rose" was not recorded; recorded were: kiss'),
        ({"steps": "1", "layers": "2"}, "nothing was recorded in step 1 of layer 2"),
        ({"layers": "7"}, "this model has no layer 7"),
        ({"show": "side by side"}, "show is 'side by side'"),
        ({"axes": "layers"}, "axes is 'layers'"),
        ({"frames": "0"}, "frames is '0'. Choose one of average, all"),
    ):
        with pytest.raises(BendError, match=message):
            maps_grid.collect(kept, **refused)
    two = record(maps(2, 1, 1, 1, 1, 2, 2), words=("kiss", "sea"))
    assert maps_grid.collect(two).word == "kiss" and maps_grid.collect(two, "sea").word == "sea"
    with pytest.raises(BendError, match="word is 'kiss, sea', which are 2 words"):
        maps_grid.collect(two, "kiss, sea")
    with pytest.raises(BendError, match=r"normalize is 'film'\. Choose one of sheet, cell"):
        maps_grid.sheet(maps_grid.collect(two), normalize="film")
    with pytest.raises(BendError, match="color_map is 'seismic'"):
        maps_grid.sheet(maps_grid.collect(two), "seismic")


def box_of(original, row, column):
    """Where a cell's picture is: the pixels that differ once its map, not its numbers, is turned over."""
    turned = original.clone()
    turned[0, row, column] = original[0, row, column].flip(-1, -2)
    before, after = (maps_grid.sheet(maps_grid.collect(record(values)), "gray") for values in (original, turned))
    places = (before != after).any(-1).nonzero()
    (_, top, left), (_, bottom, right) = places.amin(0).tolist(), places.amax(0).tolist()
    return slice(top, bottom + 1), slice(left, right + 1)


def test_a_sheet_has_each_map_in_its_cell():
    original = maps(1, 2, 3, 1, 4, 5, 8) * torch.tensor([[1.0], [0.5]]).view(2, 1, 1, 1, 1, 1)
    kept = record(original)
    kept.seen[0, 1, 2] = False
    boxes = {(row, column): box_of(original, row, column) for row in range(2) for column in range(3)}
    assert len({(box[0].stop - box[0].start, box[1].stop - box[1].start) for box in boxes.values()}) == 1
    (down, across) = boxes[0, 0]
    height, width = down.stop - down.start, across.stop - across.start
    assert height >= 5 * 16 and width / height == pytest.approx(8 / 5, abs=0.05)
    for (row, column), (y, x) in boxes.items():  # on lines, beside and below each other
        assert y == boxes[row, 0][0] and x == boxes[0, column][1]
        assert column == 0 or x.start >= boxes[row, column - 1][1].stop
        assert row == 0 or y.start >= boxes[0, column][0].stop
    for frames, count in (("average", 1), ("all", 4)):
        cells = maps_grid.collect(kept, frames=frames)
        sheet, own = (maps_grid.sheet(cells, "gray", normalize) for normalize in ("sheet", "cell"))
        assert sheet.shape == own.shape and len(sheet) == count
        assert sheet.shape[1] % 2 == 0 and sheet.shape[2] % 2 == 0
        if frames == "all":  # whose cells may be smaller
            continue
        largest = max(values.max() for row in cells.maps for values in row if values is not None)
        for row, column in ((0, 0), (1, 1)):
            values, (y, x) = cells.maps[row][column], boxes[row, column]
            for drawn, scale in ((sheet, largest), (own, values.max())):
                expected = drawing.enlarge(values / scale, height, width)
                torch.testing.assert_close(drawn[:, y, x, 0], expected, atol=3e-3, rtol=0)
        hatched = sheet[(slice(None), *boxes[1, 2])]
        assert hatched.max() < 0.5 and hatched.std() > 0.02


@pytest.mark.parametrize(
    "steps, layers, heads, frames", [(20, 30, 1, 1), (20, 30, 1, 3), (1, 40, 40, 1), (50, 1, 1, 1)]
)
def test_a_sheet_stays_a_sane_size(steps, layers, heads, frames):
    kept = record(maps(1, steps, layers, heads, frames, 6, 10))
    axes = maps_grid.AXES[heads > 1]
    cells = maps_grid.collect(kept, axes=axes, frames="all")
    sheet = maps_grid.sheet(cells)
    limit = 4000 if frames == 1 else 2000
    assert max(sheet.shape[1:3]) <= limit * 1.05
    assert max(sheet.shape[1:3]) > limit / 2


def texts_on(monkeypatch, cells):
    """What is written on a sheet."""
    texts, write = [], Canvas.write

    def noted(self, x, y, text, *args, **kwargs):
        texts.append(text)
        return write(self, x, y, text, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Canvas, "write", noted)
        maps_grid.sheet(cells)
    return texts


@pytest.mark.parametrize("layers, fit", [(3, True), (40, False)])
def test_numbers_that_would_not_fit_are_left_out(monkeypatch, layers, fit):
    texts = texts_on(monkeypatch, maps_grid.collect(record(maps(1, 1, layers, 1, 2, 4, 4)), frames="all"))
    assert sum("%" in text for text in texts) == (layers if fit else 0)
    assert any("beneath" in text for text in texts) == fit


@pytest.mark.parametrize(
    "share, entropy, text", [(0.0134, 0.876, "1.3% · 0.88"), (-1e-7, 0.5, "~0% · 0.50"), (0.0, None, "0% · -")]
)
def test_small_shares_are_short(monkeypatch, share, entropy, text):
    cells = maps_grid.collect(record(maps(1, 1, 1, 1, 1, 4, 4)))
    numbers = {**cells.statistics[0][0], "share": share, "entropy": entropy}
    assert text in texts_on(monkeypatch, replace(cells, statistics=((numbers,),)))
