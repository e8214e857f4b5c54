"""The report as one HTML file that needs nothing beside it, made from the Markdown page."""

import base64
import functools
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files

from markdown_it.token import Token

from harness.report.html.markdown import blocks, inline, parse, shows, unlinked, words, written
from harness.report.searches.trial_plots import Plot

PLOTS_AFTER = "anytime.png"
"""The plots stand below the section that shows this figure, at which they look more closely."""
PLOTS_TITLE = "Every trial of the search"
PLOTS_INTRODUCTION = (
    "Each dot is a trial with a score, where its search stood when it ended; each line is the "
    "best score so far. Crosses on the lower edge are trials without a score. The names below a "
    "plot hide and show an architecture. A box drawn with the mouse is looked into; a double click "
    "shows all again."
)
_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<nav aria-label="Contents"><details open><summary>Contents</summary>
<ol>
{contents}
</ol>
</details></nav>
<main>
{body}
</main>
{scripts}
</body>
</html>
"""


@dataclass
class _Section:
    """A heading, the blocks below it, and the smaller sections within."""

    level: int
    heading: Token | None
    anchor: str
    blocks: list[list[Token]] = field(default_factory=list)
    parts: list["_Section"] = field(default_factory=list)


def html(markdown: str, images: Mapping[str, bytes], plots: Sequence[Plot] = ()) -> str:
    """The page that `report.html` holds.

    Args:
        markdown: what `report.md` says. HTML in it is shown, never obeyed; links lead to the
            web or to a place on the page.
        images: the files that the page may show, by name: the PNG of each figure. What is not
            among them is not shown.
        plots: what `trial_plots.plots` made of the same record.

    Returns:
        The whole document. The same arguments always give the same text. The page forbids the
        browser that opens it to fetch anything.
    """
    sections = _sections(markdown)
    title = sections[0].heading
    script, style = _asset("report.js"), _asset("report.css")
    scripts = [_asset("plots.js"), script] if plots else [script]
    return _DOCUMENT.format(
        policy=_policy(scripts, style),
        title=escape(words(title)) if title else "Report",
        style=style,
        contents="\n".join(_contents(sections, plots)),
        body="\n".join(_body(sections, images, plots)),
        scripts="\n".join(f"<script>{text}</script>" for text in scripts),
    )


def _sections(markdown: str) -> list[_Section]:
    """The summary, which has the title for its heading, and the sections after it.

    What stands below a heading of the third level or a smaller one is part of a section.
    """
    found = [_Section(1, None, "summary")]
    taken = {"summary", "trials"}
    for block in blocks(parse(markdown)):
        if block[0].type != "heading_open":
            section = found[-1].parts[-1] if found[-1].parts else found[-1]
            section.blocks.append(block)
            continue
        level, heading = int(block[0].tag[1]), block[1]
        if level == 1 and found == [_Section(1, None, "summary")]:
            found[0].heading = heading
            continue
        new = _Section(max(2, min(level, 4)), heading, _anchor(words(heading), taken))
        (found if level <= 2 else found[-1].parts).append(new)
    return found


def _anchor(text: str, taken: set[str]) -> str:
    """A name for a place on the page that no other place has, which it then is taken by."""
    base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


def _body(
    sections: Sequence[_Section], images: Mapping[str, bytes], plots: Sequence[Plot]
) -> Iterator[str]:
    place = _place_of_plots(sections)
    for number, section in enumerate(sections):
        if section.heading is not None and section.level == 1:
            yield f"<h1>{inline(section.heading, images)}</h1>"
        if section.level == 1:
            yield f'<section class="answer" id="{section.anchor}" aria-label="Summary">'
        else:
            yield from _begin(section, images)
        yield from (written(block, images) for block in section.blocks)
        for part in section.parts:
            yield from _begin(part, images)
            yield from (written(block, images) for block in part.blocks)
            yield "</section>"
        yield "</section>"
        if plots and number == place:
            yield _plots(plots)


def _begin(section: _Section, images: Mapping[str, bytes]) -> Iterator[str]:
    level, name = section.level, section.anchor
    yield f'<section id="{name}" aria-labelledby="{name}-title">'
    if section.heading is not None:
        yield f'<h{level} id="{name}-title">{inline(section.heading, images)}</h{level}>'


def _place_of_plots(sections: Sequence[_Section]) -> int:
    """Number of the section that the plots follow, the last one if none is meant for it."""
    for number, section in enumerate(sections):
        every = [*section.blocks, *(block for part in section.parts for block in part.blocks)]
        if any(shows(block, PLOTS_AFTER) for block in every):
            return number
    return len(sections) - 1


def _plots(plots: Sequence[Plot]) -> str:
    boxes = "\n".join(_plot(plot, number) for number, plot in enumerate(plots))
    return (
        f'<section id="trials" class="plots" aria-labelledby="trials-title">\n'
        f'<h2 id="trials-title">{PLOTS_TITLE}</h2>\n<p>{PLOTS_INTRODUCTION}</p>\n'
        f"<noscript><p>These plots need JavaScript.</p></noscript>\n{boxes}\n</section>"
    )


def _plot(plot: Plot, number: int) -> str:
    """The place of a plot in the page, which `plots.js` fills when it comes into sight."""
    swatch = '<svg class="swatch" viewBox="0 0 2 2"><circle cx="1" cy="1" r="1" fill="{}"/></svg>'
    keys = "".join(
        f'<button type="button" aria-pressed="true" data-name="space-{i}">'
        f"{swatch.format(colour)}<bdi>{escape(name)}</bdi></button>"
        for i, (name, colour) in enumerate(plot.keys)
    )
    note = f'<p class="note">{escape(plot.note)}</p>' if plot.note else ""
    return (
        f'<div class="plot"><h3 id="plot-{number}-title"><code>{escape(plot.task)}</code></h3>\n'
        f'<div class="canvas" id="plot-{number}" role="img" '
        f'aria-labelledby="plot-{number}-title"></div>\n'
        f'<div class="keys" role="group" aria-label="Architectures">{keys}</div>\n'
        f'<p class="told" aria-live="polite">Point at a trial to read what it was.</p>{note}\n'
        f'<script type="application/json" data-plot="plot-{number}">{plot.item}</script></div>'
    )


def _contents(sections: Sequence[_Section], plots: Sequence[Plot]) -> Iterator[str]:
    """The entries of the table of contents."""
    place = _place_of_plots(sections)
    for number, section in enumerate(sections):
        parts = "".join(_entry(part) for part in section.parts)
        yield _entry(section, f"<ol>{parts}</ol>" if parts else "")
        if plots and number == place:
            yield f'<li><a href="#trials">{PLOTS_TITLE}</a></li>'


def _entry(section: _Section, parts: str = "") -> str:
    named = section.heading if section.level > 1 else None
    label = unlinked(named) if named else "Summary"
    return f'<li><a href="#{section.anchor}">{label}</a>{parts}</li>'


def _policy(scripts: Sequence[str], style: str) -> str:
    """What the page may do: run its own scripts, which are named by their digests.

    W3C, Content Security Policy Level 3.
    """
    allowed = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@functools.cache
def _asset(name: str) -> str:
    return files("harness.report.html").joinpath(name).read_text(encoding="utf-8")
