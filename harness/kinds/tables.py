"""Tables as a person has them: arrays, or data frames and series of pandas."""

from typing import Any

import numpy as np

from harness.spec import HarnessError


def numbers(where: str, table: Any) -> tuple[np.ndarray, list[str] | None]:
    """A table as numbers, and the names of its columns if it has any.

    Args:
        where: task and split, for the errors.
        table: an array or nested lists of shape (steps,) or (steps, columns), or a pandas
            `Series` or `DataFrame`, whose index is left out.

    Returns:
        Float64 of shape (steps, columns); names of the columns of pandas.

    Raises:
        HarnessError: another shape, or a value that is no finite number, named by its step (from
            0) and its column.
    """
    names = _names(table)
    if names is not None:
        for position, name in enumerate(names):
            column = table if table.ndim == 1 else table.iloc[:, position]
            if column.dtype.kind not in "iuf":
                raise HarnessError(
                    f"{where}, column {name!r}: values of type {column.dtype}; expected numbers"
                )
        table = table.to_numpy("float64")
    try:
        values = np.asarray(table)
    except ValueError:  # rows of different lengths
        values = np.empty(0, object)
    if values.dtype.kind not in "iuf":
        check_alike(where, table, "step")
    if (
        values.dtype.kind not in "iuf"
        or values.ndim not in (1, 2)
        or values.ndim == 2 > values.size
    ):
        raise HarnessError(
            f"{where}: {_what(values)}; expected numbers of shape (steps,) or (steps, channels)"
        )
    values = np.asarray(values, "float64").reshape(len(values), -1)
    if (wrong := np.argwhere(~np.isfinite(values))).size:
        step, column = (int(place) for place in wrong[0])
        name = f"column {names[column]!r}" if names else f"channel {column}"
        raise HarnessError(
            f"{where}: {len(wrong):,} of {values.size:,} values are NaN or infinite, the first at "
            f"step {step}, {name}; expected finite numbers"
        )
    return values, names


def rows(examples: Any) -> Any:
    """The rows of a data frame of pandas; examples of another form as they are."""
    if hasattr(examples, "itertuples"):
        return list(examples.itertuples(index=False, name=None))
    return examples


def check_alike(where: str, values: Any, noun: str) -> None:
    """Checks that rows are numbers, as many in each.

    Args:
        where: for the errors.
        values: numbers, or lists or arrays of them.
        noun: what one is called: `row` or `step`.

    Raises:
        HarnessError: one is not, named by its place, from 0.
    """
    shape = None
    for place, row in enumerate(values):
        try:
            value = np.asarray(row)
        except ValueError:  # parts of different lengths
            value = np.empty(0, object)
        if value.dtype.kind not in "iuf" or not value.size:
            raise HarnessError(f"{where}, {noun} {place}: found {row!r:.60}; expected numbers")
        shape = value.shape if shape is None else shape
        if value.shape != shape:
            raise HarnessError(
                f"{where}, {noun} {place}: found numbers of shape {value.shape}; expected {shape}, "
                f"as in {noun} 0"
            )


def _names(table: Any) -> list[str] | None:
    """Names of the columns of pandas; a series may have none."""
    if hasattr(table, "columns"):
        return [str(name) for name in table.columns]
    if hasattr(table, "iloc"):
        return ["value" if table.name is None else str(table.name)]
    return None


def _what(values: np.ndarray) -> str:
    if values.dtype.kind == "O":
        return "rows of different lengths, or no numbers"
    return f"values of type {values.dtype} and shape {values.shape}"
