"""The shipped texts: what they are cut into."""

from harness.tasks.language_modeling import prepare_wikitext2, split_topics, wikitext2
from harness.tasks.pretraining_texts import unrepeated

from harness.data import cache
from harness.kinds.text import streams
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


def test_topics_are_cut_whole_and_share_no_paragraph():
    topics = {"long": "one\n\ntwo\n\nthree", "part": "two", "other": "four  five\n\none"}
    kept = unrepeated(topics)
    assert kept == {"long": ["one", "two", "three"], "other": ["four five"]}
    many = {f"t{n:02}": ["x" * 10] for n in range(20)}
    assert {split: len(part) for split, part in split_topics(many).items()} == {
        "train": 16, "val": 2, "test": 2,
    }  # fmt: skip


def test_the_manual_of_python_is_spelled_in_pieces():
    data = cache.load(task("python_docs"))
    assert data.assets["spelling"] == "pieces"
    assert len(data.assets["vocabulary"]) < 2000
    text = streams.spelled(data.train.x["tokens"][0], data.assets)
    assert "##" not in text
    assert "<eos>" in data.assets["vocabulary"]
