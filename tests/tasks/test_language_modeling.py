"""The shipped texts: what they are cut into."""

import numpy as np
import pytest
from harness.tasks.language_modeling import prepare_wikitext2, wikitext2
from harness.tasks.pretraining_texts import unrepeated

from harness.data import cache
from harness.kinds.text import streams
from harness.kinds.text.ngrams import kneser_ney_log_likelihoods
from harness.registry import task


def test_lines_of_wikitext_are_ended(tmp_path):
    files = {source.file: tmp_path / source.file for source in wikitext2.sources}
    for path in files.values():
        path.write_text(" \n = Title = \n two words \n")
    text = prepare_wikitext2(files)["train"]
    assert streams.cut("", text, "word") == [
        "<eos>", "=", "Title", "=", "<eos>", "two", "words", "<eos>",
    ]  # fmt: skip


def test_wikitext_has_every_word_of_its_splits(tmp_path):
    files = {source.file: tmp_path / source.file for source in wikitext2.sources}
    for number, path in enumerate(files.values()):
        path.write_text(f"once{number} " * 70 + "<unk>")
    data = wikitext2.prepare(files)
    assert data.assets["vocabulary"] == ["once0", "<eos>", "<unk>", "once1", "once2"]
    assert "unknown_shares" not in data.assets


def test_topics_share_no_paragraph():
    topics = {"long": "one\n\ntwo\n\nthree", "part": "two", "other": "four  five\n\none"}
    kept = unrepeated(topics)
    assert kept == {"long": ["one", "two", "three"], "other": ["four five"]}


def test_validation_and_test_of_the_manual_are_of_one_kind():
    """As simple n-grams find them; split by whole topics, one was three times as hard."""
    data = cache.load(task("python_docs"))
    size = len(data.assets["vocabulary"])
    train, *others = (
        np.asarray(part.x["tokens"].series) for part in (data.train, data.val, data.test)
    )
    hard = [kneser_ney_log_likelihoods(train, text, size, 4)[-1][1:].mean() for text in others]
    assert np.exp(-hard[0]) == pytest.approx(np.exp(-hard[1]), rel=0.2)
    assert min(map(len, others)) > len(train) / 20


def test_the_manual_of_python_is_spelled_in_pieces():
    data = cache.load(task("python_docs"))
    assert data.assets["spelling"] == "pieces"
    assert len(data.assets["vocabulary"]) < 2000
    text = streams.spelled(data.train.x["tokens"][0], data.assets)
    assert "##" not in text
    assert "<eos>" in data.assets["vocabulary"]
