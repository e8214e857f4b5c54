"""All figures of a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from harness.report.across_tasks.rank_figures import profile_figures, rank_figures
from harness.report.across_tasks.training_size import examples_figures
from harness.report.answer import Answer
from harness.report.budgets.figure import budget_figures
from harness.report.figure_style import Drawing, image
from harness.report.samples.attention import attention_figures
from harness.report.samples.confusion import confusion_figures
from harness.report.samples.forecasts import forecast_figures
from harness.report.samples.lengths import length_figures
from harness.report.searches.section import search_figures
from harness.report.searches.trial_plots import Plot, plots
from harness.report.verdicts.leaderboard import leaderboard_figure
from harness.system.text import quoted


@dataclass(frozen=True)
class Pictures:
    """What could be drawn of an answer."""

    images: Mapping[str, bytes]
    """The PNG of each figure by name, without the ending of its file."""
    plots: tuple[Plot, ...]
    """Those of `report.html` that answer to the mouse."""
    lost: Mapping[str, str]
    """Why there is none, by the name of the figure: what fails costs itself alone."""


PLOTS = "interactive plots"
"""What they are called where they are lost."""


def draw(answer: Answer) -> Pictures:
    """Draws each figure; one that cannot be drawn is told of, and costs no other."""
    images: dict[str, bytes] = {}
    lost: dict[str, str] = {}
    for name, drawing in drawings(answer).items():
        try:
            images[name] = image(drawing())
        except Exception as error:  # noqa: BLE001 - libraries draw it; the report says so
            lost[name] = _said(error)
    interactive: tuple[Plot, ...] = ()
    try:
        interactive = tuple(plots(answer.tasks, answer.styles))
    except Exception as error:  # noqa: BLE001 - likewise
        lost[PLOTS] = _said(error)
    return Pictures(images, interactive, lost)


def drawings(answer: Answer) -> dict[str, Drawing]:
    """The figures that an answer has, by name, none of which is drawn yet."""
    styles, samples = answer.styles, answer.samples
    return {
        "leaderboard": partial(leaderboard_figure, answer.tasks, styles),
        **search_figures(answer.tasks, answer.record.sweep.order, answer.importances, styles),
        **budget_figures(answer.tasks, styles),
        **rank_figures(answer.common, styles),
        **profile_figures(answer.profiles, styles),
        **examples_figures(answer.families, styles),
        **forecast_figures(samples, styles),
        **length_figures(samples, styles),
        **attention_figures(samples, styles),
        **confusion_figures(samples, styles),
    }


def _said(error: Exception) -> str:
    return quoted(f"{type(error).__name__}: {error}")
