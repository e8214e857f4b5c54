"""Models that others have pretrained, as KerasHub keeps them: `init_from = harness.Preset(...)`.

A preset is a folder that KerasHub has written (`backbone.save_to_preset`, with its tokenizer or
its image converter), one of those that it ships by name, or one on a hub that it knows. Texts are
then cut by the preset's WordPiece, whose pieces are the task's vocabulary: the reserved ones first,
as in every vocabulary here, so the rows of its embedding are put in that order when it is loaded
(`harness.blocks.presets`). Small letters are those of Unicode's lower case; KerasHub also folds
what is compatible (`ß` to `ss`). Images are resized and scaled by the preset's image converter,
within the model.

KerasHub, and with it a framework, is imported inside functions.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import cause
from harness.spec import HarnessError, Kind, Preset, Source
from harness.system.paths import absolute
from harness.system.text import quoted

PRESET = "preset"
"""The asset: what is known of it, as `Mapping` of `name`, `backbone`, `parameters`, `pretrained_on`
(`None` where nobody says), and of texts `reserved`: the ids that the preset gives `RESERVED`."""
KINDS: tuple[Kind, ...] = (
    "image_classification",
    "sentence_similarity",
    "text_classification",
    "token_classification",
)
"""Kinds of tasks that can start from one."""
CONFIG = "config.json"
_READING = {"tokens": "subword", "vocabulary": 8000, "lower_case": False}
"""Options of kinds of texts, as they are where nothing is said."""
ADDRESS = "://"
"""Is in the address of one on a hub."""


def applied(
    kind: Kind, task: str, options: Mapping[str, Any], parts: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Options and parts of a constructor, where `init_from` among the parts is a preset: options
    have it as `preset`, and its files are sources.

    Args:
        kind: of the task.
        task: its name, for the errors.
        options: of the kind, by name.
        parts: fields of `harness.Task` by name.

    Raises:
        HarnessError: tasks of the kind start from none, there is none in that folder, or options
            say otherwise than a preset how texts are read.
    """
    preset = parts.get("init_from")
    if not isinstance(preset, Preset):
        return options, parts
    if kind not in KINDS:
        raise HarnessError(
            f"task {task!r}: a task of kind {kind!r} starts from no preset; expected one of "
            f"{', '.join(KINDS)}"
        )
    for name, usual in _READING.items():
        if options.get(name, usual) != usual:
            raise HarnessError(
                f"task {task!r}: {name} and init_from, a preset, both say how texts are read; "
                "expected one of them"
            )
    preset = located(f"task {task!r}", preset)
    own = (*parts.get("sources", ()), *sources(preset))
    return {**options, "preset": preset}, {**parts, "init_from": preset, "sources": own}


# --- where it is ----------------------------------------------------------------


def is_path(name: str) -> bool:
    """Whether a name can only be that of a folder."""
    return ADDRESS not in name and ("/" in name or os.sep in name or name.startswith((".", "~")))


def located(where: str, preset: Preset, base: Path | None = None) -> Preset:
    """The preset, by its absolute path if it is a folder.

    Args:
        where: for the errors: `task 'films'`.
        preset: as a person has named it.
        base: the folder that it is relative to; the current one if absent.

    Raises:
        HarnessError: there is no such folder, or no preset in it.
    """
    name = preset.name
    if not isinstance(name, str) or not name:
        raise HarnessError(f"{where}: init_from = {quoted(repr(name))}: expected a folder, or the "
                           "name of a preset of KerasHub")  # fmt: skip
    folder = absolute(base or "", name)
    if not folder.is_dir():
        if is_path(name):
            raise HarnessError(f"{where}: init_from = {quoted(repr(name))}: no such folder")
        return preset
    if not (folder / CONFIG).is_file():
        raise HarnessError(
            f"{where}: init_from = {quoted(repr(name))}: no preset of KerasHub, as it has no "
            f"{CONFIG}; expected a folder that save_to_preset has written"
        )
    return Preset(str(folder))


def sources(preset: Preset) -> tuple[Source, ...]:
    """The files of a folder, by which data is prepared anew when one of them is another."""
    folder = Path(preset.name)
    if not folder.is_absolute():
        return ()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = (f"{folder.name}/{path.relative_to(folder).as_posix()}" for path in files)
    return tuple(Source("", name, path=str(path)) for name, path in zip(names, files, strict=True))


# --- what it is -----------------------------------------------------------------


def opened(where: str, preset: Preset, kind: Kind, load_weights: bool, **options: Any) -> Any:
    """The backbone of a preset.

    Args:
        where: for the errors.
        preset: a located one.
        kind: of the task: of texts, it is a BERT.
        load_weights: else it has random ones.
        options: of `keras_hub.models.Backbone.from_preset`.

    Raises:
        HarnessError: there is none of that name, it cannot be had, or is no backbone for the kind.
    """
    import keras_hub

    models = keras_hub.models
    images = kind == "image_classification"
    wanted, able = models.BertBackbone, models.BertBackbone.presets
    if images:
        wanted, able = models.Backbone, models.ImageClassifier.presets
    _check_name(where, preset, able, models.Backbone.presets)
    try:
        return wanted.from_preset(preset.name, load_weights=load_weights, **options)
    except Exception as error:  # whatever KerasHub, a hub or a network comes upon
        raise HarnessError(
            f"{named(where, preset)} cannot be loaded ({cause.told(error)})"
        ) from error


def _check_name(where: str, preset: Preset, able: Sequence[str], known: Sequence[str]) -> None:
    name = preset.name
    if name in able or ADDRESS in name or Path(name).is_absolute():
        return
    if name in known:
        raise HarnessError(f"{named(where, preset)} is of another kind; expected one such as "
                           f"{', '.join(sorted(able)[:3])}")  # fmt: skip
    close = difflib.get_close_matches(name, able, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"expected one such as {sorted(able)[0]!r}"
    raise HarnessError(f"{where}: init_from = {quoted(repr(name))}: no folder, and no preset of "
                       f"KerasHub; {hint}")  # fmt: skip


def named(where: str, preset: Preset) -> str:
    """How errors begin that are about a preset."""
    return f"{where}: preset {quoted(preset.name)}"


def facts(preset: Preset, backbone: Any) -> dict[str, Any]:
    """What a report says of a preset; of a folder also a digest of all that it holds."""
    import keras_hub

    metadata = keras_hub.models.Backbone.presets.get(preset.name, {}).get("metadata", {})
    files = sources(preset)
    found = {
        "name": Path(preset.name).name if files else preset.name,
        "backbone": type(backbone).__name__,
        "parameters": backbone.count_params(),
        "pretrained_on": metadata.get("description"),
    }
    if not files:
        return found
    digest = hashlib.sha256()
    for source in files:
        with Path(str(source.path)).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(json.dumps([source.file, content]).encode())
    return {**found, "sha256": digest.hexdigest()}


# --- of images ------------------------------------------------------------------


def seeing(task: str, preset: Preset, shape: Sequence[int | None]) -> dict[str, Any]:
    """What is known of a preset for images, as its asset.

    Args:
        task: its name, for the errors.
        preset: a located one.
        shape: of an image: height, width, channels.

    Raises:
        HarnessError: it cannot be had, or does not take such images.
    """
    where = f"task {task!r}"
    backbone = opened(where, preset, "image_classification", load_weights=False)
    who = named(where, preset)
    inputs, outputs = backbone.inputs, backbone.outputs
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or len(outputs) != 1:
        raise HarnessError(f"{who} is a {type(backbone).__name__}; expected a backbone from an "
                           "image to features")  # fmt: skip
    channels = inputs[0].shape[-1]
    if shape[-1] not in (1, channels):
        raise HarnessError(
            f"{where}: images of {shape[-1]} channels, and preset {quoted(preset.name)} reads "
            f"{channels}; expected 1 or {channels}"
        )
    converter(where, preset)
    return facts(preset, backbone)


def converter(where: str, preset: Preset) -> Any:
    """The image converter of a preset, which says how pixels are resized and scaled.

    Raises:
        HarnessError: it has none.
    """
    import keras_hub

    try:
        return keras_hub.layers.ImageConverter.from_preset(preset.name)
    except Exception as error:  # whatever KerasHub comes upon
        raise HarnessError(
            f"{named(where, preset)} has no image converter that can be read "
            f"({cause.told(error)}); expected one, by which pixels are scaled"
        ) from error
