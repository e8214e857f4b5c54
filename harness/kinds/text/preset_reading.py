"""How a preset reads texts: its WordPiece becomes the task's. See `harness.kinds.presets`."""

from typing import Any

from harness import cause
from harness.kinds import presets
from harness.kinds.text.tokenizer import CONTINUATION, RESERVED, UNKNOWN_TOKEN
from harness.spec import HarnessError, Kind, Preset
from harness.system.text import quoted

PLAIN = {
    "split": True,
    "split_on_cjk": True,
    "strip_accents": False,
    "suffix_indicator": CONTINUATION,
    "oov_token": UNKNOWN_TOKEN,
}
"""Settings of KerasHub's WordPiece as texts are cut here."""


def reading(
    task: str, preset: Preset, kind: Kind, longest: int, pairs: bool
) -> tuple[list[str], bool, dict[str, Any]]:
    """How a preset reads texts.

    Args:
        task: its name, for the errors.
        preset: a located one.
        kind: of the task.
        longest: most tokens of an example.
        pairs: whether an example has two texts.

    Returns:
        The vocabulary with `RESERVED` first, whether capital letters are read as small ones, and
        what is known of the preset, as its asset.

    Raises:
        HarnessError: it cannot be had, cuts texts in another way, or cannot read texts so long, or
            pairs of them.
    """
    import keras_hub

    where = f"task {task!r}"
    who = presets.named(where, preset)
    backbone = presets.opened(where, preset, kind, load_weights=False)
    try:
        tokenizer = keras_hub.tokenizers.BertTokenizer.from_preset(preset.name)
        pieces = list(tokenizer.get_vocabulary())
    except Exception as error:  # whatever KerasHub comes upon
        why = cause.told(error)
        raise HarnessError(f"{who} has no tokenizer that can be read ({why})") from error
    for name, expected in PLAIN.items():
        found = getattr(tokenizer, name)
        if found != expected:
            raise HarnessError(
                f"{who} has a tokenizer of {name} = {found!r}; expected {expected!r}"
            )
    if len(pieces) > backbone.vocabulary_size:
        raise HarnessError(f"{who} has a tokenizer of {len(pieces):,} pieces, and a backbone of "
                           f"{backbone.vocabulary_size:,}; expected as many")  # fmt: skip
    if longest > backbone.max_sequence_length:
        raise HarnessError(
            f"{where}: longest = {longest}: preset {quoted(preset.name)} reads "
            f"{backbone.max_sequence_length} tokens at most; expected no more"
        )
    if pairs and backbone.num_segments < 2:
        raise HarnessError(f"{who} tells no pairs of texts apart; expected two segments")
    facts = {
        **presets.facts(preset, backbone),
        "reserved": [pieces.index(token) for token in RESERVED],
    }
    return (
        [*RESERVED, *(piece for piece in pieces if piece not in RESERVED)],
        bool(tokenizer.lowercase),
        facts,
    )
