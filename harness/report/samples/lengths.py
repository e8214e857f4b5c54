"""Figures of scores against the length of an example, one a task."""

import math
from collections.abc import Mapping
from functools import partial

import matplotlib
from matplotlib.figure import Figure

from harness.analysis.exhibits import Bucket, LengthScores
from harness.report.figure_style import STYLE, Drawing, Styles, label, legend
from harness.report.samples.section import SamplesByTask, span
from harness.report.text import figure_name

LONGEST_NAME = 40


def length_figures(samples: SamplesByTask, styles: Styles) -> dict[str, Drawing]:
    """The figure of each task with scores by length by its name."""
    figures: dict[str, Drawing] = {}
    for task, shown in samples.items():
        lengths = {s: e.scores_by_length for s, e in shown.items() if e.scores_by_length}
        if lengths:
            figures[figure_name("length", task)] = partial(length_figure, task, lengths, styles)
    return figures


def length_figure(task: str, lengths: Mapping[str, LengthScores], styles: Styles) -> Figure:
    """One line an architecture, over its own buckets; a score that is no number is a gap.

    Args:
        task: its name, for the title.
        lengths: scores by architecture.
        styles: of the architectures.
    """
    buckets = sorted({_ends(b): b for s in lengths.values() for b in s.buckets}.items())
    places = {ends: place for place, (ends, _) in enumerate(buckets)}
    first = next(iter(lengths.values()))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained", facecolor="white")
        axes = figure.subplots()
        for space, scores in lengths.items():
            line = sorted((places[_ends(b)], b.score) for b in scores.buckets)
            x = [place for place, _ in line]
            y = [math.nan if score is None else score for _, score in line]
            axes.plot(x, y, marker="o", markersize=4, linewidth=1.8, **styles[space])
        axes.grid(axis="y", color="#ececec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xticks(range(len(buckets)), [span(bucket) for _, bucket in buckets])
        axes.margins(x=0.08, y=0.12)
        axes.set_title(task)
        axes.set_xlabel(label(first.unit, LONGEST_NAME))
        axes.set_ylabel(label(first.metric, LONGEST_NAME))
        legend(figure, list(lengths), styles)
    return figure


def _ends(bucket: Bucket) -> tuple[float, float]:
    return bucket.first, math.inf if bucket.last is None else bucket.last
