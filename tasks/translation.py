"""Translation: write a sentence anew in another language, judged by BLEU."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.kinds import translation
from harness.kinds.files.compressed import unpacked
from harness.spec import HarnessError, Objective, Source, Task

MULTI30K_SPLITS = {
    "train": "train",
    "val": "val",
    "test": "test_2016_flickr",
    "flickr_2017": "test_2017_flickr",
    "mscoco_2017": "test_2017_mscoco",
}
NUMBERS = {"train": 6_000, "val": 500, "test": 1_000}
LARGEST_NUMBER = 999_999


def prepare_multi30k(
    files: Mapping[str, Path], task: str, source: str, target: str
) -> dict[str, list[tuple[str, str]]]:
    """Multi30k, task 1: captions of photographs and their translations, official splits.

    Tests: the captions of 2016, and as further ones those of 2017 and those of ambiguous verbs
    (MSCOCO).
    """
    return {
        split: translation.paired(
            f"task {task!r}, {split}",
            _lines(task, files[f"{name}.{source}.gz"]),
            _lines(task, files[f"{name}.{target}.gz"]),
        )
        for split, name in MULTI30K_SPLITS.items()
    }


def _lines(task: str, path: Path) -> list[str]:
    try:
        text = unpacked(path, "a gzip file of UTF-8").decode("utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"task {task!r}: {path}: not a gzip file of UTF-8 ({error})") from None
    except HarnessError as error:
        raise HarnessError(f"task {task!r}: {error}") from None
    return text.removesuffix("\n").split("\n")


def prepare_number_words(files: Mapping[str, Path]) -> dict[str, list[tuple[str, str]]]:
    """Numbers below a million in words, from English to German.

    German says the ones before the tens (`einundzwanzig` is one-and-twenty) and writes a number
    in one word. Numbers of one to six digits, about as many of each length as there are; those of
    validation and test are not trained on.
    """
    random = np.random.default_rng(0)
    # By magnitude, so that short numbers are not drowned by the six-digit ones.
    drawn = np.expm1(random.uniform(0, np.log1p(LARGEST_NUMBER), 4 * sum(NUMBERS.values())))
    numbers = random.permutation(_distinct(drawn.astype("int64"), sum(NUMBERS.values())))
    ends = np.cumsum(list(NUMBERS.values()))[:-1]
    parts = dict(zip(NUMBERS, np.split(numbers, ends), strict=True))
    return {split: [_in_words(number) for number in part.tolist()] for split, part in parts.items()}


def _distinct(numbers: np.ndarray, count: int) -> np.ndarray:
    """The first `count` different numbers, in their order."""
    _, first = np.unique(numbers, return_index=True)
    return numbers[np.sort(first)][:count]


def _in_words(number: int) -> tuple[str, str]:
    import num2words

    english, german = (num2words.num2words(number, lang=language) for language in ("en", "de"))
    return english, german


_MULTI30K_URL = (
    "https://raw.githubusercontent.com/multi30k/dataset/"
    "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"
)
_MULTI30K_SHA256 = {
    "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr.gz": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "test_2017_flickr.de.gz": "a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee",
    "test_2017_flickr.en.gz": "76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074",
    "test_2017_flickr.fr.gz": "3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496",
    "test_2017_mscoco.de.gz": "799e4854c25d601cb6cb6be29eabe5667734c61ace2f495e03e429031a0bc338",
    "test_2017_mscoco.en.gz": "aab300bfb4427697987e02cd0aacd44bfe8aa50456231b6474c08038bbed2b58",
    "test_2017_mscoco.fr.gz": "754f3072ba9f124569ba5258b32730fc1d214bbf8e0c6dfb2b74401676220db0",
    "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr.gz": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr.gz": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
}


def _multi30k(source: str, target: str) -> Task:
    name = f"multi30k_{source}_{target}"
    files = [f"{split}.{language}.gz" for split in MULTI30K_SPLITS.values()
             for language in (source, target)]  # fmt: skip
    return translation.task(
        name,
        functools.partial(prepare_multi30k, task=name, source=source, target=target),
        vocabulary=4000,
        joint=True,
        longest=96,
        sources=tuple(
            Source("multi30k", file, _MULTI30K_URL + file, _MULTI30K_SHA256[file]) for file in files
        ),
        licence="Flickr30K terms: non-commercial research and education",
        reference=None,
    )


multi30k_en_de = _multi30k("en", "de")
multi30k_de_en = _multi30k("de", "en")
multi30k_en_fr = _multi30k("en", "fr")

number_words = translation.task(
    "number_words",
    prepare_number_words,
    vocabulary=100,
    longest=48,
    by_bytes=False,
    measure=Objective("exact_match", "max"),
    licence="generated",
    # No figure is published on these numbers.
    reference=None,
)
