"""What is installed, by its metadata alone: no framework is imported to learn its version."""

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
OWNERS = (
    *(HARNESS, "tensorflow", "tensorflow-text", "jax", "jaxlib", "torch"),
    *("keras", "keras-tuner", "keras-hub", "mlflow"),
)
"""Distributions whose declared requirements are compared with what is installed."""
_DISPENSABLE = {
    "mlflow": "the sweep runs, and MLflow gets none of it",
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
    """Known-bad pairs and unmet requirements; one line with the versions if there are none."""
    if installed(HARNESS) is None:
        known = tuple(pairs())
        unknown = Finding(
            "packages",
            "warning",
            f"{HARNESS} is not installed, so what it requires is not known",
            "python -m pip install -e . (in its checkout)",
        )
        return (unknown, *known)
    known = tuple(pairs())
    named = {finding.name for finding in known}
    unmet = tuple(finding for finding in requirements() if finding.name not in named)
    versions = ", ".join(f"{name} {v}" for name in SHOWN if (v := installed(name)) is not None)
    return (*known, *unmet) or (Finding("packages", "ok", versions),)


def installed(name: str) -> str | None:
    """The version of a distribution; `None` when there is none, or none that has a version."""
    try:
        # Metadata of a half-removed distribution has no version, whatever the type says.
        return importlib.metadata.version(name) or None
    except importlib.metadata.PackageNotFoundError:
        return None


# --- pairs that are known to fail -------------------------------------------------


def pairs() -> Iterator[Finding]:
    """Combinations that pip lets pass, or has let pass, and that are known not to work."""
    for check in (_text_operations, _numpy, _keras, _six, _tensorboard, _skinny):
        yield from check()


def _text_operations() -> Iterator[Finding]:
    tensorflow, text = installed("tensorflow"), installed("tensorflow-text")
    if tensorflow and text and _minor(tensorflow) != _minor(text):
        yield Finding(
            "tensorflow",
            "error",
            f"tensorflow {tensorflow} with tensorflow-text {text}: the latter's compiled "
            "operations load into the minor version they were built for, and no other",
            f"python -m pip install {_wanted('tensorflow')} {_wanted('tensorflow-text')}",
        )


def _numpy() -> Iterator[Finding]:
    version = installed("numpy")
    if version and int(version.partition(".")[0]) < 2:
        yield Finding(
            "numpy",
            "error",
            f"numpy {version}: JAX and ml_dtypes, which every backend needs, are built for NumPy 2",
            f"python -m pip install {_wanted('numpy')}",
        )


def _keras() -> Iterator[Finding]:
    version = installed("keras")
    if version and int(version.partition(".")[0]) < 3:
        yield Finding(
            "keras",
            "error",
            f"keras {version}: it knows neither backends nor keras.ops",
            f"python -m pip install {_wanted('keras')}",
        )


def _six() -> Iterator[Finding]:
    if installed("keras-tuner") and not installed("six"):
        yield Finding(
            "six",
            "error",
            "keras-tuner without six: it imports six without declaring it, and so cannot be loaded",
            "python -m pip install six",
        )


def _tensorboard() -> Iterator[Finding]:
    if installed("keras-tuner") and installed("tensorflow") and not installed("tensorboard"):
        yield Finding(
            "tensorboard",
            "warning",
            f"keras-tuner without tensorboard, undeclared as well: {_DISPENSABLE['tensorboard']}",
            "python -m pip install tensorboard",
        )


def _skinny() -> Iterator[Finding]:
    skinny = installed("mlflow-skinny")
    if skinny and not installed("mlflow"):
        lacking = [name for name in ("SQLAlchemy", "alembic") if not installed(name)]
        if lacking:
            yield Finding(
                "mlflow",
                "warning",
                f"mlflow-skinny {skinny} alone cannot open its database (it comes without "
                f"{' and '.join(lacking)}): {_DISPENSABLE['mlflow']}",
                f"python -m pip install {_wanted('mlflow')}, or run with --tracking none",
            )


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def _wanted(name: str) -> str:
    """The harness's requirement of a distribution, as a shell takes it."""
    for requirement in _requirements(HARNESS):
        if canonicalize_name(requirement.name) == canonicalize_name(name):
            return f"'{requirement.name}{requirement.specifier}'"
    return f"'{name}'"


# --- what is declared ---------------------------------------------------------------


def requirements() -> Iterator[Finding]:
    """What the harness or a framework requires and is missing or of another version.

    One finding for each distribution at fault, whoever complains of it.
    """
    complaints: dict[str, list[tuple[str, Requirement]]] = {}
    for owner in OWNERS:
        for requirement in _requirements(owner):
            version = installed(requirement.name)
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                name = str(canonicalize_name(requirement.name))
                complaints.setdefault(name, []).append((owner, requirement))
    for name, complained in complaints.items():
        yield _unmet(name, complained)


def _unmet(name: str, complained: list[tuple[str, Requirement]]) -> Finding:
    version = installed(name)
    wanted = ", ".join(f"{owner} needs {r.specifier or 'it'}" for owner, r in complained)
    remedy = f"python -m pip install {_wanted(name)}"
    if version is not None:
        return Finding(
            name, "warning", f"{version}, but {wanted}; nobody has tried it with that", remedy
        )
    level: Level = "error" if any(owner == HARNESS for owner, _ in complained) else "warning"
    message = f"not installed, but {wanted}"
    if importlib.util.find_spec(name.replace("-", "_")) is not None:
        return Finding(name, "warning", f"of no known version, but {wanted}", remedy)
    if name in _DISPENSABLE:
        return Finding(name, "warning", f"{message}: {_DISPENSABLE[name]}", remedy)
    if name in _PREPARING and any(map(importlib.util.find_spec, ("jax", "torch"))):
        return Finding(name, "warning", f"{message}: {_PREPARING_COST}", remedy)
    return Finding(name, level, message, remedy)


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
