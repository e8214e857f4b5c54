"""Small presets of KerasHub, as `save_to_preset` writes them."""

import keras
import keras_hub

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["[PAD]", "[unused0]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "[UNK]",
          "[CLS]", "[SEP]", "[MASK]", "film", "good", "##ing", "é", ".", ",", "漢"]  # fmt: skip
"""The reserved ones anywhere, as in the vocabulary of the published BERT."""


def bert(folder, lowercase=True, longest=32, pieces=PIECES, **options):
    """A BERT of two layers and its tokenizer."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(PIECES), num_layers=2, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=longest, **options,
    )  # fmt: skip
    backbone.save_to_preset(str(folder))
    keras_hub.tokenizers.BertTokenizer(pieces, lowercase=lowercase).save_to_preset(str(folder))
    return folder


def resnet(folder, converter=True):
    """A ResNet of one block for images of any size, trained on those of 16 pixels a side."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.ResNetBackbone(
        [64], [3], [64], [1], [1], "basic_block", image_shape=(None, None, 3)
    )
    backbone.save_to_preset(str(folder))
    if converter:
        keras_hub.layers.ResNetImageConverter(
            image_size=(16, 16), scale=[1 / 60, 1 / 61, 1 / 62], offset=[-2.0, -2.1, -2.2]
        ).save_to_preset(str(folder))
    return folder


def vit(folder):
    """A ViT of one layer for images of 16 x 16 pixels."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(16, 16, 3), patch_size=4, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    backbone.save_to_preset(str(folder))
    converter = keras_hub.layers.ViTImageConverter(image_size=(16, 16), scale=1 / 127.5, offset=-1)
    converter.save_to_preset(str(folder))
    return folder
