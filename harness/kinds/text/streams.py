"""Running text as one stream of tokens, and tokens as text again.

Words are what stands between spaces, each line ended by `<eos>`; characters are taken as they are;
pieces of words are WordPiece's (see `harness.kinds.text.tokenizer`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from harness.kinds.text.tokenizer import UNKNOWN_TOKEN, Tokenizer
from harness.kinds.text.vocabulary import learned
from harness.spec import HarnessError

Tokens = Literal["word", "character", "subword"]
CHOICES: tuple[Tokens, ...] = get_args(Tokens)
Vocabulary: TypeAlias = (
    int | Sequence[str] | Callable[[Mapping[str, Path]], Sequence[str]] | Literal["all"]
)
"""What a person may say of a vocabulary: the most tokens to learn, the tokens, a function of the
files that returns them, or `all`."""

SPELLINGS: Mapping[Tokens, str] = {"word": "words", "character": "characters", "subword": "pieces"}
"""The asset `spelling`, by what texts are cut into."""
ENDS: Mapping[str, str] = {"words": "<eos>", "characters": "\n", "pieces": "<eos>"}
"""What ends a line of words, or a text; every stream begins behind one. By spelling."""
UNKNOWNS: Mapping[str, str] = {
    "words": "<unk>",
    "characters": "<unk>",
    "pieces": UNKNOWN_TOKEN,
}
"""What stands for a token that the vocabulary does not have. By spelling."""
SIZES: Mapping[Tokens, int] = {"word": 20_000, "character": 2_000, "subword": 4_000}
"""The most tokens that are learned where nobody says how many."""
RARE = 2
"""Words and characters that occur less often in training are unknown there, too, so that models
learn how likely an unknown one is."""
RARE_PIECE = 10
"""How often a piece must occur in training, unless it is a character."""
MOST_UNKNOWN = 0.5
"""Of a split's tokens: of a text that is mostly unknown, a perplexity says nothing."""


def check_choices(task: str, tokens: Any, vocabulary: Any) -> None:
    """Refuses tokens and vocabularies that cannot be meant.

    Raises:
        HarnessError: names the task, the choice and what was expected.
    """
    if tokens not in CHOICES:
        raise HarnessError(
            f"task {task!r}: tokens={tokens!r}; expected one of {', '.join(map(repr, CHOICES))}"
        )
    listed = isinstance(vocabulary, list | tuple)
    size = isinstance(vocabulary, int) and not isinstance(vocabulary, bool) and vocabulary > 0
    whole = isinstance(vocabulary, str) and vocabulary == "all" and tokens != "subword"
    if not (vocabulary is None or listed or size or whole or callable(vocabulary)):
        least = "" if tokens == "subword" else ", 'all'"
        raise HarnessError(
            f"task {task!r}: vocabulary={vocabulary!r:.40} of {tokens}s; expected how many to learn"
            f"{least}, a list of them or a function of files that returns one"
        )


# --- reading ----------------------------------------------------------------------


def cut(where: str, text: str | Sequence[str], tokens: Tokens) -> list[str]:
    """Words or characters of a text.

    Args:
        where: task and split, for the errors.
        text: one text; or a list of words, or else of texts, each of which gets an end.
        tokens: `word` or `character`.

    Raises:
        HarnessError: something in a list is no text, or no word.
    """
    if isinstance(text, str):
        return _lines(text) if tokens == "word" else list(text)
    parts = checked(where, text)
    if tokens == "character":
        return [character for part in parts for character in (*part, ENDS["characters"])]
    for place, word in enumerate(parts):
        if not word or word.split() != [word]:
            raise HarnessError(
                f"{where}, entry {place}: found {word!r:.40}; expected a list of words, or one text"
            )
    return parts


def _lines(text: str) -> list[str]:
    """The words of a text, `<eos>` after each line."""
    words = []
    for line in text.removesuffix("\n").split("\n"):
        words += [*line.split(), ENDS["words"]]
    return words


def checked(where: str, texts: Any) -> list[str]:
    """A text, or a list of them, as a list of texts.

    Raises:
        HarnessError: something else is among them.
    """
    parts = [texts] if isinstance(texts, str) else list(texts)
    for place, part in enumerate(parts):
        if not isinstance(part, str):
            raise HarnessError(f"{where}, entry {place}: found {part!r:.40}; expected a text")
    return parts


def with_words(where: str, texts: Any) -> Any:
    """A text, or a list of them or of words, as it is.

    Raises:
        HarnessError: something else is among them, or there is no word.
    """
    if not any(part and not part.isspace() for part in checked(where, texts)):
        raise HarnessError(f"{where}: no word in its text; expected some")
    return texts


# --- vocabularies -----------------------------------------------------------------


def streams(
    task: str,
    texts: Mapping[str, Any],
    tokens: Tokens,
    vocabulary: int | Sequence[str] | Literal["all"] | None,
) -> dict[str, list[str]]:
    """The tokens of each split, in which what the vocabulary lacks has become unknown.

    Args:
        task: its name, for the errors.
        texts: of `train` and other splits.
        tokens: what texts are cut into.
        vocabulary: the most tokens to learn on training text, the tokens themselves, `all` of
            all splits, or `None` for a usual number of them.

    Raises:
        HarnessError: a vocabulary that cannot be learned, or lacks most of a split.
    """
    spelling = SPELLINGS[tokens]
    if vocabulary is None:
        vocabulary = SIZES[tokens]
    if tokens == "subword":
        parts = {split: checked(f"task {task!r}, {split}", part) for split, part in texts.items()}
        found = _in_pieces(task, parts, vocabulary)
    else:
        found = {
            split: cut(f"task {task!r}, {split}", part, tokens) for split, part in texts.items()
        }
        if vocabulary != "all":
            known = _known(task, found["train"], tokens, vocabulary)
            unknown = UNKNOWNS[spelling]
            found = {
                split: [token if token in known else unknown for token in part]
                for split, part in found.items()
            }
    for split, share in unknown_shares(found, spelling).items():
        if vocabulary != "all" and share > MOST_UNKNOWN:
            raise HarnessError(
                f"task {task!r}, {split}: {share:.0%} of its {len(found[split]):,} {tokens}s are "
                f"not in the vocabulary; expected at most {MOST_UNKNOWN:.0%} (a larger vocabulary, "
                "or tokens='character' or 'subword')"
            )
    return found


def unknown_shares(found: Mapping[str, Sequence[str]], spelling: str) -> dict[str, float]:
    """The share of unknown tokens of each split."""
    unknown = UNKNOWNS[spelling]
    return {split: part.count(unknown) / max(len(part), 1) for split, part in found.items()}


def _known(
    task: str, train: Sequence[str], tokens: Tokens, vocabulary: int | Sequence[str]
) -> set[str]:
    """The words or characters that are not unknown; those that stand for others are known."""
    kept = {ENDS[SPELLINGS[tokens]], UNKNOWNS[SPELLINGS[tokens]]}
    if not isinstance(vocabulary, int):
        return {*vocabulary, *kept}
    counts = Counter(train)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    often = [token for token in ranked if counts[token] >= RARE and token not in kept]
    if not often:
        raise HarnessError(
            f"task {task!r}, train: no {tokens} occurs twice in its text; expected a longer text"
        )
    return {*often[: max(vocabulary - len(kept), 1)], *kept}


def _in_pieces(
    task: str, texts: Mapping[str, Sequence[str]], vocabulary: int | Sequence[str]
) -> dict[str, list[str]]:
    """The pieces of each split, and an end after each text."""
    if isinstance(vocabulary, int):
        reserved = [UNKNOWN_TOKEN]
        pieces = learned(task, texts["train"], vocabulary, reserved=reserved, rarest=RARE_PIECE)
    else:
        pieces = [UNKNOWN_TOKEN, *(piece for piece in vocabulary if piece != UNKNOWN_TOKEN)]
    tokenizer = Tokenizer(pieces)
    found = {}
    for split, part in texts.items():
        ids = tokenizer.encode(part)
        found[split] = [token for text in ids for token in (*(pieces[n] for n in text), "<eos>")]
    return found


# --- assets -----------------------------------------------------------------------


def read(where: str, text: str, assets: Mapping[str, Any]) -> list[int]:
    """The ids of a text that a model is asked to go on with.

    Args:
        where: for the errors.
        text: as a person writes it; words have spaces between them.
        assets: `vocabulary` and `spelling` of the task.

    Raises:
        HarnessError: it holds what no text of the task had, and the vocabulary has nothing that
            stands for it.
    """
    vocabulary, spelling = assets["vocabulary"], assets["spelling"]
    ids = {token: number for number, token in enumerate(vocabulary)}
    if spelling == "pieces":
        pieces = [*vocabulary] if UNKNOWN_TOKEN in ids else [*vocabulary, UNKNOWN_TOKEN]
        tokens = [pieces[number] for number in Tokenizer(pieces).encode([text])[0]]
    elif spelling == "words":
        tokens = _lines(text)[:-1]  # the last line goes on
    else:
        tokens = list(text)
    unknown = ids.get(UNKNOWNS[spelling])
    found = []
    for token in tokens:
        number = ids.get(token, unknown)
        if number is None:
            raise HarnessError(
                f"{where}: {token!r:.40} is in no text of the task; expected what its vocabulary "
                f"of {len(ids):,} can spell"
            )
        found.append(number)
    return found


def spelled(ids: Iterable[int], assets: Mapping[str, Any]) -> str:
    """Token ids as text."""
    tokens = [assets["vocabulary"][number] for number in ids]
    if assets["spelling"] == "characters":
        return "".join(tokens)
    joined = " ".join(tokens)
    return joined.replace(" ##", "") if assets["spelling"] == "pieces" else joined
