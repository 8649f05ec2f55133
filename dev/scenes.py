"""The drawn scenes of the example workflows' pictures; no film is at hand."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PANEL = (504, 248)
FINE = 2
"""Scenes are drawn so many times larger than a panel, and made smaller: smooth edges."""


def _gradient(*colors: tuple[int, int, int]) -> Image.Image:
    """From top to bottom."""
    column = np.array(colors, np.uint8)[:, None]
    return Image.fromarray(column).resize((PANEL[0] * FINE, PANEL[1] * FINE), Image.Resampling.BICUBIC)


class Pen:
    """Draws in fractions of the frame; lengths are fractions of its height, so that a circle is round."""

    def __init__(self, image: Image.Image):
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size

    def oval(self, x, y, rx, ry, fill):
        x, y, rx, ry = x * self.width, y * self.height, rx * self.height, ry * self.height
        self.draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=fill)

    def shape(self, fill, *points):
        self.draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=fill)


def _person(pen: Pen, x: float, y: float, size: float, lean: float, fill) -> None:
    """A figure whose head is at (x, y), leaning by `lean` of the frame's width."""
    pen.oval(x, y, 0.075 * size, 0.09 * size, fill)
    w, h = 0.075 * size, 1.0
    foot = x - lean
    pen.shape(
        fill,
        (x - w * 0.25, y + 0.06 * size),
        (x + w * 0.25, y + 0.06 * size),
        (foot + w * 0.75, y + 0.3 * size),
        (foot + w * 0.7, h),
        (foot - w * 0.7, h),
        (foot - w * 0.75, y + 0.3 * size),
    )


def kiss_at_sunset() -> Image.Image:
    image = _gradient((44, 38, 92), (150, 74, 120), (244, 142, 84), (250, 190, 110), (120, 84, 110), (60, 48, 84))
    pen = Pen(image)
    pen.oval(0.74, 0.52, 0.15, 0.15, (255, 224, 150))
    pen.shape((62, 56, 100), (0, 0.62), (1, 0.62), (1, 0.8), (0, 0.8))
    pen.shape((255, 206, 140), (0.7, 0.64), (0.78, 0.64), (0.83, 0.78), (0.65, 0.78))
    pen.shape((46, 34, 56), (0, 0.8), (1, 0.76), (1, 1), (0, 1))
    _person(pen, 0.405, 0.36, 1.35, 0.055, (22, 16, 34))
    _person(pen, 0.465, 0.40, 1.3, -0.055, (28, 20, 42))
    return image


def walkers_at_sunset() -> Image.Image:
    image = _gradient((64, 50, 110), (214, 104, 104), (252, 176, 92), (110, 96, 130), (92, 74, 92), (70, 54, 66))
    pen = Pen(image)
    pen.oval(0.5, 0.4, 0.13, 0.13, (255, 228, 160))
    pen.shape((72, 70, 116), (0, 0.5), (1, 0.5), (1, 0.66), (0, 0.66))
    pen.shape((84, 62, 66), (0, 0.66), (1, 0.62), (1, 1), (0, 1))
    for x, y in ((0.3, 0.6), (0.36, 0.58), (0.68, 0.56), (0.73, 0.6)):
        _person(pen, x, y, 0.55, 0.004, (26, 18, 34))
    return image


def kiss_at_night() -> Image.Image:
    image = _gradient((14, 14, 36), (30, 26, 58), (52, 40, 74), (30, 22, 40))
    pen = Pen(image)
    spots = np.random.default_rng(3)
    for x, y, r in zip(spots.random(46), spots.random(46) * 0.85, spots.random(46), strict=True):
        color = [(255, 196, 110), (250, 120, 110), (140, 190, 255), (255, 240, 200)][int(r * 4)]
        pen.oval(x, y, 0.012 + 0.03 * r, 0.012 + 0.03 * r, color)
    image = image.filter(ImageFilter.GaussianBlur(5))
    pen = Pen(image)
    _person(pen, 0.455, 0.36, 1.35, 0.055, (10, 8, 20))
    _person(pen, 0.515, 0.40, 1.3, -0.055, (16, 12, 28))
    return image


def fox_in_the_forest() -> Image.Image:
    image = _gradient((150, 176, 206), (206, 214, 226), (236, 232, 232), (226, 230, 240), (208, 216, 232))
    pen = Pen(image)
    trees = np.random.default_rng(5)
    for x, size, shade in zip(np.linspace(0, 1, 17), trees.random(17), trees.random(17), strict=True):
        h, w, base = 0.34 + 0.3 * size, 0.03 + 0.025 * size, 0.66
        fill = tuple(int(c + 50 * shade) for c in (62, 92, 104))
        pen.shape(fill, (x - w, base), (x, base - h), (x + w, base))
    pen.shape((238, 242, 250), (0, 0.68), (0.4, 0.62), (1, 0.66), (1, 1), (0, 1))
    fur, white = (212, 98, 40), (250, 240, 232)
    pen.shape(fur, (0.13, 0.72), (0.245, 0.7), (0.245, 0.76), (0.17, 0.8))
    pen.oval(0.135, 0.74, 0.05, 0.035, white)
    pen.oval(0.3, 0.74, 0.15, 0.075, fur)
    pen.oval(0.385, 0.66, 0.075, 0.06, fur)
    pen.shape(fur, (0.362, 0.62), (0.372, 0.53), (0.392, 0.61))
    pen.shape(fur, (0.388, 0.61), (0.402, 0.53), (0.414, 0.63))
    pen.shape(white, (0.405, 0.65), (0.45, 0.69), (0.395, 0.71))
    for x, tip in ((0.25, 0.225), (0.275, 0.265), (0.345, 0.37), (0.36, 0.4)):
        pen.shape((70, 40, 36), (x - 0.008, 0.78), (x + 0.008, 0.78), (tip + 0.006, 0.92), (tip - 0.006, 0.92))
    return image


def lighthouse() -> Image.Image:
    image = _gradient((96, 150, 200), (160, 196, 220), (246, 220, 190), (250, 200, 160), (60, 110, 140), (36, 80, 112))
    pen = Pen(image)
    pen.shape((52, 112, 142), (0, 0.68), (1, 0.68), (1, 1), (0, 1))
    for x, y in ((0.1, 0.8), (0.25, 0.9), (0.42, 0.76), (0.86, 0.86)):
        pen.shape((150, 196, 208), (x, y), (x + 0.1, y - 0.012), (x + 0.2, y), (x + 0.1, y + 0.012))
    pen.shape((84, 72, 66), (0.5, 1), (0.55, 0.72), (0.62, 0.6), (0.82, 0.58), (0.9, 0.7), (1, 0.74), (1, 1))
    pen.shape((112, 128, 80), (0.6, 0.63), (0.63, 0.585), (0.82, 0.565), (0.85, 0.63))
    pen.shape((246, 240, 230), (0.682, 0.6), (0.695, 0.2), (0.745, 0.2), (0.758, 0.6))
    for top, bottom in ((0.26, 0.34), (0.42, 0.5)):
        pen.shape((204, 66, 52), (0.69, bottom), (0.693, top), (0.747, top), (0.75, bottom))
    pen.shape((58, 52, 60), (0.688, 0.2), (0.688, 0.17), (0.752, 0.17), (0.752, 0.2))
    pen.shape((255, 232, 150), (0.7, 0.17), (0.7, 0.09), (0.74, 0.09), (0.74, 0.17))
    pen.shape((150, 44, 40), (0.692, 0.09), (0.72, 0.02), (0.748, 0.09))
    for x, y in ((0.2, 0.24), (0.32, 0.16), (0.42, 0.3)):
        pen.shape((70, 76, 90), (x - 0.03, y - 0.04), (x, y), (x + 0.03, y - 0.04), (x, y + 0.018))
    return image


def sailboat() -> Image.Image:
    image = _gradient((120, 168, 214), (176, 204, 224), (250, 222, 190), (252, 206, 160), (70, 126, 156), (32, 78, 112))
    pen = Pen(image)
    pen.oval(0.39, 0.5, 0.08, 0.08, (255, 244, 210))
    pen.shape((58, 116, 148), (0, 0.62), (1, 0.62), (1, 1), (0, 1))
    for x, y in ((0.33, 0.72), (0.47, 0.86), (0.58, 0.74), (0.1, 0.8), (0.8, 0.84)):
        pen.shape((150, 196, 210), (x, y), (x + 0.05, y - 0.012), (x + 0.1, y), (x + 0.05, y + 0.012))
    pen.shape((250, 246, 238), (0.496, 0.14), (0.496, 0.56), (0.42, 0.56))
    pen.shape((216, 82, 60), (0.508, 0.18), (0.508, 0.56), (0.565, 0.56))
    pen.shape((60, 44, 44), (0.498, 0.1), (0.506, 0.1), (0.506, 0.62), (0.498, 0.62))
    pen.shape((92, 58, 48), (0.415, 0.6), (0.59, 0.6), (0.56, 0.7), (0.44, 0.7))
    return image


def rose_on_a_table() -> Image.Image:
    image = _gradient((74, 70, 78), (112, 100, 96), (140, 118, 100), (120, 78, 48), (98, 60, 36))
    pen = Pen(image)
    pen.shape((214, 206, 180), (0.62, 0), (0.96, 0), (0.96, 0.44), (0.62, 0.44))
    pen.shape((100, 92, 92), (0.784, 0), (0.796, 0), (0.796, 0.44), (0.784, 0.44))
    pen.shape((124, 78, 46), (0, 0.62), (1, 0.62), (1, 1), (0, 1))
    for y in (0.7, 0.8, 0.92):
        pen.shape((104, 64, 38), (0, y), (1, y), (1, y + 0.012), (0, y + 0.012))
    pen.shape((60, 110, 62), (0.236, 0.4), (0.246, 0.4), (0.262, 0.82), (0.25, 0.82))
    pen.shape((70, 126, 70), (0.25, 0.64), (0.285, 0.54), (0.31, 0.56), (0.28, 0.64))
    for x, y, r, fill in (
        (0.215, 0.34, 0.1, (150, 22, 40)),
        (0.265, 0.34, 0.1, (168, 28, 46)),
        (0.24, 0.29, 0.1, (190, 36, 54)),
        (0.24, 0.35, 0.075, (214, 56, 70)),
        (0.243, 0.33, 0.04, (160, 24, 42)),
    ):
        pen.oval(x, y, r, r, fill)
    return image


def cat_and_dog() -> Image.Image:
    image = _gradient((140, 190, 226), (190, 218, 232), (222, 232, 220), (120, 166, 84), (86, 136, 62))
    pen = Pen(image)
    pen.shape((104, 152, 74), (0, 0.6), (1, 0.56), (1, 1), (0, 1))
    cat, dog, ear, dark = (40, 38, 46), (240, 234, 224), (196, 150, 112), (44, 36, 36)
    pen.oval(0.29, 0.82, 0.17, 0.24, cat)
    pen.shape(cat, (0.215, 0.46), (0.222, 0.24), (0.275, 0.38))
    pen.shape(cat, (0.365, 0.46), (0.358, 0.24), (0.305, 0.38))
    pen.oval(0.29, 0.48, 0.165, 0.15, cat)
    pen.oval(0.71, 0.8, 0.2, 0.28, dog)
    pen.oval(0.71, 0.44, 0.165, 0.18, dog)
    pen.oval(0.622, 0.46, 0.06, 0.15, ear)
    pen.oval(0.798, 0.46, 0.06, 0.15, ear)
    pen.oval(0.71, 0.52, 0.09, 0.075, (252, 248, 242))
    pen.oval(0.71, 0.49, 0.036, 0.028, dark)
    for x, y, fill in (
        (0.26, 0.46, (190, 214, 96)),
        (0.32, 0.46, (190, 214, 96)),
        (0.68, 0.4, dark),
        (0.74, 0.4, dark),
    ):
        pen.oval(x, y, 0.024, 0.028, fill)
    pen.oval(0.26, 0.46, 0.008, 0.026, dark)
    pen.oval(0.32, 0.46, 0.008, 0.026, dark)
    return image


def deer_in_a_clearing() -> Image.Image:
    image = _gradient((176, 190, 176), (200, 208, 184), (180, 186, 150), (112, 130, 84), (84, 104, 62))
    pen = Pen(image)
    trees = np.random.default_rng(8)
    for x, width, shade in zip(np.linspace(0.02, 0.98, 14), trees.random(14), trees.random(14), strict=True):
        fill = tuple(int(c + 46 * shade) for c in (72, 80, 66))
        w = 0.008 + 0.012 * width
        pen.shape(fill, (x - w, 0), (x + w, 0), (x + 1.3 * w, 0.7), (x - 1.3 * w, 0.7))
    pen.shape((104, 124, 72), (0, 0.68), (0.5, 0.64), (1, 0.69), (1, 1), (0, 1))
    coat, horn = (138, 88, 52), (92, 66, 48)
    pen.oval(0.29, 0.56, 0.19, 0.085, coat)
    pen.shape(coat, (0.35, 0.55), (0.385, 0.32), (0.415, 0.34), (0.385, 0.6))
    pen.shape(coat, (0.38, 0.3), (0.42, 0.29), (0.462, 0.37), (0.455, 0.4), (0.4, 0.38))
    for x, dx in ((0.393, -0.03), (0.408, 0.012)):
        pen.shape(horn, (x, 0.31), (x + dx, 0.16), (x + dx + 0.007, 0.16), (x + 0.009, 0.31))
        pen.shape(horn, (x + dx * 0.5, 0.23), (x + dx * 0.5 + 0.032, 0.15), (x + dx * 0.5 + 0.008, 0.24))
    for x in (0.222, 0.25, 0.34, 0.366):
        pen.shape(coat, (x - 0.011, 0.56), (x + 0.011, 0.56), (x + 0.006, 0.85), (x - 0.006, 0.85))
    return image


def moon_over_a_lake() -> Image.Image:
    image = _gradient((14, 18, 44), (24, 32, 66), (44, 56, 96), (30, 40, 74), (16, 22, 46))
    pen = Pen(image)
    stars = np.random.default_rng(2)
    for x, y in zip(stars.random(40), stars.random(40) * 0.55, strict=True):
        pen.oval(x, y, 0.006, 0.006, (170, 180, 210))
    pen.oval(0.5, 0.3, 0.13, 0.13, (250, 242, 214))
    for x, y, r in ((0.48, 0.27, 0.03), (0.52, 0.34, 0.04), (0.51, 0.24, 0.02)):
        pen.oval(x, y, r, r, (228, 216, 186))
    pen.shape((26, 36, 68), (0, 0.64), (1, 0.64), (1, 1), (0, 1))
    for y, w in ((0.68, 0.07), (0.74, 0.05), (0.8, 0.08), (0.87, 0.05)):
        pen.shape((196, 190, 178), (0.5 - w, y), (0.5, y - 0.01), (0.5 + w, y), (0.5, y + 0.01))
    for x, h in (
        (0.03, 0.3),
        (0.1, 0.22),
        (0.16, 0.28),
        (0.23, 0.16),
        (0.78, 0.18),
        (0.85, 0.28),
        (0.91, 0.2),
        (0.97, 0.3),
    ):
        pen.shape((8, 12, 26), (x - 0.05, 0.66), (x, 0.66 - h), (x + 0.05, 0.66))
    pen.shape((10, 12, 22), (0.64, 0.76), (0.76, 0.76), (0.74, 0.81), (0.66, 0.81))
    return image


def balloon_over_hills() -> Image.Image:
    image = _gradient((120, 172, 220), (178, 208, 230), (246, 226, 202), (226, 214, 200), (150, 172, 150))
    pen = Pen(image)
    for base, shade in ((0.72, (134, 164, 150)), (0.82, (98, 140, 104)), (0.92, (66, 108, 72))):
        hills = [(x, base - 0.07 * np.sin(9 * x + 20 * base)) for x in np.linspace(0, 1, 60)]
        pen.shape(shade, (0, 1), *hills, (1, 1))
    red, dark, cream, x, y = (206, 58, 52), (164, 40, 44), (250, 226, 180), 0.37, 0.36
    pen.shape(dark, (x - 0.052, y + 0.17), (x + 0.052, y + 0.17), (x + 0.018, y + 0.31), (x - 0.018, y + 0.31))
    pen.oval(x, y, 0.2, 0.22, red)
    for r, fill in ((0.14, cream), (0.085, red), (0.03, cream)):
        pen.oval(x, y, r, 0.22, fill)
    pen.shape((96, 66, 44), (x - 0.018, y + 0.34), (x + 0.018, y + 0.34), (x + 0.015, y + 0.42), (x - 0.015, y + 0.42))
    return image


def dancer_in_a_meadow() -> Image.Image:
    image = _gradient((92, 92, 150), (214, 142, 138), (252, 198, 130), (104, 132, 76), (66, 100, 54))
    pen = Pen(image)
    pen.shape((84, 116, 62), (0, 0.62), (0.5, 0.58), (1, 0.63), (1, 1), (0, 1))
    spots = np.random.default_rng(12)
    for x, y, r in zip(spots.random(150), spots.random(150), spots.random(150), strict=True):
        size = 0.008 + 0.018 * y
        pen.oval(x, 0.64 + 0.36 * y, size, size * 0.8, (206, 40 + int(40 * r), 58))
    skin, white, shade, hair = (196, 140, 112), (248, 242, 236), (218, 208, 210), (52, 34, 34)
    pen.shape(skin, (0.5, 0.3), (0.512, 0.28), (0.6, 0.12), (0.59, 0.1))
    pen.shape(skin, (0.49, 0.3), (0.478, 0.28), (0.385, 0.24), (0.39, 0.21))
    pen.shape(white, (0.47, 0.28), (0.515, 0.28), (0.51, 0.44), (0.66, 0.88), (0.49, 0.93), (0.33, 0.9), (0.475, 0.44))
    for top, left, right in ((0.485, 0.4, 0.43), (0.495, 0.52, 0.56), (0.503, 0.6, 0.62)):
        pen.shape(shade, (top, 0.46), (right, 0.91), (left, 0.91))
    pen.oval(0.494, 0.2, 0.05, 0.06, skin)
    pen.oval(0.488, 0.18, 0.052, 0.052, hair)
    pen.oval(0.468, 0.16, 0.028, 0.028, hair)
    return image


def umbrella_in_the_rain() -> Image.Image:
    image = _gradient((50, 58, 82), (82, 92, 116), (126, 122, 126), (70, 74, 90), (42, 46, 62))
    pen = Pen(image)
    for left, right, roof in ((0, 0.16, 0.1), (0.16, 0.3, 0.24), (0.72, 0.86, 0.2), (0.86, 1, 0.06)):
        pen.shape((44, 48, 66), (left, 0.68), (left, roof), (right, roof), (right, 0.68))
        for x in np.arange(left + 0.025, right - 0.03, 0.045):
            for y in np.arange(roof + 0.08, 0.56, 0.13):
                pen.shape((236, 190, 112), (x, y), (x + 0.018, y), (x + 0.018, y + 0.06), (x, y + 0.06))
    pen.shape((58, 62, 80), (0, 0.68), (1, 0.68), (1, 1), (0, 1))
    pen.shape((120, 60, 66), (0.42, 0.9), (0.6, 0.9), (0.56, 1), (0.46, 1))
    pen.shape((34, 34, 46), (0.475, 0.5), (0.53, 0.5), (0.555, 0.8), (0.45, 0.8))
    pen.oval(0.502, 0.44, 0.05, 0.06, (60, 42, 40))
    for x in (0.488, 0.516):
        pen.shape((28, 26, 34), (x - 0.009, 0.8), (x + 0.009, 0.8), (x + 0.006, 0.92), (x - 0.006, 0.92))
    pen.shape((30, 28, 34), (0.535, 0.3), (0.54, 0.3), (0.54, 0.62), (0.535, 0.62))
    rim = [(0.5375 + 0.135 * np.cos(a), 0.36 - 0.27 * np.sin(a)) for a in np.linspace(0, np.pi, 40)]
    scallops = [(0.4025 + 0.27 * t, 0.36 - 0.035 * abs(np.sin(4 * np.pi * t))) for t in np.linspace(0, 1, 41)]
    pen.shape((204, 44, 50), *rim, *scallops)
    drops = np.random.default_rng(4)
    for x, y in zip(drops.random(110), drops.random(110), strict=True):
        pen.shape((150, 160, 184), (x, y), (x + 0.0016, y), (x - 0.0044, y + 0.05), (x - 0.006, y + 0.05))
    return image
