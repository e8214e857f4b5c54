"""Texts as the ids of a vocabulary, cut into pieces of words, into words or into characters.

The only place where texts of these kinds are cut: preparing, scoring, showing, serving and
predicting give the same ids. No framework is needed, `tokenizers` does it.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

PADDING, UNKNOWN, CLASSIFICATION, SEPARATOR, MASK = range(5)
RESERVED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""The first tokens of the vocabulary of every task on short texts."""
UNKNOWN_TOKEN = RESERVED[UNKNOWN]
CONTINUATION = "##"
"""What a piece begins with that goes on a word."""
UNSPEAKABLE = "\ue000"
"""A character that no vocabulary has: where it stands in a text, `[UNK]` comes out."""

Tokens = Literal["subword", "word", "character"]
"""What a text is cut into. `subword`: WordPiece (Schuster and Nakajima 2012; Devlin et al. 2019,
arXiv:1810.04805, section 3), the longest pieces of a vocabulary that make up each word. `word`:
words, and punctuation marks each by itself. `character`: characters, spaces among them."""
CHOICES: tuple[Tokens, ...] = get_args(Tokens)

_ALONE = (
    r"[!-/:-@\[-`{-~]|\p{P}|[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}"
    r"\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}"
    r"\x{2F800}-\x{2FA1F}]"
)
"""Characters that are words of their own: punctuation, and those of Chinese."""
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JSON can hold and no text."""


class Tokenizer:
    """Cuts texts into the tokens of a vocabulary.

    Args:
        vocabulary: tokens, whose places are their ids; `[UNK]` is among them.
        tokens: what texts are cut into.
        lower_case: whether capital letters are read as small ones.
    """

    def __init__(
        self, vocabulary: Sequence[str], tokens: Tokens = "subword", lower_case: bool = False
    ) -> None:
        from tokenizers import Tokenizer, models

        ids = {token: number for number, token in enumerate(vocabulary)}
        model = models.WordPiece if tokens == "subword" else models.WordLevel
        self.vocabulary = tuple(vocabulary)
        self.tokens = tokens
        self._tokenizer = Tokenizer(model(ids, unk_token=UNKNOWN_TOKEN))
        self._tokenizer.normalizer, self._tokenizer.pre_tokenizer = _rules(tokens, lower_case)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text; of the reserved ones, only that of `[UNK]` can be among them."""
        found = self._tokenizer.encode_batch_fast(
            [_whole_characters(text) for text in texts], add_special_tokens=False
        )
        return [encoded.ids for encoded in found]

    def encode_words(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The ids of each word of each sentence, at least one a word."""
        ids = self.encode([word for sentence in sentences for word in sentence])
        unknown = self.vocabulary.index(UNKNOWN_TOKEN)
        words = iter([word or [unknown] for word in ids])
        return [[next(words) for _ in sentence] for sentence in sentences]

    def decode(self, ids: Iterable[int]) -> str:
        """Ids as text, without padding. Spaces around punctuation are not those of the text that
        was cut, unless it was into characters."""
        tokens = [self.vocabulary[number] for number in ids]
        shown = [token for token in tokens if token != RESERVED[PADDING]]
        if self.tokens == "character":
            return "".join(shown)
        joined = " ".join(shown)
        return joined.replace(f" {CONTINUATION}", "") if self.tokens == "subword" else joined


def count(texts: Iterable[str], tokens: Tokens, lower_case: bool = False) -> Counter[str]:
    """How often each character of texts occurs, or else each word and punctuation mark."""
    normalizer, pre_tokenizer = _rules(tokens, lower_case)
    texts = (_whole_characters(text.replace(UNSPEAKABLE, " ")) for text in texts)
    if tokens == "character":
        return Counter(c for text in texts for c in normalizer.normalize_str(text))
    counts: Counter[str] = Counter()
    # A space always ends a word, and most words are common ones: each is looked at once.
    for part, times in Counter(part for text in texts for part in text.split(" ")).items():
        for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(part)):
            counts[word] += times
    return counts


def _whole_characters(text: str) -> str:
    return _NO_CHARACTER.sub("\ufffd", text)


@functools.cache
def _rules(tokens: Tokens, lower_case: bool) -> tuple[Any, Any]:
    """What changes a text before it is cut, and what cuts it."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    lower = [normalizers.Lowercase()] if lower_case else []
    if tokens == "character":
        each = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        return normalizers.Sequence(lower), each
    # As tensorflow-text cuts, by which the pretrained encoders read: the library's own rules for
    # BERT know other spaces.
    spaces = normalizers.Replace(Regex(r"[\p{Cc}\p{Cf}]"), " ")
    words = [
        pre_tokenizers.Split(Regex(r"[\t\n\f\r ]+"), "removed"),
        pre_tokenizers.Split(Regex(_ALONE), "isolated"),
    ]
    return normalizers.Sequence([spaces, *lower]), pre_tokenizers.Sequence(words)
