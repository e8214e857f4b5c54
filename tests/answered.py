"""Parts of a report straight from a record, for tests that are about one of them."""

import numpy as np

from harness.analysis.cells import by_task, cell_results
from harness.analysis.exhibits import read_exhibits
from harness.journal.read import read_journal
from harness.report import answer as answers
from harness.report import csv_tables, page
from harness.report.across_tasks import rank_figures as across
from harness.report.across_tasks import training_size
from harness.report.figure_style import line_styles
from harness.report.searches import anytime, section, trial_plots
from harness.report.verdicts import leaderboard as board
from harness.report.verdicts.per_example import Outcomes


def work_out(record, *, outcomes=None, **known):
    """The answer; where nothing is said of test examples, all of them are alike, so that only the
    runs of an architecture differ."""
    cells = cell_results(record)
    alike = {
        task: Outcomes({c.space: _alike(c.scores) for c in group if c.scores})
        for task, group in by_task(cells).items()
    }
    return answers.work_out(
        record, cells, outcomes=alike if outcomes is None else outcomes, **known
    )


def _alike(scores, examples=50):
    return np.repeat(np.array(scores)[:, None, None], examples, axis=1)


def _tasks(record):
    return by_task(cell_results(record)), line_styles(record.sweep.spaces)


def markdown(record, **known):
    return page.markdown(work_out(record, **known))


def trials_table(record):
    return csv_tables.trials_table(record, cell_results(record))


def leaderboard(record, **known):
    answer = work_out(record, **known)
    return csv_tables.leaderboard(answer.tasks, answer.judged)


def leaderboard_figure(record):
    return board.leaderboard_figure(*_tasks(record))


def anytime_figure(record):
    tasks, styles = _tasks(record)
    return anytime.anytime_figure(tasks, record.sweep.tuner, styles)


def plots(record):
    return trial_plots.plots(*_tasks(record))


def common_tasks(record):
    return work_out(record).common


def profiles(record):
    return work_out(record).profiles


def families(record):
    return training_size.families(record, _tasks(record)[0])


def rank_figures(record):
    answer = work_out(record)
    return drawn(across.rank_figures(answer.common, answer.styles))


def profile_figures(record):
    answer = work_out(record)
    return drawn(across.profile_figures(answer.profiles, answer.styles))


def examples_figures(record):
    tasks, styles = _tasks(record)
    return drawn(training_size.examples_figures(training_size.families(record, tasks), styles))


def search_figures(record):
    answer = work_out(record)
    tuner = record.sweep.tuner
    return drawn(section.search_figures(answer.tasks, tuner, answer.importances, answer.styles))


def search_text(record):
    """The sections on the searches."""
    answer = work_out(record)
    tuner = record.sweep.tuner
    searched = section.search_section(answer.tasks, tuner, answer.suggestions, answer.importances)
    return section.cost_section(answer.tasks) + searched


def sample_figures(folder, draw):
    """Figures of what the models of a sweep's folder did."""
    record = read_journal(folder)
    answer = work_out(record, exhibits=read_exhibits(folder, record.cells))
    return drawn(draw(answer.samples, answer.styles))


def drawn(drawings):
    """The figures that were to be drawn, by name."""
    return {name: drawing() for name, drawing in drawings.items()}
