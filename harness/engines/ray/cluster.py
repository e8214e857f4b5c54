"""The Ray cluster: reached, or refused in one line; its nodes, and how many workers they take."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import cause
from harness.engines.ray import versions
from harness.engines.ray.share import Share
from harness.spec import HarnessError
from harness.system.text import counted

NAMESPACE = "keras-automl-harness"
"""Ray's namespace of the actors of all sweeps."""
_REACH_SECONDS = 10.0
_PROBE_SECONDS = 180.0
"""How long a node may take to start a process and say what is installed there."""
_END_SECONDS = 60.0
"""Likewise to end what an earlier driver has left there."""
_MODE = "RAY_AUTH_MODE"
_KIND = "accelerator_type:"
_OWN_PORT = 10001
"""Of `ray://` addresses that name none."""


@dataclass(frozen=True)
class Node:
    """A node that is alive."""

    id: str
    host: str
    cpus: float
    gpus: float
    accelerator: str | None
    """What Ray calls the kind of its accelerators."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to a cluster.

    Args:
        address: `auto`, the cluster that was started on this machine; `HOST:PORT` of a head;
            `ray://HOST:PORT` from outside; `local`, a cluster of this machine alone that lives as
            long as this.

    Raises:
        HarnessError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _installed()
    _reach(address)
    # Ray sets a handler of its own for what ends a sweep.
    main = threading.current_thread() is threading.main_thread()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)} if main else {}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False}
    if not address.startswith("ray://"):
        options["logging_level"] = logging.CRITICAL
    if address == "local":
        options["include_dashboard"] = False
    try:
        ray.init(address=address, **options)
    except Exception as error:
        raise HarnessError(f"--address {address}: {_reason(address, error)}") from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    _warn(address)
    try:
        yield
    finally:
        ray.shutdown()


def _warn(address: str) -> None:
    """Says where anybody may run programs on the cluster."""
    host = address.removeprefix("ray://").rpartition(":")[0]
    with contextlib.suppress(ValueError):  # a name, or no address at all
        if ipaddress.ip_address(host).is_global and os.environ.get(_MODE) != "token":
            print(
                f"harness: warning: --address {address} is public, and Ray asks nobody who they "
                f"are; {_MODE}=token on all nodes has it ask",
                file=sys.stderr,
            )


def _installed() -> Any:
    try:
        import ray
    except ImportError:
        raise HarnessError(
            "--engine ray: Ray is not installed; python -m pip install 'keras-automl-harness[ray]'"
        ) from None
    return ray


def _reach(address: str) -> None:
    """Looks whether something listens at an address: Ray itself waits for minutes.

    Raises:
        HarnessError: nothing does, or it is no address.
    """
    if address in ("auto", "local"):
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon and address.startswith("ray://"):
        host, port = port, str(_OWN_PORT)
    if not host or not port.isdigit():
        raise HarnessError(
            f"--address {address}: expected auto, local, HOST:PORT or ray://HOST:PORT"
        )
    try:
        with socket.create_connection((host, int(port)), _REACH_SECONDS):
            pass
    except (OSError, OverflowError) as error:
        reason = cause.told(error)
        raise HarnessError(f"--address {address}: cannot be reached ({reason})") from None


def _reason(address: str, error: Exception) -> str:
    if isinstance(error, ConnectionError) and address == "auto":
        return "no cluster runs on this machine; ray start --head starts one"
    return f"Ray cannot connect ({cause.told(error)})"


def nodes() -> list[Node]:
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
    return sum(share.fitting(node.cpus, node.gpus) for node in found)


def usual_share(found: list[Node]) -> Share:
    """What a trial takes if nobody says so: an accelerator where there are some, and a core."""
    return Share(gpus=1.0 if any(node.gpus >= 1 for node in found) else 0.0)


def check(address: str, share: Share, mixed: bool) -> list[Node]:
    """The nodes that take trials.

    Raises:
        HarnessError: none has what a trial takes, they have accelerators of several kinds, or what
            is installed on one is not what is installed here.
    """
    found = nodes()
    fitting = [node for node in found if share.fitting(node.cpus, node.gpus)]
    if not fitting:
        largest = max(found, key=lambda node: (node.gpus, node.cpus), default=None)
        has = f"{largest.cpus:g} cpus and {largest.gpus:g} gpus" if largest else "nothing"
        raise HarnessError(
            f"--per-trial {share}: no node of the cluster at {address} has that; the largest, "
            f"of {len(found)}, has {has}"
        )
    kinds = sorted({node.accelerator or "unnamed" for node in fitting}) if share.gpus else []
    if len(kinds) > 1 and not mixed:
        raise HarnessError(
            f"the nodes have accelerators of several kinds ({', '.join(kinds)}), on which costs "
            "cannot be compared; --mixed takes all of them"
        )
    _compare(fitting)
    return fitting


def _compare(found: list[Node]) -> None:
    """Raises `HarnessError` at the first node whose versions are not those of here."""
    here = versions.here()
    for node, there in _asked(found, _versions).items():
        different = versions.difference(node.host, there, here)
        if different is not None:
            raise HarnessError(different)


def _versions() -> dict[str, str]:
    """Asked of nodes; by this name, whatever the driver has loaded."""
    return versions.here()


def check_seen(found: Sequence[Node], paths: Sequence[Path]) -> None:
    """Raises `HarnessError` where a node does not see a sweep file whose data are tasks: they are
    looked at where they lie."""
    for node, missing in _asked(found, _missing, [*map(str, paths)]).items() if paths else ():
        for path in missing:
            raise HarnessError(
                f"node {node.host}: {path} is not there; expected a sweep file with [data.NAME] "
                "tables, and its data, in a folder that all nodes see by the same path"
            )


def _missing(paths: list[str]) -> list[str]:
    return [path for path in paths if not Path(path).is_file()]


def _asked(found: Sequence[Node], question: Callable[..., Any], *told: Any) -> dict[Node, Any]:
    """What nodes answer that are still there; raises `HarnessError` for one that cannot."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask: Any = ray.remote(num_cpus=0, max_retries=0)(question)
    asked = {
        node: ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)
        ).remote(*told)
        for node in found
    }
    answers = {}
    for node, reference in asked.items():
        try:
            answers[node] = ray.get(reference, timeout=_PROBE_SECONDS)
        except ray.exceptions.TaskUnschedulableError:  # it is gone by now
            continue
        except ray.exceptions.RayError as error:
            raise HarnessError(
                f"node {node.host}: the harness cannot be run there ({last_line(error)})"
            ) from error
    return answers


def end_orphans(owner: str) -> None:
    """Ends the workers of a driver that is no more, and returns once they are gone.

    Args:
        owner: what the names of its actors begin with.
    """
    import ray

    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        found = [name for name in ray.util.list_named_actors() if name.startswith(f"{owner}#")]
        if not found:
            return
        for name in found:
            with contextlib.suppress(ValueError):  # it has ended by itself meanwhile
                ray.kill(ray.get_actor(name))
        time.sleep(0.1)
    raise HarnessError(
        f"{counted(len(found), 'worker')} of an earlier driver of this sweep cannot be ended; "
        "see ray list actors"
    )


def owner_of(folder: os.PathLike[str]) -> str:
    """Names a sweep's folder among all machines that a cluster may be used from."""
    return f"{socket.gethostname()}:{os.path.realpath(folder)}"


def last_line(error: BaseException) -> str:
    """The line of an error of Ray that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
