"""All figures of a report."""

from matplotlib.figure import Figure

from harness.report.across_tasks.rank_figures import profile_figures, rank_figures
from harness.report.across_tasks.training_size import examples_figures
from harness.report.answer import Answer
from harness.report.samples.attention import attention_figures
from harness.report.samples.confusion import confusion_figures
from harness.report.samples.forecasts import forecast_figures
from harness.report.samples.lengths import length_figures
from harness.report.searches.section import search_figures
from harness.report.verdicts.leaderboard import leaderboard_figure


def figures(answer: Answer) -> dict[str, Figure]:
    """By name, without the ending of their files."""
    styles, samples = answer.styles, answer.samples
    return {
        "leaderboard": leaderboard_figure(answer.tasks, styles),
        **search_figures(answer.tasks, answer.record.sweep.tuner, answer.importances, styles),
        **rank_figures(answer.common, styles),
        **profile_figures(answer.profiles, styles),
        **examples_figures(answer.families, styles),
        **forecast_figures(samples, styles),
        **length_figures(samples, styles),
        **attention_figures(samples, styles),
        **confusion_figures(samples, styles),
    }
