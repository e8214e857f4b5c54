"""A Ray cluster: whether it can be reached, and each of its nodes."""

from collections.abc import Iterator

from harness.doctor.finding import Finding
from harness.engines.ray.share import ClusterOptions
from harness.spec import HarnessError
from harness.system.text import counted

NAME = "cluster"


def cluster(options: ClusterOptions) -> Iterator[Finding]:
    """What is found of a cluster and of its nodes."""
    from harness.engines.ray.connection import connected

    try:
        with connected(options.address):
            yield from _nodes(options)
    except HarnessError as error:
        yield Finding(NAME, "error", str(error), "set right what the message names")


def _nodes(options: ClusterOptions) -> Iterator[Finding]:
    from harness.engines.ray import nodes

    share = nodes.share(options.per_trial)
    found = nodes.fitting(options.address, share, options.mixed)
    faults = nodes.faults(found)
    sound = [node for node in found if node not in faults]
    for node in nodes.alive():
        trials = share.fitting(node.cpus, node.gpus, node.accelerator)
        has = f"{node.cpus:g} cpus, {node.gpus:g} gpus"
        if node.accelerator:
            has += f" ({node.accelerator})"
        name = f"node {node.host}"
        if node in faults:
            yield Finding(name, "error", faults[node], "install there what the driver has")
        else:
            yield Finding(name, "ok", f"{has}, {counted(trials, 'trial')} at once")
    message = f"{options.address}: {counted(nodes.capacity(share, sound), 'trial')} of {share} "
    yield Finding(NAME, "ok", f"{message}at once on {counted(len(sound), 'node')}")
