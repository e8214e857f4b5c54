"""How a sweep is run; nothing of it changes the question."""

from dataclasses import dataclass
from pathlib import Path

from harness.engines.ray.share import ClusterOptions


@dataclass(frozen=True)
class Options:
    """What a person may say of one run of a sweep."""

    output: Path = Path("results")
    workers: int | None = None
    """Worker processes; one for each core, or for each accelerator, if absent. On a cluster as many
    as it takes, at most these."""
    per_device: int | None = None
    """Worker processes for each accelerator, in place of `workers`; as many as the memory holds, by
    what trials of the sweep took before, if absent."""
    cluster: ClusterOptions | None = None
    """The Ray cluster that runs the trials; this machine if absent."""
    tracking: str | None = None
    """An MLflow tracking URI, `none`, or absent for a database in the output folder."""
    data_dir: Path | None = None
    offline: bool = False
    fresh: bool = False
    together: int | None = None
    """Seeds of a winner that train as one program, at most, on JAX; 1 for never, as many as it
    pays for if absent."""
    retry_failed: bool = False
    """Run the trials again that a worker or the machine failed, and the confirmation runs that
    failed by their code."""
