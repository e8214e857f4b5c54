"""Texts of validation and test that are in training as well: the same, or nearly.

A text is the same as another if both agree but for case, accents' encoding, punctuation and white
space. It is nearly the same if the Jaccard index of their shingles, three words in a row, is 0.8 or
more. Candidates are found by MinHash with bands (Broder 1997; Leskovec, Rajaraman and Ullman 2014,
chapter 3), then compared.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

SHINGLE = 3
"""Words in a row."""
FEWEST_SHINGLES = 3
"""A text of fewer is compared as a whole only."""
NEAR = 0.8
"""Jaccard index from which on texts are nearly the same."""
BANDS, ROWS = 16, 4
"""Of the signatures: two texts of Jaccard index 0.8 share a band with a probability of 0.9998."""
MOST_CANDIDATES = 100
"""That are compared for a text; templates that thousands share need no more."""
_NO_WORD = re.compile(r"[\W_]+")


def normalised(text: str) -> str:
    """A text in small letters, without punctuation, with single spaces. Where nothing is left of
    it, as of smileys, the text itself."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", folded).strip() or text.strip()


def counted(texts: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """How many texts of each other split are in training: `same`, `near` and `of`, all of them.

    Args:
        texts: by split, `train` among them.
    """
    train = [normalised(text) for text in texts["train"]]
    known = set(train)
    found = {}
    waiting: dict[str, list[str]] = {}
    for split, part in texts.items():
        if split == "train":
            continue
        others = [text for text in map(normalised, part) if text not in known]
        found[split] = {"same": len(part) - len(others), "near": 0, "of": len(part)}
        waiting[split] = others
    index = _Index(train)
    for split, others in waiting.items():
        found[split]["near"] = sum(index.has_near(text) for text in others)
    return found


class _Index:
    """Texts by the bands of their signatures."""

    def __init__(self, texts: Sequence[str]) -> None:
        random = np.random.default_rng(0)
        factors = random.integers(0, 1 << 63, (BANDS * ROWS, 1), dtype="uint64")
        self._factors = 2 * factors + 1  # odd, so that multiplying loses nothing
        self._shingles: list[np.ndarray] = []
        self._bands: dict[bytes, list[int]] = {}
        for text in dict.fromkeys(texts):
            shingles = _shingles(text)
            if shingles.size < FEWEST_SHINGLES:
                continue
            for band in self._signature(shingles):
                self._bands.setdefault(band, []).append(len(self._shingles))
            self._shingles.append(shingles)

    def has_near(self, text: str) -> bool:
        """Whether a text that is nearly the same is among them."""
        shingles = _shingles(text)
        if shingles.size < FEWEST_SHINGLES:
            return False
        seen: dict[int, None] = {}
        for band in self._signature(shingles):
            seen.update(dict.fromkeys(self._bands.get(band, ())[:MOST_CANDIDATES]))
        for number in list(seen)[:MOST_CANDIDATES]:
            other = self._shingles[number]
            common = np.intersect1d(shingles, other, assume_unique=True).size
            if common >= NEAR * (shingles.size + other.size - common):
                return True
        return False

    def _signature(self, shingles: np.ndarray) -> list[bytes]:
        # Multiply and shift (Dietzfelbinger and others 1997): products overflow, as they should.
        hashes = (shingles[None] * self._factors) >> np.uint64(20)
        least = hashes.min(axis=1).reshape(BANDS, ROWS)
        return [bytes([band]) + row.tobytes() for band, row in enumerate(least)]


def _shingles(text: str) -> np.ndarray:
    """Hashes of 32 bits of the shingles of a text, each once, ascending."""
    words = text.split()
    rows = {" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}
    digests = b"".join(hashlib.blake2b(row.encode(), digest_size=4).digest() for row in rows)
    return np.unique(np.frombuffer(digests, "<u4")).astype("uint64")
