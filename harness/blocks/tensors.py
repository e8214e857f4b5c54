"""What an architecture is told of a task's inputs and outputs."""

from collections.abc import Mapping

from harness.spec import HarnessError, TensorSpec


def only(tensors: Mapping[str, TensorSpec], noun: str) -> tuple[str, TensorSpec]:
    """The name and the specification of a single input or output.

    Args:
        tensors: the inputs or the outputs of a `DataSpec`.
        noun: `input` or `output`, for the error.

    Raises:
        HarnessError: there are several.
    """
    if len(tensors) != 1:
        raise HarnessError(
            f"the task has the {noun}s {', '.join(tensors)}; expected one, as this architecture "
            "knows no other"
        )
    ((name, tensor),) = tensors.items()
    return name, tensor


def fixed(name: str, tensor: TensorSpec) -> tuple[int, ...]:
    """The shape of an input or output whose lengths do not vary.

    Raises:
        HarnessError: one of them varies.
    """
    lengths = [length for length in tensor.shape if length is not None]
    if len(lengths) < len(tensor.shape):
        raise HarnessError(f"{name}: shape {tensor.shape}; expected lengths that do not vary")
    return tuple(lengths)
