"""Every configuration of a grid, each once: architectures first, then how they are trained."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from harness.search.space import Space, Values
from harness.search.training_space import PREFIX
from harness.search.tried import Seen


def grid(space: Space) -> Iterator[Values]:
    """Values of each different configuration, the default one first.

    Of a continuous range there are ten values, as KerasTuner cuts it, behind the default one. All
    architectures come with the default training first, then with each other one.
    """
    seen = Seen()
    training = _training(space)
    for values in itertools.product(*training.values()):
        for drawing in _architectures(space, dict(zip(training, values, strict=True))):
            if drawing.sampled not in seen:
                seen.add(drawing.sampled)
                yield drawing.used


def _training(space: Space) -> dict[str, list[Any]]:
    """The values of each hyperparameter of training, the last of which changes first."""
    found: dict[str, list[Any]] = {}

    def choose(parameter: Any) -> Any:
        if parameter.name.startswith(PREFIX):
            found[parameter.name] = _values(parameter)
        return parameter.default

    space.drawn({}, choose)
    return found


def _architectures(space: Space, training: Mapping[str, Any]) -> Iterator[Any]:
    """What is drawn in every way there is, depth first: the last choice changes first."""
    path: list[tuple[str, list[Any]]] = []
    while True:
        further: list[tuple[str, list[Any]]] = []

        def choose(parameter: Any, further: list[tuple[str, list[Any]]] = further) -> Any:
            further.append((parameter.name, _values(parameter)))
            return further[-1][1][0]

        yield space.drawn({**training, **{name: left[0] for name, left in path}}, choose)
        path += further
        while path and len(path[-1][1]) == 1:
            path.pop()
        if not path:
            return
        name, left = path.pop()
        path.append((name, left[1:]))


def _values(parameter: Any) -> list[Any]:
    """The values of a hyperparameter in a grid, the default one first."""
    values = list(getattr(parameter, "values", ()))
    return [parameter.default, *(value for value in values if value != parameter.default)]
