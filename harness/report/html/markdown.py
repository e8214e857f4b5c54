"""The blocks of the Markdown page as HTML: prose, lists, tables and figures."""

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import unquote

import PIL.Image
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from harness.report.html.tables import Entry, sheet

WIDE = 620
"""Pixels from which a figure cannot be read on a phone unless it may be moved to and fro."""
_WEB = re.compile(r"https?://", re.IGNORECASE)
_LINK = re.compile(r"https?://|#|[^:/?#&]+\.png$", re.IGNORECASE)


def parse(markdown: str) -> list[Token]:
    """The tokens of a page. HTML in it is text, and so is a link to anything but the web, a
    place on the page, or a figure beside it."""
    return _PARSER.parse(markdown)


def blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The top-level blocks: each a token, or all from an opening one to its closing one."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def written(block: Sequence[Token], images: Mapping[str, bytes]) -> str:
    """A block as HTML; an image that is not among `images` is told by its words alone."""
    if block[0].type == "table_open":
        return sheet(_rows(block, images))
    if (image := _lone_image(block)) is not None:
        return _figure(image, images)
    return str(_PARSER.renderer.render(block, _PARSER.options, {"images": images})).rstrip()


def inline(token: Token, images: Mapping[str, bytes]) -> str:
    """The HTML of a heading or a cell."""
    environment = {"images": images}
    return str(_HTML.renderInline(token.children or [], _PARSER.options, environment))


def unlinked(token: Token) -> str:
    """The HTML of a heading without images and links, as a link may hold neither."""
    left_out = {"image", "link_open", "link_close"}
    children = [child for child in token.children or [] if child.type not in left_out]
    return str(_HTML.renderInline(children, _PARSER.options, {"images": {}}))


def words(token: Token) -> str:
    """The text of a heading or a cell, without its markup."""
    shown = {"text", "code_inline", "image"}
    return "".join(child.content for child in token.children or [] if child.type in shown)


def shows(block: Sequence[Token], name: str) -> bool:
    """Whether a block is the figure of this name."""
    image = _lone_image(block)
    return image is not None and _source(image) == name


def _lone_image(block: Sequence[Token]) -> Token | None:
    if block[0].type != "paragraph_open" or len(block) != 3:
        return None
    children = block[1].children or []
    return children[0] if len(children) == 1 and children[0].type == "image" else None


def _source(image: Token) -> str:
    return unquote(str(image.attrs["src"]))


def _figure(image: Token, images: Mapping[str, bytes]) -> str:
    caption = escape(image.content)
    shown = _picture(image, images)
    if not shown:
        return f'<p class="missing">{caption}: this figure is not part of the page.</p>'
    # The caption says what the picture's text says; it need not be read out twice.
    return (
        f'<figure><div class="scroll">{shown}</div>'
        f'<figcaption aria-hidden="true">{caption}</figcaption></figure>'
    )


def _picture(image: Token, images: Mapping[str, bytes]) -> str:
    """An `img` that holds the figure itself; empty if there is none of this name."""
    png = images.get(_source(image))
    if png is None:
        return ""
    width, height, data = _packed(png)
    wide = ' class="wide"' if width > WIDE else ""
    # Not loaded lazily: what has not been in sight would be missing on paper.
    return (
        f'<img{wide} alt="{escape(image.content)}" width="{width}" height="{height}" '
        f'decoding="async" src="data:image/webp;base64,{data}">'
    )


def _packed(png: bytes) -> tuple[int, int, str]:
    """Width and height in pixels of CSS, of which an inch has 96, and the figure as WebP, which
    holds the same pixels in a third less."""
    packed = io.BytesIO()
    with PIL.Image.open(io.BytesIO(png)) as figure:
        dense = figure.info.get("dpi", (96, 96))[0]
        width, height = (round(pixels * 96 / dense) for pixels in figure.size)
        figure.convert("RGB").save(packed, "WEBP", lossless=True, method=6)
    return width, height, base64.b64encode(packed.getvalue()).decode()


def _rows(block: Sequence[Token], images: Mapping[str, bytes]) -> list[list[Entry]]:
    """The cells of a table, its head first."""
    rows: list[list[Entry]] = []
    right = False
    for token in block:
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            right = "right" in str(token.attrs.get("style", ""))
        elif token.type == "inline":
            strong = any(child.type == "strong_open" for child in token.children or [])
            rows[-1].append(Entry(inline(token, images), words(token), right, strong))
    return rows


def _render_image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    image = tokens[index]
    return _picture(image, env["images"]) or escape(image.content)


def _render_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    target = str(tokens[index].attrs["href"])
    if target.startswith("#"):
        return f'<a href="{escape(target)}">'
    if not _WEB.match(target):  # a file, which the page may have left behind
        return "<a>"
    return f'<a href="{escape(target)}" rel="noopener noreferrer">'


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        """Whether a link or an image may lead there: what may not stays text."""
        return bool(_LINK.match(url))


def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False})
    parser.enable("table")
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("link_open", _render_link)
    return parser


_PARSER = _parser()
_HTML: Any = _PARSER.renderer
