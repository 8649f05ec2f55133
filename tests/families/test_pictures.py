"""One latent frame, as a picture has it: what is of time says so, and nothing of the rest is lost."""

import comfy.context_windows as windows
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import parse_keyframes, sampled_curve
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.nodes.seeing import AttnBendMaps, AttnBendMapsGrid
from comfy_extras.nodes_context_windows import ContextWindowsManualNode
from host.support import KISS, bent, reports

from .table import MEMBERS
from .test_members import built, film

__all__ = ["film"]

PICTURES = pytest.mark.parametrize("name", ["Cosmos Predict 2, a picture", "Kandinsky 5 Image"])


def moving(track, parameter="factor"):
    return Bend(ops.Amplify(), "kiss", animations=(Animation(parameter, "frames", track),))


@pytest.fixture
def member(name):
    return MEMBERS[name]


@PICTURES
@pytest.mark.parametrize(
    ("bend", "says"),
    [
        (Bend(ops.Time("reverse"), "kiss"), "a picture has one frame, so that nothing moves in time."),
        (Bend(ops.Time("shift", 2.0), "kiss"), "a picture has one frame, so that nothing moves in time."),
        (moving(parse_keyframes("0: 3, 20: 5, -1: 9")), "so that factor stays at 3."),
        (moving(parse_keyframes("100%: 9, 0%: 4")), "so that factor stays at 4."),
        (moving(sampled_curve([2.0, 3.0, 4.0])), "so that factor stays at 2."),
        (Bend(ops.Amplify(3.0), "kiss", frames="0-4"), "and its frames (0-4) hold it."),
        (Bend(ops.Amplify(3.0), "kiss", frames="-1"), "and its frames (-1) hold it."),
        (Bend(ops.Amplify(3.0), "kiss", frames="3-8"), "and its frames (3-8) do not hold it."),
        (Bend(ops.Amplify(3.0), "kiss", frames="50%-100%"), "and its frames (50%-100%) do not hold it."),
        (Bend(ops.Amplify(3.0), "kiss", masks=(MaskVideo(torch.rand(9, 6, 6)),)), "stretched to the 1 of the latent"),
    ],
)
def test_what_is_of_time_degrades_with_a_sentence(bend, says, name, member, film):
    with reports() as made:
        picture = film(bent(built(member), bend))
    assert picture.isfinite().all()
    (warning,) = made[0].warnings
    assert says in warning


@PICTURES
@pytest.mark.parametrize("frames", ["0-4", "0", "-1", "0%-50%"])
def test_a_frame_range_with_the_first_frame_means_the_picture(frames, name, member, film):
    model = built(member)
    whole, chosen = (Bend(ops.Amplify(3.0), "kiss", frames=some) for some in ("all", frames))
    assert torch.equal(film(bent(model, chosen)), film(bent(model, whole)))


@PICTURES
def test_its_first_key_is_what_stays(name, member, film):
    model = built(member)
    first = film(bent(model, Bend(ops.Amplify(3.0), "kiss")))
    assert torch.equal(film(bent(model, moving(parse_keyframes("0: 3, 20: 5")))), first)
    assert not torch.equal(film(model), first)


@pytest.mark.parametrize("name", ["Kandinsky 5 Image"])
def test_windows_that_cut_a_picture_are_refused(name, member, film):
    """ComfyUI would cut its height, which is where a film has its frames."""
    settings = 4, 1, windows.ContextSchedules.STATIC_STANDARD, 1, False, windows.ContextFuseMethods.FLAT, 2, False
    model = ContextWindowsManualNode.execute(bent(built(member), *KISS), *settings)[0]
    with pytest.raises(BendError, match="context windows cut this picture"):
        film(model)


@PICTURES
@pytest.mark.parametrize("films", [1, 3])
def test_the_viewers_show_one_picture(films, name, member, film):
    """Of a batch too, whose mean it is."""
    handle = Handle(None, 2**26)
    patch = Patch(Bending(KISS), recording=Recording(handle, "listed words", "kiss, sunset"), handle=handle)
    latent = {"samples": film(patch_model(built(member), patch), films=films)}
    look = {"layers": "all", "steps": "all", "color_map": "viridis", "latent": latent}
    over = {"normalize": "film", "opacity": 0.6, "captions": True}
    for pictures in (None, torch.rand(films, 64, 64, 3)):
        shown = AttnBendMaps.execute(handle, "", "side by side", **look, **over, images=pictures)
        images, mask = shown.args
        assert len(images) == len(mask) == (1 if pictures is None else films)
        assert images.isfinite().all() and 0 < mask.max() <= 1
    for frames in ("average", "all"):
        (sheet, _) = AttnBendMapsGrid.execute(
            handle, "kiss", "steps × layers", "original", **look, frames=frames, normalize="sheet"
        ).args
        assert sheet.shape[0] == 1 and sheet.isfinite().all()
