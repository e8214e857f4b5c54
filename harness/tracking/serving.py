"""A saved winner as MLflow serves it: rows of JSON in, predictions out.

The `python_function` flavour of MLflow names this module as its loader. The model's folder holds
all that is asked for here: `model.keras`, `interface.json` and `assets.json`; the code comes from
the installed package.

What goes in: tasks on short texts take the columns `text` and, for pairs, `text_pair`, cut as the
asset `encoding` says; all others take their tensors by name. What comes out: of one class an
example, its name, its probability and the probabilities of all; of tagged words, the words, their
tags and how probable these are; else arrays by name, of classes the likeliest and its probability.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from harness import kinds
from harness.kinds import (
    classification,
    sentence_similarity,
    text_classification,
    token_classification,
)
from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import (
    CHARACTERS,
    ENCODING,
    PAIR,
    SEGMENTS,
    TEXT,
    TOKENS,
    VOCABULARY,
)
from harness.kinds.text.tokenizer import RESERVED
from harness.models import ASSUMED, Interface, load_model, read_interface
from harness.spec import DataSpec, HarnessError, Kind, TensorSpec

MODEL, INTERFACE, ASSETS = "model.keras", "interface.json", "assets.json"
BATCH = 32
_TEXTS: tuple[Kind, ...] = (
    text_classification.KIND,
    sentence_similarity.KIND,
    token_classification.KIND,
)
_ONCE_TEXTS: tuple[Kind, ...] = (text_classification.KIND, sentence_similarity.KIND)
"""Those that took texts before there was an encoding."""

Assets: TypeAlias = Mapping[str, Any]


class Served:
    """A model that answers."""

    def __init__(self, model: Any, interface: Interface, assets: Assets) -> None:
        self._model = model
        self._interface = interface
        self._assets = assets

    def predict(self, data: Any, params: Any = None) -> Any:
        """Answers a data frame of texts or a dictionary of arrays.

        Returns:
            A data frame, or a dictionary of arrays: see above.

        Raises:
            MlflowException: a text that is missing, or an id that the vocabulary lacks.
        """
        spec = self._interface.spec
        columns = text_columns(self._interface, self._assets)
        if columns:
            return self._answers([data[name] for name in columns])
        outputs = self._outputs(_arrays(data, spec))
        if one_class(spec) is not None:
            return _frame(classification.decode(outputs, spec, self._assets))
        return _named(outputs, spec)

    def _answers(self, columns: Sequence[Any]) -> Any:
        """What is said of texts, or of pairs of them in two columns."""
        spec, assets = self._interface.spec, self._assets
        kind = kinds.of(spec.kind)
        texts = [*zip(*columns, strict=True)] if len(columns) > 1 else [*columns[0]]
        try:
            x = kind.encode(texts, spec, assets)
        except HarnessError as error:
            raise _refusal(str(error)) from None
        outputs = self._outputs(x)
        if spec.kind == token_classification.KIND:
            return _frame(kind.decode(outputs, spec, assets, texts))
        answers = kind.decode(outputs, spec, assets)
        if one_class(spec) is not None:
            return _frame(answers)
        return {name: np.array(answers, "float32")[:, None] for name in spec.outputs}

    def _outputs(self, x: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
        outputs = self._model.predict(dict(x), batch_size=BATCH, verbose=0)
        if isinstance(outputs, Mapping):
            return outputs
        return dict(zip(self._interface.spec.outputs, [outputs], strict=True))


def text_columns(interface: Interface, assets: Assets) -> tuple[str, ...]:
    """The columns of texts that a model takes; none where it takes tensors."""
    spec = interface.spec
    if spec.kind not in _TEXTS or set(spec.inputs) - {CHARACTERS} != {TOKENS, SEGMENTS}:
        return ()
    if ENCODING in assets:
        return encodings.of(spec, assets).columns or (TEXT,)
    words = assets.get(VOCABULARY)
    if (
        interface.format > ASSUMED  # nobody says how its texts are cut
        or not isinstance(words, list)
        or tuple(words[: len(RESERVED)]) != RESERVED
        or spec.kind not in _ONCE_TEXTS
        or spec.inputs[TOKENS].longest is None
    ):
        return ()
    return (TEXT, PAIR) if interface.examples[SEGMENTS].any() else (TEXT,)


def text_example(interface: Interface, assets: Assets) -> list[list[str]]:
    """The first test examples as texts, one list a column."""
    columns = text_columns(interface, assets)
    tokenizer = encodings.of(interface.spec, assets).tokenizer(assets[VOCABULARY])
    tokens, segments = interface.examples[TOKENS], interface.examples[SEGMENTS]
    return [
        [
            tokenizer.decode([int(n) for n in row[parts == side] if n >= len(RESERVED)])
            for row, parts in zip(tokens, segments, strict=True)
        ]
        for side in range(len(columns))
    ]


def one_class(spec: DataSpec) -> TensorSpec | None:
    """The output of a task that gives each example one class, `None` for any other task."""
    (first, *others) = spec.outputs.values()
    return first if not others and first.size is not None and first.shape == () else None


def _arrays(data: Any, spec: DataSpec) -> dict[str, np.ndarray]:
    """The tensors of a request; ids must be known, or an embedding would answer with noise."""
    if len(spec.inputs) == 1 and isinstance(data, np.ndarray):
        data = dict.fromkeys(spec.inputs, data)
    x = {name: np.asarray(data[name], tensor.dtype) for name, tensor in spec.inputs.items()}
    for name, tensor in spec.inputs.items():
        ids = x[name]
        if tensor.size is not None and ids.size and not 0 <= ids.min() <= ids.max() < tensor.size:
            raise _refusal(
                f"{name}: found ids from {ids.min()} to {ids.max()}; expected 0 to "
                f"{tensor.size - 1}"
            )
    return x


def _refusal(reason: str) -> Exception:
    """The one exception whose message MLflow's server tells."""
    from mlflow.exceptions import MlflowException

    refusal: Exception = MlflowException.invalid_parameter_value(reason)
    return refusal


def _frame(answers: Sequence[Mapping[str, Any]]) -> Any:
    import pandas as pd

    return pd.DataFrame(list(answers))


def _named(outputs: Mapping[str, Any], spec: DataSpec) -> dict[str, np.ndarray]:
    from scipy.special import softmax

    answer = {}
    for name, tensor in spec.outputs.items():
        values = np.asarray(outputs[name])
        if tensor.size is None:
            answer[name] = values
        else:
            rows = softmax(values.astype("float64"), axis=-1)
            answer |= {name: rows.argmax(axis=-1), f"{name}_probability": rows.max(axis=-1)}
    return answer


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Served:
    """Called by MLflow with the folder of the model's data, and the backend it was trained on."""
    if model_config and "backend" in model_config:
        # Where nobody chose another: Keras' own default may not be installed.
        os.environ.setdefault("KERAS_BACKEND", str(model_config["backend"]))
    folder = Path(path)
    assets = json.loads((folder / ASSETS).read_text(encoding="utf-8"))
    return Served(load_model(folder / MODEL), read_interface(folder / INTERFACE), assets)
