"""Building blocks from what others have pretrained: see `harness.kinds.presets`.

Imports keras at once: import it inside functions only.
"""

from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
import numpy as np

from harness.blocks.encoder import ENCODER
from harness.blocks.tensors import only
from harness.kinds import presets
from harness.kinds.image_classification import KIND as IMAGES
from harness.kinds.text.encoding import VOCABULARY
from harness.spec import DataSpec, HarnessError, Preset


def encoder(task: str, preset: Preset, spec: DataSpec, assets: Mapping[str, Any]) -> Any:
    """What an architecture's `build` gets as its `encoder` on a task that starts from a preset.

    Args:
        task: its name, for the errors.
        preset: where it starts.
        spec: of the task's data.
        assets: of the task's data.

    Returns:
        Of texts, the backbone, whose tokens are numbered as the task's are; of images, a
        `keras.Model` from the task's images to the backbone's features. The backbone is the layer
        `ENCODER` of it.

    Raises:
        HarnessError: it cannot be had, or the data was prepared for another one.
    """
    where = f"task {task!r}"
    known = assets.get(presets.PRESET)
    if known is None:
        raise HarnessError(f"{where}: its data says nothing of preset {preset.name!r}, from which "
                           "it starts; expected an asset 'preset'")  # fmt: skip
    backbone = presets.opened(where, preset, spec.kind, load_weights=True, name=ENCODER)
    if spec.kind == IMAGES:
        return _image_encoder(backbone, spec, presets.converter(where, preset))
    _renumber(where, backbone, known["reserved"], len(assets[VOCABULARY]))
    return backbone


def _renumber(where: str, backbone: Any, reserved: list[int], pieces: int) -> None:
    """Puts the rows of the embedding in the order of the task's vocabulary: the reserved first."""
    embedding = backbone.token_embedding
    count = backbone.vocabulary_size
    if max(pieces, *reserved) > count:
        raise HarnessError(f"{where}: its vocabulary has {pieces:,} pieces, and the preset "
                           f"{count:,}; prepare its data anew")  # fmt: skip
    order = [*reserved, *np.setdiff1d(np.arange(count), reserved).tolist()]
    weights = keras.ops.convert_to_numpy(embedding.embeddings)
    embedding.embeddings.assign(weights[order])
    if not embedding.tie_weights:
        reverse = keras.ops.convert_to_numpy(embedding.reverse_embeddings)
        embedding.reverse_embeddings.assign(reverse[:, order])


def new_image_encoder(spec: DataSpec) -> Any:
    """A small ResNet of KerasHub with the weights it begins with, as `encoder` gives one of images.

    Args:
        spec: of the task's data.
    """
    channels = only(spec.inputs, "input")[1].shape[-1]
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
        image_shape=(None, None, channels),
        name=ENCODER,
    )
    return _image_encoder(backbone, spec, keras_hub.layers.ImageConverter(scale=1 / 255))


def _image_encoder(backbone: Any, spec: DataSpec, converter: Any) -> Any:
    """Images of the task's size and channels, as the backbone was trained on: resized, scaled."""
    name, tensor = only(spec.inputs, "input")
    inputs = x = keras.Input(tensor.shape, dtype="float32", name=name)
    if tensor.dtype.startswith("float"):  # of 0 to 1
        x = keras.layers.Rescaling(255.0, name="levels")(x)
    height, width, channels = backbone.inputs[0].shape[1:]
    size = (height, width) if height and width else converter.image_size or tensor.shape[:2]
    if tuple(size) != tuple(tensor.shape[:2]):
        x = keras.layers.Resizing(
            *size,
            interpolation=converter.interpolation,
            crop_to_aspect_ratio=converter.crop_to_aspect_ratio,
            pad_to_aspect_ratio=converter.pad_to_aspect_ratio,
            name="resize",
        )(x)
    if tensor.shape[-1] != channels:
        x = keras.layers.Concatenate(name="channels")([x] * channels)
    if converter.scale is not None or converter.offset is not None:
        scale, offset = (
            usual if value is None else value
            for value, usual in ((converter.scale, 1.0), (converter.offset, 0.0))
        )
        x = keras.layers.Rescaling(scale, offset, name="scale")(x)
    return keras.Model(inputs, backbone(x))
