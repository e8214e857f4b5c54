"""Fields that the configurations of all translation architectures begin with."""

from dataclasses import dataclass
from typing import Any

from harness.kinds.translation import KIND, SOURCE, TARGET, TRANSLATOR
from harness.spec import DataSpec, HyperParameters, Kind

TRANSLATION_KINDS: tuple[Kind, ...] = (KIND,)


@dataclass(frozen=True)
class Translation:
    """How tokens become vectors, and vectors tokens again."""

    dropout: float
    """Behind the embeddings, between layers, and before the output."""
    tied: bool
    """Whether the output projection is the matrix of the target embedding (Press and Wolf 2017,
    arXiv:1608.05859)."""
    shared: bool
    """Whether source and target share one embedding; no effect where a task has a vocabulary of
    its own for each language."""


def sample_translation(hp: HyperParameters) -> dict[str, Any]:
    """Draws the fields of `Translation`, by name."""
    return {
        # Tried first: that of the base model of Vaswani et al. Within a few epochs, more costs
        # every architecture a good deal (docs/pages/translation.md).
        "dropout": hp.Float("dropout", 0.1, 0.5, step=0.1, default=0.1),
        "tied": hp.Boolean("tied", default=True),
        "shared": hp.Boolean("shared", default=True),
    }


def translator_options(config: Translation, spec: DataSpec) -> dict[str, Any]:
    """The arguments of `Translator` but for the embedding's width."""
    source, target = spec.inputs[SOURCE], spec.inputs[TARGET]
    joint = source.vocabulary is not None and source.vocabulary == target.vocabulary
    return {
        "source_size": source.size,
        "target_size": target.size,
        "dropout": config.dropout,
        "tied": config.tied,
        "shared": config.shared and joint,
        "name": TRANSLATOR,
    }
