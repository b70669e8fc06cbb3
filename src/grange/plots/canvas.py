"""Where a picture of many lines is drawn: one set of strokes, written as SVG text or PNG pixels.

matplotlib's figures lay out and measure every label, which costs more than drawing. Pictures of
streams are made by the thousand, so they place everything themselves and use only matplotlib's
painter. All places are pixels from the upper left corner.
"""

import io
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

Points = Sequence[tuple[float, float]]
_FONT = "DejaVu Sans, Inter, Arial, sans-serif"
_DPI = 96
_PILLOW_ANCHORS = {"left": "ls", "middle": "ms", "right": "rs"}
_ANCHORS = {"left": "start", "middle": "middle", "right": "end"}


class Canvas(Protocol):
    """A sheet of a fixed size to draw on; finished once."""

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        fill: str,
        opacity: float = 1.0,
    ) -> None:
        """Fill a rectangle."""

    def line(
        self,
        points: Points,
        colour: str,
        width: float,
        *,
        dash: Sequence[float] = (),
        opacity: float = 1.0,
        name: str = "",
    ) -> None:
        """Draw a line through points; an SVG calls it `name`."""

    def area(self, points: Points, fill: str, opacity: float = 1.0, *, name: str = "") -> None:
        """Fill what points enclose; an SVG calls it `name`."""

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float,
        *,
        anchor: str = "left",
        bold: bool = False,
    ) -> None:
        """Write words with their baseline at y; x is their left, middle or right."""

    def finish(self, title: str) -> bytes:
        """Return the picture."""


class SvgCanvas:
    """Draws SVG text; letters stay letters."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._parts: list[str] = []

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        fill: str,
        opacity: float = 1.0,
    ) -> None:
        """Fill a rectangle."""
        self._parts.append(
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}"'
            f' height="{_n(bottom - top)}" fill="{fill}"{_opacity(opacity)}/>'
        )

    def line(
        self,
        points: Points,
        colour: str,
        width: float,
        *,
        dash: Sequence[float] = (),
        opacity: float = 1.0,
        name: str = "",
    ) -> None:
        """Draw a line through points; an SVG calls it `name`."""
        dashes = f' stroke-dasharray="{" ".join(map(_n, dash))}"' if dash else ""
        self._parts.append(
            f'<path{_name(name)} d="{_path(points)}" fill="none" stroke="{colour}"'
            f' stroke-width="{_n(width)}" stroke-linejoin="round"{dashes}{_opacity(opacity)}/>'
        )

    def area(self, points: Points, fill: str, opacity: float = 1.0, *, name: str = "") -> None:
        """Fill what points enclose; an SVG calls it `name`."""
        self._parts.append(
            f'<path{_name(name)} d="{_path(points)}Z" fill="{fill}"{_opacity(opacity)}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float,
        *,
        anchor: str = "left",
        bold: bool = False,
    ) -> None:
        """Write words with their baseline at y; x is their left, middle or right."""
        weight = ' font-weight="bold"' if bold else ""
        place = "" if anchor == "left" else f' text-anchor="{_ANCHORS[anchor]}"'
        self._parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}"{weight}{place}>'
            f"{escape(_printable(words))}</text>"
        )

    def finish(self, title: str) -> bytes:
        """Return the picture."""
        size = f'width="{self._width}" height="{self._height}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
            f' viewBox="0 0 {self._width} {self._height}" role="img" font-family="{_FONT}"'
            f' aria-label={quoteattr(_printable(title))} xml:space="preserve">'
            f"<title>{escape(_printable(title))}</title>"
        )
        return "\n".join([head, *self._parts, "</svg>\n"]).encode()


class PngCanvas:
    """Draws pixels with matplotlib's painter."""

    def __init__(self, width: int, height: int, scale: float = 1.0) -> None:
        from matplotlib.backends.backend_agg import RendererAgg  # noqa: PLC0415 -- not in the base
        from matplotlib.transforms import Affine2D  # noqa: PLC0415

        self._scale = scale
        self._height = round(height * scale)
        make: Any = RendererAgg
        self._painter = make(round(width * scale), self._height, _DPI * scale)
        self._texts: list[tuple[tuple[float, float], str, str, Any, str]] = []
        self._to_pixels = Affine2D().scale(scale, -scale).translate(0, self._height)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        fill: str,
        opacity: float = 1.0,
    ) -> None:
        """Fill a rectangle."""
        self.area([(left, top), (right, top), (right, bottom), (left, bottom)], fill, opacity)

    def line(
        self,
        points: Points,
        colour: str,
        width: float,
        *,
        dash: Sequence[float] = (),
        opacity: float = 1.0,
        name: str = "",
    ) -> None:
        """Draw a line through points."""
        from matplotlib.path import Path  # noqa: PLC0415

        pen = self._painter.new_gc()
        pen.set_linewidth(width * self._scale)
        pen.set_foreground((*_rgb(colour), opacity), isRGBA=True)
        pen.set_joinstyle("round")
        if dash:
            pen.set_dashes(0, [length * self._scale for length in dash])
        path = Path(points)
        path.should_simplify = True
        self._painter.draw_path(pen, path, self._to_pixels)

    def area(
        self,
        points: Points,
        fill: str,
        opacity: float = 1.0,
        *,
        name: str = "",
    ) -> None:
        """Fill what points enclose."""
        from matplotlib.path import Path  # noqa: PLC0415

        pen = self._painter.new_gc()
        pen.set_linewidth(0)
        path = Path([*points, points[0]])
        path.should_simplify = True
        self._painter.draw_path(pen, path, self._to_pixels, (*_rgb(fill), opacity))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float,
        *,
        anchor: str = "left",
        bold: bool = False,
    ) -> None:
        """Write words with their baseline at y; x is their left, middle or right."""
        place = (x * self._scale, y * self._scale)
        font = _font(round(size * self._scale, 2), bold)
        self._texts.append((place, _printable(words), colour, font, _PILLOW_ANCHORS[anchor]))

    def finish(self, title: str) -> bytes:
        """Return the picture."""
        import numpy as np  # noqa: PLC0415
        from PIL import Image, ImageDraw  # noqa: PLC0415
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

        about = PngInfo()
        about.add_text("Software", "Grange")
        about.add_itxt("Title", _printable(title))
        pixels = np.ascontiguousarray(np.asarray(self._painter.buffer_rgba())[:, :, :3])
        target = io.BytesIO()
        picture = Image.fromarray(pixels, "RGB")
        # Words lie above all else, and Pillow writes them several times faster.
        writer = ImageDraw.Draw(picture)
        for place, words, colour, font, anchor in self._texts:
            writer.text(place, words, fill=colour, font=font, anchor=anchor)
        picture.save(target, "PNG", compress_level=5, pnginfo=about)
        return target.getvalue()


@lru_cache(256)
def _font(pixels: float, bold: bool) -> Any:
    from matplotlib import get_data_path  # noqa: PLC0415
    from PIL import ImageFont  # noqa: PLC0415

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}", pixels)


@cache
def _rgb(colour: str) -> tuple[float, float, float]:
    return (
        int(colour[1:3], 16) / 255,
        int(colour[3:5], 16) / 255,
        int(colour[5:7], 16) / 255,
    )


def _printable(words: str) -> str:
    """Leave out what no picture can show: XML forbids it, and a font has no letter for it."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words
    )


def _path(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _opacity(opacity: float) -> str:
    return "" if opacity >= 1 else f' opacity="{_n(opacity)}"'


def _name(name: str) -> str:
    return f" id={quoteattr(_printable(name))}" if name else ""
