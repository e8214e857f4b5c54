"""What an encoder computes, on whatever backend Keras has.

    KERAS_BACKEND=jax python -m tests.encoders MODEL.keras INPUTS.npz OUTPUTS.npz

loads a pretrained model and a fine-tuned one built around it, and writes what they answer.
"""

import sys

import keras
import numpy as np

from harness.blocks import encoder as _bert
from harness.models import load_model
from harness.spec import DataSpec, TensorSpec

SIZE, LONGEST, MOST = 60, 24, 4


def pretraining_spec():
    tokens = TensorSpec((LONGEST,), "int32", SIZE, vocabulary="pieces")
    return DataSpec(
        {
            "tokens": tokens,
            "segments": TensorSpec((LONGEST,), "int32", 2),
            "positions": TensorSpec((MOST,), "int32", LONGEST),
        },
        {
            "masked_token": TensorSpec((MOST,), "int32", SIZE),
            "next_sentence": TensorSpec((), "int32", 2),
        },
        "masked_language_modeling",
    )


def text_spec(kind):
    outputs = {
        "text_classification": {"label": TensorSpec((), "int32", 3)},
        "token_classification": {
            "tags": TensorSpec((None,), "int32", 4, longest=LONGEST, aligned="tokens")
        },
        "sentence_similarity": {"similarity": TensorSpec((1,), "float32")},
    }
    inputs = {
        "tokens": TensorSpec((None,), "int32", SIZE, longest=LONGEST, vocabulary="pieces"),
        "segments": TensorSpec((None,), "int32", 2, longest=LONGEST, aligned="tokens"),
    }
    return DataSpec(inputs, outputs[kind], kind)


def examples(count=6):
    """Texts of all lengths, and places to tell."""
    random = np.random.default_rng(0)
    tokens = random.integers(5, SIZE, (count, LONGEST)).astype("int32")
    lengths = np.linspace(LONGEST, 6, count).astype(int)
    tokens[np.arange(LONGEST) >= lengths[:, None]] = 0
    segments = ((np.arange(LONGEST) > 4) & (tokens != 0)).astype("int32")
    positions = random.integers(0, 6, (count, MOST)).astype("int32")
    return {"tokens": tokens, "segments": segments, "positions": positions}


def answers(model, x):
    """Outputs of a pretrained model by name, and the encoder's own."""
    inputs = {tensor.name: x[tensor.name] for tensor in model.inputs}
    found = {k: keras.ops.convert_to_numpy(v) for k, v in model(inputs, training=False).items()}
    return {**found, "sequence": sequence(_bert.pretrained_encoder(model), x)}


def sequence(encoder, x):
    """What an encoder makes of each token."""
    tensors = {name: keras.ops.convert_to_tensor(array) for name, array in x.items()}
    outputs = encoder(_bert.encoder_inputs(tensors), training=False)
    return keras.ops.convert_to_numpy(outputs["sequence_output"])


if __name__ == "__main__":
    path, inputs, outputs = sys.argv[1:]
    with np.load(inputs) as stored:
        np.savez(outputs, **answers(load_model(path), dict(stored)))
    print(keras.backend.backend())
