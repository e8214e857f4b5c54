"""Addresses on MLflow's page, relative to it: they hold whatever host and port serve it (pure).

An experiment's description shows its first line only until it is unfolded, so the links stand
there: what is asked for most is one click away from an experiment.
"""

from dataclasses import dataclass
from urllib.parse import quote

from harness.system.markdown import plain
from harness.tracking.pages.views import View

WORKFLOW = "workflowType=machine_learning"
"""Without this choice MLflow's page shows charts for language models."""


@dataclass(frozen=True)
class Link:
    """A word and where it leads."""

    word: str
    address: str

    def __str__(self) -> str:
        return f"[{plain(self.word)}]({self.address})"


def view(experiment_id: str, shown: View) -> Link:
    """A view of an experiment."""
    address = f"#/experiments/{experiment_id}/{shown.query()}&{WORKFLOW}"
    return Link(shown.word, address)


def artifacts(word: str, experiment_id: str, run_id: str, path: str = "") -> Link:
    """The artifacts of a run, or one of them."""
    end = f"/{quote(path)}" if path else ""
    return Link(word, f"#/experiments/{experiment_id}/runs/{run_id}/artifacts{end}?{WORKFLOW}")


def model(word: str, registered: str) -> Link:
    """A registered model."""
    return Link(word, f"#/models/{quote(registered, safe='')}?{WORKFLOW}")
