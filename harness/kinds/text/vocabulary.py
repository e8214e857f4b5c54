"""Vocabularies, learned on the texts of the training split alone."""

import importlib.util
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.kinds.text.tokenizer import CHOICES, RESERVED, Tokens, count
from harness.spec import HarnessError

Vocabulary = int | Sequence[str] | Callable[[Mapping[str, Path]], Sequence[str]]
"""What a person may name: about how many tokens to learn, the tokens, or a function that returns
them, given the path of each source by name."""
MOST_COUNTED = 10_000_000
"""A count that no word is expected to reach: the learner's own."""
_LEARNER = "tensorflow_text.tools.wordpiece_vocab.wordpiece_tokenizer_learner_lib"


def learned(
    task: str,
    texts: Iterable[str],
    size: int,
    tokens: Tokens = "subword",
    lower_case: bool = False,
    reserved: Sequence[str] = RESERVED,
    rarest: int | None = None,
) -> list[str]:
    """A vocabulary, the reserved tokens first.

    Of words or characters, the commonest ones. Of pieces, by WordPiece: those that go on a word
    begin with `##`, and every character of the texts is among them.

    Args:
        task: its name, for the errors.
        texts: of the training split.
        size: as many tokens as there will be, at most; about as many of pieces.
        tokens: what texts are cut into.
        lower_case: whether capital letters are read as small ones.
        reserved: tokens that stand for no text.
        rarest: how often what becomes a piece must occur, unless it is a character; if absent, as
            often as makes the vocabulary full.

    Raises:
        HarnessError: there is no word in the texts, or the size is too small.
    """
    counts = count(texts, tokens, lower_case)
    if not counts:
        raise HarnessError(
            f"task {task!r}, train: no {'character' if tokens == 'character' else 'word'} in its "
            "texts; expected some to learn a vocabulary from"
        )
    if tokens == "subword":
        return _pieces(task, counts, size, reserved, rarest)
    least = len(reserved) + 1
    if size < least:
        raise HarnessError(
            f"task {task!r}: a vocabulary of {size:,} {tokens}s; expected at least {least:,}, of "
            f"which {len(reserved)} stand for no text"
        )
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return [*reserved, *ranked[: size - len(reserved)]]


def _pieces(
    task: str, counts: Counter[str], size: int, reserved: Sequence[str], rarest: int | None
) -> list[str]:
    characters = {character for word in counts for character in word}
    least = len(reserved) + 2 * len(characters)
    if size < least:
        raise HarnessError(
            f"task {task!r}: a vocabulary of {size:,} pieces; expected at least {least:,}, for "
            f"{len(characters):,} characters"
        )
    # All words at least as frequent as the threshold become pieces, so it is not below the
    # count of the word of this rank. The learner would look for it up to ten million.
    ranked = sorted(counts.values(), reverse=True)
    lowest = rarest or ranked[min(size, len(ranked)) - 1]
    return list(
        _learner().learn(
            counts,
            vocab_size=size,
            reserved_tokens=list(reserved),
            lower_thresh=lowest,
            upper_thresh=MOST_COUNTED if rarest else 16 * lowest,
        )
    )


def _learner() -> ModuleType:
    """TensorFlow Text's learner of pieces: Python and NumPy, but its package imports TensorFlow,
    which takes longer than most vocabularies do. So the module is loaded without the package."""
    if _LEARNER not in sys.modules:
        package = importlib.util.find_spec(_LEARNER.partition(".")[0])
        if package is None or not package.submodule_search_locations:
            raise ImportError("No module named 'tensorflow_text'", name="tensorflow_text")
        inside = _LEARNER.split(".")[1:]
        path = Path(package.submodule_search_locations[0], *inside).with_suffix(".py")
        spec = importlib.util.spec_from_file_location(_LEARNER, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        # Under its name it is seen to be one of the libraries that data was made with.
        sys.modules[_LEARNER] = module
    return sys.modules[_LEARNER]


def had(
    task: str,
    vocabulary: Vocabulary,
    files: Mapping[str, Path],
    texts: Iterable[str],
    tokens: Tokens,
    lower_case: bool,
) -> list[str]:
    """The tokens of a vocabulary that a person has named, the reserved ones first.

    Args:
        task: its name, for the errors.
        vocabulary: what was named.
        files: path of each source by name.
        texts: of the training split, where it is to be learned.
        tokens: what texts are cut into.
        lower_case: whether capital letters are read as small ones.

    Raises:
        HarnessError: it cannot be learned, or is no list of different texts.
    """
    if isinstance(vocabulary, int):
        return learned(task, texts, vocabulary, tokens, lower_case)
    found: Any = vocabulary(files) if callable(vocabulary) else vocabulary
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise HarnessError(
            f"task {task!r}, vocabulary: found {found!r:.40}; expected a list of texts"
        )
    for number, token in enumerate(found, start=1):
        if not isinstance(token, str) or not token:
            raise HarnessError(
                f"task {task!r}, vocabulary, entry {number}: found {token!r:.40}; expected a text"
            )
    twice = [token for token, times in Counter(found).items() if times > 1]
    if twice:
        raise HarnessError(
            f"task {task!r}, vocabulary: {twice[0]!r:.40} stands in it twice; expected each once"
        )
    return [*RESERVED, *(token for token in found if token not in RESERVED)]


def check_options(task: str, tokens: Any, vocabulary: Any, longest: Any) -> None:
    """Refuses options of a text task that cannot be meant.

    Raises:
        HarnessError: names the task, the option, what was found and what was expected.
    """
    if tokens not in CHOICES:
        raise HarnessError(
            f"task {task!r}: tokens={tokens!r}; expected one of {', '.join(map(repr, CHOICES))}"
        )
    size = isinstance(vocabulary, int) and not isinstance(vocabulary, bool) and vocabulary > 0
    pieces = isinstance(vocabulary, Sequence) and not isinstance(vocabulary, str)
    if not (size or pieces or callable(vocabulary)):
        raise HarnessError(
            f"task {task!r}: vocabulary={vocabulary!r:.40}; expected about how many tokens to "
            "learn, a list of them, or a function of files that returns one"
        )
    if not isinstance(longest, int) or isinstance(longest, bool) or longest < 4:
        raise HarnessError(
            f"task {task!r}: longest={longest!r:.40}; expected a number of tokens, 4 or more"
        )
