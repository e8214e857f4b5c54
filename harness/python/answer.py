"""What the folder of a sweep holds, for a script or a notebook."""

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.journal.folder import LEADERBOARD, PAGE, TRIALS, figure_path
from harness.journal.read import read_journal
from harness.report.verdicts.pair import judged_pair
from harness.spec import HarnessError
from harness.winner.fitted import Fitted, find
from harness.winner.inputs import Inputs
from harness.winner.inputs import read as read_inputs
from harness.winner.predictions import answered, predictions

if TYPE_CHECKING:
    import pandas as pd

STYLE = "max-width: 100%"
FIGURES = ("leaderboard", "anytime")
"""Figures that a notebook shows."""


@dataclass(frozen=True)
class Best:
    """The model of an architecture, to be asked."""

    fitted: Fitted

    @functools.cached_property
    def model(self) -> Any:
        """The `keras.Model`."""
        return self.fitted.load()

    def predict(self, raw: Any) -> "pd.DataFrame":
        """What it says of raw input.

        Args:
            raw: a list of texts or of pairs of texts; images, in an array or a list; tables of
                series; or the path of a file, as of `harness predict`.

        Returns:
            A row an input, of a forecast one a step.

        Raises:
            HarnessError: the input is not what the model takes.
        """
        import pandas as pd

        if isinstance(raw, str | Path):
            inputs: Inputs = read_inputs(self.fitted, [str(raw)], str)
            return pd.DataFrame(predictions(self.fitted, inputs))
        rows = answered(self.fitted, self.model, list(raw))
        return pd.DataFrame([row for own in rows for row in own])


@dataclass(frozen=True)
class Answer:
    """The answer of a sweep, as far as it has come."""

    folder: Path

    @property
    def leaderboard(self) -> "pd.DataFrame":
        """A row for each architecture on each task, the best first; columns as of
        `leaderboard.csv`."""
        return self._table(LEADERBOARD)

    @property
    def trials(self) -> "pd.DataFrame":
        """A row for each trial; columns as of `trials.csv`."""
        return self._table(TRIALS)

    @property
    def best(self) -> Best:
        """The model of the best architecture, of a sweep with one task."""
        return self.model(self._task())

    def model(self, task: str, space: str | None = None) -> Best:
        """The model of an architecture on a task; of the best one if none is named.

        Raises:
            HarnessError: none is kept.
        """
        names = (task,) if space is None else (task, space)
        return Best(find("/".join((str(self.folder), *names))))

    def verdict(self, first: str, other: str, task: str | None = None) -> str:
        """Whether one architecture is better than another: `better`, `worse`, `not
        distinguishable`, or `unknown` where that cannot be told.

        The interval behind it holds jointly for all pairs of the task's architectures, so that any
        of them may be asked about.

        Args:
            first: name of an architecture.
            other: name of another.
            task: its name, where the sweep has several.

        Raises:
            HarnessError: there is no such architecture, or no confirmed result of it.
        """
        return judged_pair(self.folder, task or self._task(), first, other)

    def _repr_html_(self) -> str:
        """The table and its figures, as a notebook shows them."""
        columns = ["task", "space", "metric", "mean", "ci_low", "ci_high", "seeds", "verdict"]
        board = self.leaderboard
        shown = board[[name for name in columns if name in board.columns]].to_html(
            index=False, float_format=lambda value: f"{value:.4g}", na_rep=""
        )
        parts = [shown]
        for name in FIGURES:
            file = self.folder / figure_path(name)
            if file.is_file():
                image = base64.b64encode(file.read_bytes()).decode()
                parts.append(
                    f'<img style="{STYLE}" alt="{name}" src="data:image/png;base64,{image}">'
                )
        parts.append(f"<p>{escape(str(self.folder / PAGE))}</p>")
        return "\n".join(parts)

    def _table(self, name: str) -> "pd.DataFrame":
        import pandas as pd

        file = self.folder / name
        if not file.is_file():
            raise HarnessError(f"{file}: not there yet")
        return pd.read_csv(file)

    def _task(self) -> str:
        tasks: Sequence[str] = self._tasks()
        if len(tasks) != 1:
            raise HarnessError(f"{self.folder}: it has the tasks {', '.join(tasks)}; expected "
                               "one to be named")  # fmt: skip
        return tasks[0]

    def _tasks(self) -> Sequence[str]:
        record = read_journal(self.folder)
        assert record is not None, "looked at when it was loaded"
        return record.sweep.tasks


def load(folder: str | Path) -> Answer:
    """The answer in a sweep's folder.

    Raises:
        HarnessError: it is none.
    """
    place = Path(folder)
    if read_journal(place) is None:
        raise HarnessError(f"{place}: nothing recorded yet")
    return Answer(place)
