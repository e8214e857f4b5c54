"""The nodes of a Ray cluster: what they have, and whether they are like the driver."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.engines.ray import versions
from harness.engines.ray.connection import last_line
from harness.engines.ray.share import Share, parse
from harness.spec import HarnessError

_PROBE_SECONDS = 180.0
"""How long a node may take to start a process and say what is installed there."""
_KIND = "accelerator_type:"


@dataclass(frozen=True)
class Node:
    """A node that is alive."""

    id: str
    host: str
    cpus: float
    gpus: float
    accelerator: str | None
    """What Ray calls the kind of its accelerators."""


def alive() -> list[Node]:
    """The nodes that are alive."""
    import ray

    asked: Any = ray
    return [_node(told) for told in asked.nodes() if told["Alive"]]


def _node(told: Mapping[str, Any]) -> Node:
    resources = told["Resources"]
    kinds = [name.removeprefix(_KIND) for name in resources if name.startswith(_KIND)]
    gpus = resources.get("GPU", 0.0)
    return Node(
        told["NodeID"],
        told["NodeManagerHostname"],
        resources.get("CPU", 0.0),
        gpus,
        min(kinds, default=None) if gpus else None,
    )


def capacity(share: Share, found: Sequence[Node]) -> int:
    """How many workers the nodes take."""
    return sum(share.fitting(node.cpus, node.gpus, node.accelerator) for node in found)


def share(asked: str | None) -> Share:
    """What a trial takes: as asked for, or an accelerator where there are some, and a core."""
    if asked is not None:
        return parse(asked)
    return Share(gpus=1.0 if any(node.gpus >= 1 for node in alive()) else 0.0)


def check(address: str, share: Share, mixed: bool) -> list[Node]:
    """The nodes that take trials.

    Raises:
        HarnessError: none has what a trial takes, they have accelerators of several kinds, or what
            is installed on one is not what is installed here.
    """
    found = fitting(address, share, mixed)
    for fault in faults(found).values():
        raise HarnessError(fault)
    return found


def fitting(address: str, share: Share, mixed: bool) -> list[Node]:
    """The nodes that have what a trial takes; errors as of `check`, but for what is installed."""
    found = alive()
    fits = [node for node in found if share.fitting(node.cpus, node.gpus, node.accelerator)]
    if not fits:
        largest = max(found, key=lambda node: (node.gpus, node.cpus), default=None)
        has = f"{largest.cpus:g} cpus and {largest.gpus:g} gpus" if largest else "nothing"
        raise HarnessError(
            f"--per-trial {share}: no node of the cluster at {address} has that; the largest, "
            f"of {len(found)}, has {has}"
        )
    kinds = sorted({node.accelerator or "unnamed" for node in fits}) if share.gpus else []
    if len(kinds) > 1 and not mixed:
        raise HarnessError(
            f"the nodes have accelerators of several kinds ({', '.join(kinds)}), on which costs "
            "cannot be compared; --mixed takes all of them"
        )
    return fits


def faults(found: Sequence[Node]) -> dict[Node, str]:
    """Why nodes cannot run trials as the driver would: a line for each that cannot."""
    here, lines = versions.here(), {}
    for node, there in _asked(found, _versions).items():
        line = there if isinstance(there, str) else versions.difference(node.host, there, here)
        if line is not None:
            lines[node] = line
    return lines


def _versions() -> dict[str, str]:
    """Asked of nodes; by this name, whatever the driver has loaded."""
    return versions.here()


def check_seen(found: Sequence[Node], paths: Sequence[Path]) -> None:
    """Raises `HarnessError` where a node does not see a sweep file whose data are tasks: they are
    looked at where they lie."""
    for node, missing in _asked(found, _missing, [*map(str, paths)]).items() if paths else ():
        if isinstance(missing, str):
            raise HarnessError(missing)
        for path in missing:
            raise HarnessError(
                f"node {node.host}: {path} is not there; expected a sweep file with [data.NAME] "
                "tables, and its data, in a folder that all nodes see by the same path"
            )


def _missing(paths: list[str]) -> list[str]:
    return [path for path in paths if not Path(path).is_file()]


def _asked(found: Sequence[Node], question: Callable[..., Any], *told: Any) -> dict[Node, Any]:
    """What nodes answer that are still there; of one that cannot, why, as text."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask: Any = ray.remote(num_cpus=0, max_retries=0)(question)
    asked = {
        node: ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)
        ).remote(*told)
        for node in found
    }
    answers: dict[Node, Any] = {}
    for node, reference in asked.items():
        try:
            answers[node] = ray.get(reference, timeout=_PROBE_SECONDS)
        except ray.exceptions.TaskUnschedulableError:  # it is gone by now
            continue
        except ray.exceptions.RayError as error:
            answers[node] = f"node {node.host}: cannot run the harness ({last_line(error)})"
    return answers
