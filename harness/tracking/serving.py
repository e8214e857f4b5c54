"""A saved winner as MLflow serves it: rows of JSON in, predictions out.

The `python_function` flavour of MLflow names this module as its loader. The model's folder holds
all that is asked for here: `model.keras`, `interface.json` and `assets.json`; the code comes from
the installed package.

What goes in: tasks on short texts take the columns `text` and, for pairs, `text_pair`; all
others take their tensors by name. What comes out: of one class an example, its name, its
probability and the probabilities of all; else arrays by name, of classes the likeliest and its
probability.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from harness.models import Interface, load_model, read_interface
from harness.spec import DataSpec, Kind, TensorSpec

MODEL, INTERFACE, ASSETS = "model.keras", "interface.json", "assets.json"
TEXT, PAIR = "text", "text_pair"
TOKENS, SEGMENTS, VOCABULARY, CLASSES = "tokens", "segments", "vocabulary", "classes"
"""What a task on short texts calls its inputs and assets: see `harness.kinds.text.short_texts`."""
BATCH = 32
_ADDED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""The first pieces of every vocabulary."""
_ALONE = (
    r"[!-/:-@\[-`{-~]|\p{P}|[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}"
    r"\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}"
    r"\x{2F800}-\x{2FA1F}]"
)
"""Characters that are words of their own: punctuation, and those of Chinese."""
_TEXTS: tuple[Kind, ...] = ("text_classification", "sentence_similarity")

Assets: TypeAlias = Mapping[str, Any]


class Served:
    """A model that answers."""

    def __init__(self, model: Any, interface: Interface, assets: Assets) -> None:
        self._model = model
        self._interface = interface
        self._assets = assets
        self._tokenizer: Any = None

    def predict(self, data: Any, params: Any = None) -> Any:
        """Answers a data frame of texts or a dictionary of arrays.

        Returns:
            A data frame, or a dictionary of arrays: see above.

        Raises:
            MlflowException: an id that the vocabulary lacks.
        """
        spec = self._interface.spec
        texts = text_columns(self._interface, self._assets)
        x = self._encoded(data, texts) if texts else _arrays(data, spec)
        outputs = self._model.predict(x, batch_size=BATCH, verbose=0)
        if not isinstance(outputs, Mapping):
            outputs = dict(zip(spec.outputs, [outputs], strict=True))
        classes = one_class(spec)
        if classes is not None:
            (logits,) = outputs.values()
            return _frame(np.asarray(logits), class_names(classes, self._assets))
        return _named(outputs, spec)

    def _encoded(self, data: Any, columns: Sequence[str]) -> dict[str, np.ndarray]:
        if self._tokenizer is None:
            longest = self._interface.spec.inputs[TOKENS].longest
            self._tokenizer = wordpiece(self._assets[VOCABULARY], longest or 0)
        return encoded(self._tokenizer, [[str(text) for text in data[name]] for name in columns])


def text_columns(interface: Interface, assets: Assets) -> tuple[str, ...]:
    """The columns of texts that a model takes; none where it takes tensors."""
    spec = interface.spec
    words = assets.get(VOCABULARY)
    known = isinstance(words, list) and tuple(words[: len(_ADDED)]) == _ADDED
    if (
        not known
        or set(spec.inputs) != {TOKENS, SEGMENTS}
        or spec.kind not in _TEXTS
        or spec.inputs[TOKENS].longest is None
    ):
        return ()
    return (TEXT, PAIR) if interface.examples[SEGMENTS].any() else (TEXT,)


def text_example(interface: Interface, assets: Assets) -> list[list[str]]:
    """The first test examples as texts, one list a column."""
    columns = text_columns(interface, assets)
    tokenizer = wordpiece(assets[VOCABULARY], 0)
    tokens, segments = interface.examples[TOKENS], interface.examples[SEGMENTS]
    return [
        [
            tokenizer.decode([int(n) for n in row[parts == side] if n >= len(_ADDED)])
            for row, parts in zip(tokens, segments, strict=True)
        ]
        for side in range(len(columns))
    ]


def wordpiece(vocabulary: Sequence[str], longest: int) -> Any:
    """What cuts texts as their task did, without the framework that task was prepared with.

    WordPiece of cased words, `[CLS] text [SEP]` or `[CLS] text [SEP] other [SEP]` (Devlin et al.
    2019): see `harness.kinds.text.wordpiece`, whose ids it gives.

    Args:
        vocabulary: the pieces; the reserved ones are the first.
        longest: pieces of an example, the reserved ones included; 0 to set no length.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import BertProcessing

    ids = {piece: number for number, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    # As tensorflow-text cuts: the library's own normalizer for BERT knows other spaces.
    tokenizer.normalizer = normalizers.Replace(Regex(r"[\p{Cc}\p{Cf}]"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\t\n\f\r ]+"), "removed"),
            pre_tokenizers.Split(Regex(_ALONE), "isolated"),
        ]
    )
    tokenizer.post_processor = BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    tokenizer.decoder = decoders.WordPiece()
    if longest:
        tokenizer.enable_truncation(longest)
        tokenizer.enable_padding(length=longest, pad_id=ids["[PAD]"])
    return tokenizer


def encoded(tokenizer: Any, columns: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Texts, or pairs of them in two columns, as `tokens` and `segments`."""
    texts = list(zip(*columns, strict=True)) if len(columns) > 1 else list(columns[0])
    found = tokenizer.encode_batch(texts)
    return {
        TOKENS: np.array([example.ids for example in found], "int32"),
        SEGMENTS: np.array([example.type_ids for example in found], "int32"),
    }


def one_class(spec: DataSpec) -> TensorSpec | None:
    """The output of a task that gives each example one class, `None` for any other task."""
    (first, *others) = spec.outputs.values()
    return first if not others and first.size is not None and first.shape == () else None


def class_names(output: TensorSpec, assets: Assets) -> list[str]:
    """Names of the classes; their numbers where the assets do not name each apart."""
    names = assets.get(CLASSES)
    numbers = [str(number) for number in range(output.size or 0)]
    if not isinstance(names, list) or len(names) != len(numbers) or len(set(names)) != len(names):
        return numbers
    return [str(name) for name in names]


def _arrays(data: Any, spec: DataSpec) -> dict[str, np.ndarray]:
    """The tensors of a request; ids must be known, or an embedding would answer with noise."""
    from mlflow.exceptions import MlflowException

    if len(spec.inputs) == 1 and isinstance(data, np.ndarray):
        data = dict.fromkeys(spec.inputs, data)
    x = {name: np.asarray(data[name], tensor.dtype) for name, tensor in spec.inputs.items()}
    for name, tensor in spec.inputs.items():
        ids = x[name]
        if tensor.size is not None and ids.size and not 0 <= ids.min() <= ids.max() < tensor.size:
            raise MlflowException.invalid_parameter_value(  # the server tells no other's message
                f"{name}: found ids from {ids.min()} to {ids.max()}; expected 0 to "
                f"{tensor.size - 1}"
            )
    return x


def _frame(logits: np.ndarray, names: Sequence[str]) -> Any:
    import pandas as pd

    rows = _probabilities(logits)
    return pd.DataFrame(
        {
            "label": [names[number] for number in rows.argmax(axis=-1)],
            "probability": rows.max(axis=-1),
            "probabilities": [dict(zip(names, row, strict=True)) for row in rows.tolist()],
        }
    )


def _named(outputs: Mapping[str, Any], spec: DataSpec) -> dict[str, np.ndarray]:
    answer = {}
    for name, tensor in spec.outputs.items():
        values = np.asarray(outputs[name])
        if tensor.size is None:
            answer[name] = values
        else:
            rows = _probabilities(values)
            answer |= {name: rows.argmax(axis=-1), f"{name}_probability": rows.max(axis=-1)}
    return answer


def _probabilities(logits: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    return np.asarray(softmax(logits.astype("float64"), axis=-1))


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Served:
    """Called by MLflow with the folder of the model's data, and the backend it was trained on."""
    if model_config and "backend" in model_config:
        # Where nobody chose another: Keras' own default may not be installed.
        os.environ.setdefault("KERAS_BACKEND", str(model_config["backend"]))
    folder = Path(path)
    assets = json.loads((folder / ASSETS).read_text(encoding="utf-8"))
    return Served(load_model(folder / MODEL), read_interface(folder / INTERFACE), assets)
