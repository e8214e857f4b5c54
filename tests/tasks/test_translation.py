"""The shipped translations: how their files are read."""

import gzip

import numpy as np
import pytest
from harness.tasks import translation

from harness.data import cache
from harness.kinds.fitting import translating
from harness.spec import HarnessError

ENGLISH = ["a dog runs", "a cat sits", "the dog sits"]
GERMAN = ["ein hund läuft", "eine katze sitzt", "der hund sitzt"]


def test_multi30k_reads_its_files(tmp_path):
    files = {}
    for name in translation.MULTI30K_SPLITS.values():
        for language, lines in (("en", ENGLISH), ("de", GERMAN)):
            path = tmp_path / f"{name}.{language}.gz"
            path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
            files[path.name] = path
    data = translation.multi30k_de_en.prepare(files)
    assert set(data.further) == {"flickr_2017", "mscoco_2017"}
    assert translating.texts(data.test.x["source"], data.assets["source_vocabulary"]) == GERMAN

    files["val.en.gz"].write_bytes(b"no gzip")
    with pytest.raises(HarnessError, match=r"multi30k_de_en.*val\.en\.gz: not a gzip file"):
        translation.multi30k_de_en.prepare(files)


def test_numbers_of_the_test_are_never_trained_on():
    data = cache.load(translation.number_words)
    seen = {
        split: set(
            translating.texts(
                np.asarray(getattr(data, split).x["source"]), data.assets["source_vocabulary"]
            )
        )
        for split in ("train", "val", "test")
    }
    assert {split: len(numbers) for split, numbers in seen.items()} == translation.NUMBERS
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]
