"""Floating-point operations of a forward pass, counted one by one as they are carried out.

Those of matrix products and convolutions, which are nearly all of a network's: a multiplication
and an addition for each pair of values. Loops count as often as they turn; what does not tell is
an error and no guess. Frameworks are imported
inside functions, so that the driver can import this file without loading one.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any


def forward_operations(model: Any, x: Any, y: Any) -> float:
    """Floating-point operations of a forward pass in training, the loss included.

    Args:
        model: compiled and built; its states change as they do in training.
        x: a batch of inputs.
        y: what is expected of them.
    """
    import keras

    count = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
    return count[keras.backend.backend()](model, x, y)


def _on_tensorflow(model: Any, x: Any, y: Any) -> float:
    """Loops are loops of Python where nothing is traced, so that all their turns are seen."""
    import tensorflow as tf
    from tensorflow.python.framework import op_callbacks

    seen: list[tuple[float, list[int], list[int]]] = []

    def see(name: Any, inputs: Any, attributes: Any, outputs: Any, *_: Any, **__: Any) -> None:
        name = name.decode() if isinstance(name, bytes) else name
        operations = _of_tensorflow(name, inputs, attributes, outputs)
        seen.append((operations, [id(i) for i in inputs], [id(o) for o in outputs]))
        held.extend((*inputs, *outputs))

    held: list[Any] = []  # as long as they live, no other tensor has their identity
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)  # what a function calls is not told otherwise
    op_callbacks.add_op_callback(see)
    try:
        loss = model.compute_loss(x, y, model(x, training=True))
    finally:
        op_callbacks.remove_op_callback(see)
        tf.config.run_functions_eagerly(eagerly)
    # What nothing of the loss rests on, as the step that shows Keras what a cell returns, is left
    # out of a traced program.
    needed, total = {id(loss)}, 0.0
    for operations, inputs, outputs in reversed(seen):
        if needed.intersection(outputs):
            needed.update(inputs)
            total += operations
    return total


def _of_tensorflow(name: str, inputs: Any, attributes: Any, outputs: Any) -> float:
    if name in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        flags = dict(zip(attributes[::2], attributes[1::2], strict=True))
        turned = flags.get("transpose_a", flags.get("adj_x", False))
        left = inputs[0].shape
        return 2.0 * _product(outputs[0].shape) * float(left[-2 if turned else -1])
    if name in ("Conv2D", "Conv3D", "DepthwiseConv2dNative"):
        *window, channels, _ = inputs[1].shape
        each = _product(window) * (1 if name.startswith("Depthwise") else channels)
        return 2.0 * _product(outputs[0].shape) * each
    if name in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):  # a transposed convolution
        return 2.0 * _product(inputs[2].shape) * _product(inputs[1].shape[:-1])
    if name.startswith("Cudnn"):
        raise ValueError(f"{name} does not tell its operations")
    if name == "Einsum":
        return _of_einsum(dict(zip(attributes[::2], attributes[1::2], strict=True)), inputs)
    return 0.0


def _product(sizes: Iterable[int]) -> float:
    return float(math.prod(sizes))


def _of_einsum(attributes: Any, inputs: Any) -> float:
    """Every combination of all letters once."""
    equation = attributes["equation"]
    text = equation.decode() if isinstance(equation, bytes) else equation
    sizes: dict[str, int] = {}
    for letters, tensor in zip(text.split("->")[0].split(","), inputs, strict=True):
        sizes |= dict(zip(letters, tensor.shape, strict=True))
    return 2.0 * _product(sizes.values()) if len(inputs) > 1 else 0.0


def convolves(model: Any, x: Any, y: Any) -> bool:
    """Whether there is a convolution in a forward pass on JAX; arguments as of
    `forward_operations`."""
    return _convolves(_forward(model, x, y))


def _on_jax(model: Any, x: Any, y: Any) -> float:
    return _of_jaxpr(_forward(model, x, y))


def _forward(model: Any, x: Any, y: Any) -> Any:
    """A forward pass as a program of JAX."""
    import jax

    states = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in model.metrics_variables],
    )

    def forward(trainable: Any, others: Any, metrics: Any, x: Any, y: Any) -> Any:
        return model.compute_loss_and_updates(
            trainable, others, metrics, x, y, None, training=True, optimizer_variables=[]
        )[0]

    return jax.make_jaxpr(forward)(*states, x, y).jaxpr


def _convolves(jaxpr: Any) -> bool:
    return any(
        equation.primitive.name == "conv_general_dilated"
        or any(map(_convolves, _inner(equation.params.values())))
        for equation in jaxpr.eqns
    )


def _of_jaxpr(jaxpr: Any) -> float:
    return sum(_of_equation(equation) for equation in jaxpr.eqns)


def _of_equation(equation: Any) -> float:
    name, parameters = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = parameters["dimension_numbers"]
        left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
        return 2.0 * _product(out) * _product(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        out_features = parameters["dimension_numbers"].rhs_spec[0]
        kernel = equation.invars[1].aval.shape
        each = _product(kernel) / float(kernel[out_features])
        return 2.0 * _product(equation.outvars[0].aval.shape) * each
    if name == "while" or name.startswith("rnn_"):  # the latter is cuDNN's
        raise ValueError(f"{name} does not tell its operations")
    turns = float(parameters["length"]) if name == "scan" else 1.0
    inner = [_of_jaxpr(jaxpr) for jaxpr in _inner(parameters.values())]
    # Of several branches one is taken.
    return turns * (max(inner, default=0.0) if name == "cond" else sum(inner))


def _inner(values: Iterable[Any]) -> Iterator[Any]:
    """The programs that an equation calls."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _inner(value)
        elif hasattr(value, "eqns"):
            yield value
        elif hasattr(value, "jaxpr"):
            yield value.jaxpr


def _on_torch(model: Any, x: Any, y: Any) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    # Torch knows how much attention is on an accelerator alone.
    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> Any:
        return sdpa_flop_count(query, key, value)

    on_processor = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counting = FlopCounterMode(display=False, custom_mapping={on_processor: attention})
    with torch.no_grad(), counting as counter:
        model.compute_loss(x, y, model(x, training=True))
    return float(counter.get_total_flops())
