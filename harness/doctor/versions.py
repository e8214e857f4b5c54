"""What is installed, by its metadata alone: no framework is imported to learn its version.

All that is known of versions that work together is what distributions declare, this one first: it
names what others need and leave out, and the least version of each that is known to work.
"""

import importlib.metadata
import importlib.util
import platform
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from harness.doctor.finding import Finding, Level

HARNESS = "keras-automl-harness"
PYTHON = ">=3.11,<3.14"
"""As declared in pyproject.toml, for a checkout that was never installed."""
SHOWN = ("tensorflow", "jax", "torch", "keras", "keras-tuner", "mlflow", "numpy")
OWNERS = (HARNESS, "tensorflow", "tensorflow-text", "jax", "torch", "keras-hub", "mlflow")
"""Distributions whose declared requirements are compared with what is installed."""
_DISPENSABLE = {
    "mlflow": "the sweep runs, and MLflow gets none of it; or run with --tracking none",
    "tensorboard": "KerasTuner's own Tuner fails on TensorFlow; the harness does without it",
}
"""What a sweep can do without, and what that costs."""
_PREPARING = ("tensorflow", "tensorflow-text")
_PREPARING_COST = (
    "sweeps need another --backend, and tasks that TensorFlow prepares come from elsewhere"
)


def python(version: str | None = None) -> Finding:
    """Whether the interpreter is one that the dependencies are built for."""
    version = version or platform.python_version()
    if SpecifierSet(PYTHON).contains(version, prereleases=True):
        return Finding("Python", "ok", version)
    return Finding(
        "Python",
        "error",
        f"{version}, expected {PYTHON}: TensorFlow and tensorflow-text are built for no other",
        f"make an environment with a Python {PYTHON}",
    )


def packages() -> tuple[Finding, ...]:
    """Requirements that are not met, one finding for each distribution at fault, whoever complains
    of it; one line with the versions if there are none."""
    if installed(HARNESS) is None:
        unknown = f"{HARNESS} is not installed, so what it requires is not known"
        return (Finding("packages", "warning", unknown, "python -m pip install -e ."),)
    complaints: dict[str, list[tuple[str, Requirement]]] = {}
    for owner in OWNERS:
        for requirement in _requirements(owner):
            version = installed(requirement.name)
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                name = str(canonicalize_name(requirement.name))
                complaints.setdefault(name, []).append((owner, requirement))
    versions = ", ".join(f"{name} {v}" for name in SHOWN if (v := installed(name)) is not None)
    unmet = tuple(_unmet(name, complained) for name, complained in complaints.items())
    return unmet or (Finding("packages", "ok", versions),)


def installed(name: str) -> str | None:
    """The version of a distribution; `None` when there is none, or none that has a version."""
    try:
        # Metadata of a half-removed distribution has no version, whatever the type says.
        return importlib.metadata.version(name) or None
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements(owner: str) -> Iterator[Requirement]:
    """The requirements of an installed distribution that hold here and without extras."""
    try:
        declared = importlib.metadata.requires(owner) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for text in declared:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _unmet(name: str, complained: list[tuple[str, Requirement]]) -> Finding:
    own = [str(requirement) for owner, requirement in complained if owner == HARNESS]
    remedy = f"python -m pip install '{own[0].partition(';')[0] if own else name}'"
    wanted = ", ".join(f"{owner} needs {r.specifier or 'it'}" for owner, r in complained)
    version = installed(name)
    if version is not None:
        # Less than the least that works does not; of what came later nobody knows.
        old = any(owner == HARNESS and _too_old(version, r) for owner, r in complained)
        level: Level = "error" if old else "warning"
        reason = "it is too old" if old else "nobody has tried it with that"
        return Finding(name, level, f"{version}, but {wanted}; {reason}", remedy)
    if importlib.util.find_spec(name.replace("-", "_")) is not None:
        return Finding(name, "warning", f"of no known version, but {wanted}", remedy)
    message = f"not installed, but {wanted}"
    if name in _DISPENSABLE:
        return Finding(name, "warning", f"{message}: {_DISPENSABLE[name]}", remedy)
    if name in _PREPARING and any(map(importlib.util.find_spec, ("jax", "torch"))):
        return Finding(name, "warning", f"{message}: {_PREPARING_COST}", remedy)
    return Finding(name, "error" if own else "warning", message, remedy)


def _too_old(version: str, requirement: Requirement) -> bool:
    """Whether a version is below the least one of a requirement."""
    least = [part for part in requirement.specifier if part.operator in (">", ">=", "~=", "==")]
    return not all(part.contains(version, prereleases=True) for part in least)
