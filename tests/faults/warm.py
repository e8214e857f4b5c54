"""What a driver imports before it can begin; the fork server of `forks` imports it once.

What is missing here costs each driver its seconds.
"""

import importlib
import os
import pkgutil
import sys

os.environ["KERAS_BACKEND"] = "jax"

PACKAGES = ("harness.engines.local", "harness.report", "harness.search_spaces", "harness.tasks")
OTHERS = (
    "harness.cli.main", "harness.cli.status", "harness.driver.run", "harness.driver.plan",
    "matplotlib.backends.backend_agg", "sklearn.ensemble", "sklearn.inspection",
)  # fmt: skip

for _name in (*PACKAGES, *OTHERS):
    importlib.import_module(_name)
for _name in PACKAGES:
    for _module in pkgutil.walk_packages(sys.modules[_name].__path__, f"{_name}."):
        importlib.import_module(_module.name)
