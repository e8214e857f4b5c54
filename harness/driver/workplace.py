"""Where trials run: in processes of this machine, or on the nodes of a Ray cluster."""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness import registry
from harness.data import download
from harness.driver import devices
from harness.engines.engine import Engine
from harness.engines.local.worker import Run
from harness.engines.ray.share import ClusterOptions, Share
from harness.journal.folder import WORKERS_LOG
from harness.journal.record import SweepRecord
from harness.own.file import SUFFIX
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from harness.system import host
from harness.training import worker_start

if TYPE_CHECKING:
    from harness.engines.ray.nodes import Node


class Workplace(Protocol):
    """Where the workers of a sweep are."""

    def workers(self, record: SweepRecord | None) -> int:
        """How many trials run at once, as far as that is known now."""

    def engine(
        self, run: Run, initialize: Callable[[], None], sweep: Sweep, workers: int, folder: Path
    ) -> Engine:
        """Starts them, with the plugins in use; arguments as of engines, `workers` as counted
        before. Raises `HarnessError` where they cannot be started."""


@contextlib.contextmanager
def opened(
    cluster: ClusterOptions | None,
    workers: int | None,
    per_device: int | None,
    prepared: Callable[[str], Path],
) -> Iterator[Workplace]:
    """The workplace of a sweep.

    Args:
        cluster: the cluster, `None` for this machine.
        workers: most processes, if somebody says so.
        per_device: processes for each accelerator of this machine, likewise.
        prepared: gives the folder of a task's prepared data.

    Raises:
        HarnessError: options do not fit together, or the cluster cannot be had.
    """
    if cluster is None:
        devices.check(workers, per_device)
        yield ThisMachine(workers, per_device)
        return
    if per_device is not None:
        raise HarnessError(f"--per-device {per_device}: on a cluster --per-trial gpus=PART says it")
    from harness.engines.ray.connection import connected

    with connected(cluster.address):
        yield OnCluster.found(cluster, workers, prepared)


@dataclass(frozen=True)
class ThisMachine:
    """Processes of this machine."""

    asked: int | None
    per_device: int | None

    def workers(self, record: SweepRecord | None) -> int:
        """One a core, or by the memory of the accelerators; see `harness.driver.devices`."""
        return devices.workers(self.asked, self.per_device, record)

    def engine(
        self, run: Run, initialize: Callable[[], None], sweep: Sweep, workers: int, folder: Path
    ) -> Engine:
        """As of `Workplace`."""
        from harness.engines.local.pool import LocalEngine

        found = host.devices()
        return LocalEngine(
            run,
            workers=workers,
            environment=variables(sweep, found),
            initialize=functools.partial(worker_start.begin, registry.plugins(), initialize),
            devices=found,
            log=folder / WORKERS_LOG,
        )


class OnCluster:
    """Actors on the nodes of a cluster that this process is connected to.

    Args:
        share: what a worker takes of its node.
        most: workers, if somebody says so.
        nodes: those that take workers now.
        prepared: as of `opened`.
    """

    def __init__(
        self,
        share: Share,
        most: int | None,
        nodes: Sequence["Node"],
        prepared: Callable[[str], Path],
    ) -> None:
        self._share, self._most, self._nodes = share, most, nodes
        self._prepared = prepared

    @classmethod
    def found(
        cls, options: ClusterOptions, most: int | None, prepared: Callable[[str], Path]
    ) -> "OnCluster":
        """The workplace, once it is known that it will do; errors as of `opened`."""
        from harness.engines.ray import nodes

        share = nodes.share(options.per_trial)
        found = nodes.check(options.address, share, options.mixed)
        if share.gpus and not options.mixed:  # nodes that come later may have others
            share = dataclasses.replace(share, accelerator=found[0].accelerator)
        return cls(share, most, found, prepared)

    def workers(self, record: SweepRecord | None) -> int:
        """As many as the cluster takes now, at most those that were asked for."""
        from harness.engines.ray.nodes import capacity

        now = capacity(self._share, self._nodes)
        return now if self._most is None else min(now, self._most)

    def engine(
        self, run: Run, initialize: Callable[[], None], sweep: Sweep, workers: int, folder: Path
    ) -> Engine:
        """As of `Workplace`."""
        from harness.engines.ray import own_code
        from harness.engines.ray.nodes import check_seen
        from harness.engines.ray.pool import RayEngine
        from harness.engines.ray.seat import owner_of

        plugins = registry.plugins()
        check_seen(self._nodes, [path for path in plugins if path.suffix == SUFFIX])
        return RayEngine(
            run,
            workers=self._most,
            environment=variables(sweep, ()),
            initialize=functools.partial(own_code.begin, own_code.gathered(plugins), initialize),
            share=self._share,
            owner=owner_of(folder),
            log=folder / WORKERS_LOG,
            folder=folder,
            data={task: self._prepared(task) for task in sweep.tasks},
        )


def variables(sweep: Sweep, devices: Sequence[str]) -> dict[str, str]:
    """What the environment of every worker holds."""
    found = {"KERAS_BACKEND": sweep.backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if devices:
        # The seeds of a winner are one program. JAX reads it from here in 5 to 8 s, where
        # compiling it took a GPU's trials half a minute to a minute.
        kept = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(download.cache_root() / "compiled"))
        found["JAX_COMPILATION_CACHE_DIR"] = kept
    return found
