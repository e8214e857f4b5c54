"""A search space as KerasTuner can take it: one name, one range, one condition.

Spaces are written as ordinary code that draws values (`sample`), and code may use a name in two
conditional scopes, or with a range that depends on another value. KerasTuner knows one value a
name: of two scopes or ranges it takes the first for both, or another at each run. Here each
(name, range, condition) is a hyperparameter of its own. The first keeps its name, `units`; others
are called `units:2`, `units:3` and so on, in the order in which they are found.
"""

import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.spec import HarnessError, HyperParameters
from harness.system import stdio
from harness.system.json_values import unboxed

with stdio.silent_errors():
    import keras_tuner as keras_tuner

MOST_RANGES = 64
"""Ranges and conditions of one name. A range that depends on a continuous value has no end of
them."""
DRAWINGS = 30
"""Configurations in a row, drawn at random, that show nothing new: the end of exploring."""

Values = dict[str, Any]
Sample = Callable[[HyperParameters], Any]
Choose = Callable[[Any], Any]
"""Gives the value of a hyperparameter that has none yet."""


class Space:
    """What `sample` draws from: every hyperparameter, also those behind the values of others."""

    def __init__(self, sample: Sample) -> None:
        """Explores the space by calling `sample`.

        Args:
            sample: draws from the hyperparameters it is given, and does nothing else.

        Raises:
            HarnessError: a range depends on a continuous value.
        """
        self._sample = sample
        self._names: dict[str, dict[str, str]] = defaultdict(dict)
        """Names by what is drawn, of each name in the code."""
        self._written: dict[str, str] = {}
        """Names by what the code says, however it writes a range."""
        self.known: Any = keras_tuner.HyperParameters()
        """`keras_tuner.HyperParameters` with all that was found, in that order."""
        self._found: set[str] = set()
        """Their names."""
        self._last: tuple[Values, Values, Drawing] | None = None
        """Values that were given and used, and what was made of them last: an oracle asks whether
        a configuration is new, for its values, and for itself."""
        self._explore()

    def drawn(self, values: Mapping[str, Any], choose: Choose | None = None) -> "Drawing":
        """What `sample` makes of values; what they lack is chosen, or as by default."""
        if self._last is not None:
            given, used, drawing = self._last
            # The same values, of which none is left to choose.
            if values.keys() >= used.keys() and values in (given, used):
                return drawing
        drawing = Drawing(self._name, values, choose)
        drawing.sampled = unboxed(self._sample(drawing))  # Keras takes no `units` of NumPy
        new = [p for p in drawing.hyperparameters.space if p.name not in self._found]
        if new:
            self.known.merge(new, overwrite=False)
            self._found.update(parameter.name for parameter in new)
        self._last = dict(values), dict(drawing.used), drawing
        return drawing

    def _explore(self) -> None:
        """Every value of every discrete hyperparameter first, then configurations at random, for
        what hides behind several values at once."""
        self.drawn({})
        explored = 0
        while explored < len(self.known.space):
            parameter = self.known.space[explored]
            explored += 1
            conditions = {c.name: c.values[0] for c in parameter.conditions}
            for value in _discrete(parameter):
                self.drawn({**conditions, parameter.name: value})
        seeds, unchanged = itertools.count(), 0
        while unchanged < DRAWINGS:
            before = len(self.known.space)
            self.drawn({}, lambda parameter: parameter.random_sample(next(seeds)))
            unchanged = unchanged + 1 if len(self.known.space) == before else 0

    def _name(self, kind: str, name: str, options: Mapping[str, Any], scopes: list[str]) -> str:
        """What a hyperparameter is called that is drawn like this."""
        said = repr((kind, name, options, scopes))
        if said not in self._written:
            # Made once to see what it is, whichever way its range was written.
            alone = keras_tuner.HyperParameters()
            getattr(alone, kind)(name, **options)
            (parameter,) = alone.space
            meaning = json.dumps([kind, parameter.get_config(), scopes], default=str)
            self._written[said] = self._named(name, meaning)
        return self._written[said]

    def _named(self, name: str, meaning: str) -> str:
        names = self._names[name]
        if meaning not in names:
            if len(names) == MOST_RANGES:
                raise HarnessError(
                    f"hyperparameter {name!r} has another range wherever another value changes; "
                    f"expected at most {MOST_RANGES} ranges: draw a share of that value instead"
                )
            names[meaning] = f"{name}:{len(names) + 1}" if names else name
        return names[meaning]


class Drawing:
    """The hyperparameters of one call of `sample`: see `harness.HyperParameters`."""

    def __init__(
        self,
        name: Callable[[str, str, Mapping[str, Any], list[str]], str],
        values: Mapping[str, Any],
        choose: Choose | None,
    ) -> None:
        self._name = name
        self._choose = choose
        self._given = frozenset(values)
        self._within: list[str] = []
        self._own: dict[str, str] = {}
        """What a name in the code stands for at the moment."""
        self._scopes: list[str] = []
        self.hyperparameters: Any = keras_tuner.HyperParameters()
        self.hyperparameters.values = dict(values)
        self.sampled: Any = None
        """What `sample` returned."""
        self.used: Values = {}
        """The values that were asked for, by name, in that order."""

    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> Any:
        """A whole number from `min_value` to `max_value`."""
        return self._draw("Int", name, min_value=min_value, max_value=max_value, **options)

    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> Any:
        """A number from `min_value` to `max_value`."""
        return self._draw("Float", name, min_value=min_value, max_value=max_value, **options)

    def Boolean(self, name: str, default: bool = False, **options: Any) -> Any:
        """Yes or no."""
        return self._draw("Boolean", name, default=default, **options)

    def Choice(self, name: str, values: list[Any], **options: Any) -> Any:
        """One of `values`."""
        return self._draw("Choice", name, values=values, **options)

    def Fixed(self, name: str, value: Any, **options: Any) -> Any:
        """Always `value`."""
        return self._draw("Fixed", name, value=value, **options)

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is drawn within is active only where the parent has one of these values."""
        parent = self._known_as(parent_name)
        with self.hyperparameters.conditional_scope(parent, parent_values):
            self._scopes.append(json.dumps([parent, parent_values], default=str))
            try:
                yield
            finally:
                self._scopes.pop()

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Names within begin with this one and a slash."""
        self._within.append(name)
        try:
            yield
        finally:
            self._within.pop()

    def get(self, name: str) -> Any:
        """The value that a name has."""
        return self.hyperparameters.get(self._known_as(name))

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._known_as(name) in self.hyperparameters

    def _full(self, name: str) -> str:
        return "/".join((*self._within, name))

    def _known_as(self, name: str) -> str:
        return self._own.get(self._full(name), name)

    def _draw(self, kind: str, name: str, **options: Any) -> Any:
        parent, values = options.pop("parent_name", None), options.pop("parent_values", None)
        if parent is not None:
            with self.conditional_scope(parent, values):
                return self._draw(kind, name, **options)
        name = self._full(name)
        hp = self.hyperparameters
        own = self._own[name] = self._name(kind, name, options, self._scopes)
        value = getattr(hp, kind)(own, **options)
        if value is None:  # the scope is not active
            return None
        if self._choose is not None and own not in self._given and own not in self.used:
            (parameter,) = (one for one in hp.space if one.name == own)
            value = hp.values[own] = self._choose(
                parameter.__class__.from_config({**parameter.get_config(), "conditions": []})
            )
        self.used[own] = value
        return value


def _discrete(parameter: Any) -> list[Any]:
    match type(parameter).__name__:
        case "Boolean":
            return [False, True]
        case "Choice" | "Int":
            return list(parameter.values)[:MOST_RANGES]
    return []
