"""Text as pixels: any text can be written, and is readable."""

import importlib.util

import pytest
import torch
from attention_bending.bending.pictures import text_rendering
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont


@given(text=st.text(max_size=12), size=st.integers(8, 40), width=st.integers(0, 90))
def test_any_text_can_be_written(text, size, width):
    canvas = text_rendering.Canvas(60, 40)
    canvas.write(2, 2, text, size, width=width)
    assert canvas.pixels().shape == (40, 60, 3)


@pytest.mark.parametrize(
    "text", ["kiss", "café", "接吻", "поцелуй", "قبلة", "💋", "\u200bkiss", "\ud800kiss", "⟨U+10FFFE⟩"]
)
def test_words_of_any_script_leave_something_to_read(text):
    canvas = text_rendering.Canvas(300, 40)
    canvas.write(2, 2, text, 20)
    assert (canvas.pixels() - torch.tensor(text_rendering.BACKGROUND) / 255).abs().max() > 0.3


@pytest.fixture
def plain_fonts(monkeypatch):
    """The module anew, as it looks fonts up once, on a system that has none of its own."""

    truetype = ImageFont.truetype

    def without_files(font, *args, **kwargs):
        if isinstance(font, str):
            raise OSError("no such font")
        return truetype(font, *args, **kwargs)

    monkeypatch.setattr(ImageFont, "truetype", without_files)
    spec = importlib.util.spec_from_file_location("text_rendering_anew", text_rendering.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(module, text):
    canvas = module.Canvas(300, 40)
    canvas.write(2, 2, text, 20)
    return canvas.pixels()


def test_letters_that_no_font_has_are_named(plain_fonts):
    assert torch.equal(written(plain_fonts, "a café: 接"), written(plain_fonts, "a cafe: <U+63A5>"))
    assert plain_fonts.width_of("a café: 接", 20) == plain_fonts.width_of("a cafe: <U+63A5>", 20)


def test_without_freetype_there_is_still_a_font(plain_fonts, monkeypatch):
    small = ImageFont.load_default_imagefont()

    def load_default(size=None):
        if size is not None:
            raise ImportError("no FreeType")
        return small

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    canvas = plain_fonts.Canvas(200, 40)
    canvas.write(2, 2, "a café 接", 20, width=150)
    assert canvas.pixels().max() > 0.9


def test_long_text_is_cut_to_its_width():
    text = "a romantic kiss at sunset"
    cut = text_rendering.fitted(text, 20, 120)
    assert cut.endswith("...") and text.startswith(cut[:-3]) and len(cut) > 6
    assert text_rendering.width_of(cut, 20) <= 120 < text_rendering.width_of(text[: len(cut) - 2] + "...", 20)
    assert text_rendering.fitted("kiss", 20, 120) == "kiss"
    assert text_rendering.fitted("kiss", 20, 1) == ""
