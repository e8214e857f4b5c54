"""MLflow as a projection of the journal: it can be rebuilt from there at any time.

The only package that imports mlflow, and only once something is written.

    trials.py, metrics.py           what a journal says, taken in result by result (pure)
    runs.py, values.py              runs of MLflow, and values as it takes them (pure)
    trial_run.py, cell_run.py, sweep_run.py    the three kinds of runs (pure)
    pages/                          what MLflow's pages show beside runs: views, notes, links (pure)
    store.py, client.py             how runs get into an MLflow store exactly once
    model_registry/, serving.py     winners as registered models, and how these answer
    sync.py, tracker.py             all at once (`sync`), or while a sweep runs (`Tracker`)
    ui.py                           MLflow's web page
"""

from harness.tracking.client import default_uri
from harness.tracking.sync import sync
from harness.tracking.tracker import Tracker
from harness.tracking.ui import ui

__all__ = ["Tracker", "default_uri", "sync", "ui"]
