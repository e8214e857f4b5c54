"""What surrounds a person's shell, and must not decide a result.

Processes that prepare data, train or are asked by `harness doctor` look for modules where this one
does, but not in the current folder: a file of the person's own that is called `random.py` or
`keras.py` is theirs. Variables that a notebook, a locale or a habit sets are set anew.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PYTHON: tuple[str, ...] = (sys.executable, "-P")
"""How such a process is started: `-P` keeps the current folder, and that of a script, off its
search path."""
VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        # Notebooks set a backend that draws into their page, and that only they can import.
        "MPLBACKEND": "Agg",
        # Files are read as UTF-8 where no encoding is named, whatever the locale; sets have the
        # same order in every process.
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",
    }
)
"""Variables of such a process."""
_RECORDED = (
    *("CUBLAS_", "CUDA_", "CUDNN_", "JAX_", "KERAS_", "KMP_", "MKL_", "NPROC", "NVIDIA_", "OMP_"),
    *("OPENBLAS_", "PYTHONOPTIMIZE", "PYTORCH_", "TF_", "TORCH_", "XLA_"),
)
"""How the names of variables begin that frameworks and their libraries read."""
_OF_EVERY_WORKER = "TF_FORCE_GPU_ALLOW_GROWTH"
"""Set for workers whatever a person has set, and by Keras once it is imported."""


def search_path() -> list[str]:
    """Where such a process looks for modules: as this one, but not in the current folder.

    The current folder stays where the person has put it: in `PYTHONPATH`, or by an installation
    that is edited in place. What Python puts in front by itself goes.
    """
    here = Path.cwd()
    chosen = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    kept = {Path(__file__).parents[2], *(Path(part).absolute() for part in chosen)}
    paths = [path for path in sys.path if path]
    in_front = paths[:1] if here not in kept and Path(paths[0]).absolute() == here else []
    return paths[len(in_front) :]


def variables() -> dict[str, str]:
    """The whole environment of such a process."""
    return {**os.environ, **VARIABLES, "PYTHONPATH": os.pathsep.join(search_path())}


def recorded() -> dict[str, str]:
    """The variables, of this process, that the numbers of a framework may depend on.

    Of one that holds a path no more is told than that it is set.
    """
    return {
        name: "(a path)" if os.sep in value or "/" in value else value
        for name, value in sorted(os.environ.items())
        if name.startswith(_RECORDED) and name != _OF_EVERY_WORKER
    }
