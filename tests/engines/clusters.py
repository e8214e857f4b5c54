"""A Ray cluster for tests: nodes that are processes of this machine."""

import os
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = (ROOT, ROOT / "tests" / "hostile")
"""Where nodes find the modules of tests' jobs, and what their plugin brings."""


@contextmanager
def started(cpus=3):
    """The address of a cluster of one node."""
    with simulated(cpus) as cluster:
        yield cluster.address


@contextmanager
def simulated(cpus, **resources):
    """A cluster with a head that has so many cores, to which nodes can be added."""
    from ray.cluster_utils import Cluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, PATHS))
    head = {"num_cpus": cpus, "include_dashboard": False, **resources}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
