"""What a model says of raw input, in rows of plain values: one an input, or a forecast step."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness import kinds
from harness.winner.fitted import Fitted
from harness.winner.inputs import Inputs

BATCH = 32
Row = dict[str, Any]
MODEL = "model"
"""Begins the name of a column of answers where the input has one of that name."""


def predictions(fitted: Fitted, inputs: Inputs) -> list[Row]:
    """The answers of a model, each behind what stood beside its input.

    Raises:
        HarnessError: the model cannot be loaded, or the input is not what it takes.
    """
    answers = answered(fitted, fitted.load(), inputs.raw)
    rows = []
    for shown, own in zip(inputs.shown, answers, strict=True):
        for answer in own:
            rows.append({**shown, **{_column(name, shown): v for name, v in answer.items()}})
    return rows


def answered(fitted: Fitted, model: Any, raw: Sequence[Any]) -> list[list[Row]]:
    """What a loaded model says of each raw input: one row, or one for each step of a forecast."""
    spec, assets = fitted.interface.spec, fitted.assets
    kind = kinds.of(spec.kind)
    if spec.kind == "translation":
        return [[{"translation": text}] for text in kind.translate(model, list(raw), assets)]
    outputs = outputs_of(fitted, model, kind.encode(list(raw), spec, assets))
    if spec.kind in ("token_classification", "masked_language_modeling"):
        return [[_flat(answer)] for answer in kind.decode(outputs, spec, assets, list(raw))]
    answers = kind.decode(outputs, spec, assets)
    match spec.kind:
        case "time_series_forecasting":
            return [_steps(forecast) for forecast in answers]
        case "sentence_similarity":
            return [[{"similarity": value}] for value in answers]
    return [[_flat(answer)] for answer in answers]


def outputs_of(fitted: Fitted, model: Any, x: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
    """The outputs of a model by name."""
    outputs = model.predict(dict(x), batch_size=BATCH, verbose=0)
    if isinstance(outputs, Mapping):
        return outputs
    return dict(zip(fitted.interface.spec.outputs, [outputs], strict=True))


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header; numbers with six digits."""
    every = list(rows)
    names = list(dict.fromkeys(name for row in every for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in every:
        writer.writerow({name: _written(value) for name, value in row.items()})
    return text.getvalue()


def _written(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _column(name: str, shown: Mapping[str, str]) -> str:
    return f"{MODEL}_{name}" if name in shown else name


def _steps(forecast: Mapping[str, Sequence[float]]) -> list[Row]:
    """A row for each step of a forecast."""
    columns = forecast.items()
    return [
        {"step": number + 1, **{name: values[number] for name, values in columns}}
        for number in range(len(next(iter(forecast.values()))))
    ]


def _flat(answer: Mapping[str, Any]) -> Row:
    """An answer whose values are numbers and texts: of lists the parts between spaces, of the
    probabilities of all classes none."""
    flat: Row = {}
    for name, value in answer.items():
        if isinstance(value, Mapping):
            continue
        if isinstance(value, list | tuple):
            value = " ".join(_part(part) for part in value)
        flat[name] = value
    return flat


def _part(value: Any) -> str:
    """A part of a list: of guesses of a hidden token the likeliest."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, Mapping):
        value = next(iter(value.values()))
    return str(_written(value))
