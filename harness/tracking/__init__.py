"""MLflow as a projection of the journal: it can be rebuilt from there at any time.

The only package that imports mlflow, and only once something is written.

    projection.py, study.py   what a journal says, in MLflow's words (pure)
    store.py                  how that gets into an MLflow store exactly once
    projector.py, tracker.py  all at once (`sync`), or while a sweep runs (`Tracker`)
    server.py                 MLflow's web page (`ui`)
"""

from harness.tracking.store import default_uri
from harness.tracking.sync import sync
from harness.tracking.tracker import Tracker
from harness.tracking.ui import ui

__all__ = ["Tracker", "default_uri", "sync", "ui"]
