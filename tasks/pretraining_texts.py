"""The texts encoders are pretrained on, and the vocabularies learned on them.

A fine-tuning task reads its own texts with the vocabulary of the task it starts from, so both
call these functions, which give the same answer each time.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.kinds.text import vocabulary
from harness.kinds.text.tokenizer import UNSPEAKABLE
from harness.spec import Source

WIKITEXT_VOCABULARY = 4000
DOCS_VOCABULARY = 2000
FEWEST_WORDS, MOST_WORDS = 4, 50
"""Of a sentence of Python's reference manual that is asked about."""
DOCS_SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
_WIKITEXT_URL = (
    "https://raw.githubusercontent.com/pytorch/examples/"
    "77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/"
)


def _wikitext(file: str, sha256: str) -> Source:
    return Source("wikitext-2", file, _WIKITEXT_URL + file, sha256)


WIKITEXT_TRAIN = _wikitext(
    "train.txt", "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"
)
WIKITEXT_VALID = _wikitext(
    "valid.txt", "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"
)
WIKITEXT_TEST = _wikitext(
    "test.txt", "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"
)


def pretraining_vocabulary(files: Mapping[str, Path]) -> list[str]:
    """The pieces that encoders are pretrained with: on WikiText-2 where a task has its training
    text, else on Python's reference manual."""
    train = files.get(WIKITEXT_TRAIN.file)
    if train is None:
        return docs_vocabulary()
    return wikitext_vocabulary(train)


# --- WikiText-2 -----------------------------------------------------------------


def wikitext_vocabulary(train: Path) -> list[str]:
    """About 4,000 pieces, learned on the training text of WikiText-2."""
    sentences = [text for article in wikitext_articles(train) for text in article]
    return vocabulary.learned("wikitext2_mlm", sentences, WIKITEXT_VOCABULARY)


def wikitext_articles(path: Path) -> list[list[str]]:
    """The sentences of each article, headings left out.

    Numbers and compounds are joined again (`@-@`), and what WikiText calls unknown will be
    `[UNK]`.
    """
    articles: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        stripped = line.strip()
        if re.fullmatch(r"= [^=].*[^=] =", stripped):  # the title of an article
            articles.append([])
        elif stripped and not stripped.startswith("= "):
            if not articles:
                articles.append([])
            articles[-1] += _wikitext_sentences(stripped)
    return [article for article in articles if article]


def _wikitext_sentences(paragraph: str) -> list[str]:
    text = re.sub(r" @(\W)@ ", r"\1", paragraph).replace("<unk>", UNSPEAKABLE)
    # A full stop that ends a sentence stands alone, that of an abbreviation does not always.
    return [part for part in re.split(r"(?<= [.?!]) (?=[A-Z\"'(\ue000])", text) if part]


# --- the reference manual of Python -----------------------------------------------


def docs_vocabulary() -> list[str]:
    """At most 2,000 pieces, learned on the training parts of Python's reference manual."""
    texts = [text for paragraphs in docs_parts()["train"].values() for text in paragraphs]
    return vocabulary.learned("python_docs_mlm", texts, DOCS_VOCABULARY)


def docs_parts() -> dict[str, dict[str, list[str]]]:
    """The paragraphs of each topic of `pydoc_data.topics`, by split.

    Each topic gives its first 80 % to train, then 10 % to validate, and its end to test, so that
    every split has every large topic. A paragraph that several topics have stays in the
    longest. The text is that of the Python that runs.
    """
    from pydoc_data.topics import topics

    parts: dict[str, dict[str, list[str]]] = {split: {} for split in DOCS_SHARES}
    for name, paragraphs in unrepeated(topics).items():
        total = sum(map(len, paragraphs))
        done = 0
        for paragraph in paragraphs:
            parts[_split(done / total)].setdefault(name, []).append(paragraph)
            done += len(paragraph)
    return parts


def _split(reached: float) -> str:
    ends = 0.0
    for split, share in DOCS_SHARES.items():
        ends += share
        if reached < ends:
            return split
    return split


def unrepeated(topics: Mapping[str, str]) -> dict[str, list[str]]:
    """The paragraphs of each topic, without those of a longer one; topics left empty are gone.

    Args:
        topics: text by name.
    """
    seen: set[str] = set()
    kept = {}
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        paragraphs = [" ".join(part.split()) for part in topics[name].split("\n\n")]
        new = [p for p in dict.fromkeys(paragraphs) if p and p not in seen]
        seen.update(new)
        if new:
            kept[name] = new
    return kept


def docs_documents() -> dict[str, list[list[str]]]:
    """The sentences of each topic, by split; what another split has said before is left out."""
    said: set[str] = set()
    documents = {}
    for split, topics in docs_parts().items():
        texts = [[s for p in paragraphs for s in sentences(p)] for paragraphs in topics.values()]
        documents[split] = [[s for s in text if s not in said] for text in texts]
        said.update(sentence for text in texts for sentence in text)
    return documents


def sentences(paragraph: str) -> Sequence[str]:
    """A paragraph, cut behind full stops, question and exclamation marks."""
    return [part for part in re.split(r"(?<=[.?!])\s+(?=[A-Z\"(*])", paragraph) if part]


def docs_sentences() -> dict[str, list[tuple[str, str]]]:
    """Topics and sentences of Python's reference manual, by split; prose only, none twice.

    Code blocks, grammar and headings are left out by what they look like.
    """
    seen: set[str] = set()
    found: dict[str, list[tuple[str, str]]] = {}
    for split, topics in docs_parts().items():
        found[split] = []
        for topic, paragraphs in topics.items():
            every = (s for p in paragraphs for s in sentences(p))
            for sentence in filter(_is_prose, every):
                if sentence not in seen:
                    seen.add(sentence)
                    found[split].append((topic, sentence))
    return found


def _is_prose(sentence: str) -> bool:
    return (
        FEWEST_WORDS <= len(sentence.split()) <= MOST_WORDS
        and re.match(r'["*(]*[A-Za-z]', sentence) is not None
        and sentence.endswith((".", "?", "!", ":"))
        and not any(mark in sentence for mark in ("::=", ">>>", "====", "****", "----"))
    )
