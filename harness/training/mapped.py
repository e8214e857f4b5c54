"""Several trainings as one program, on JAX: `jax.vmap` of a model's steps over their states.

What differs between the trainings are weights and other states, random ones among them, the
optimizer's and the metrics' states, and the order of the examples. Their sums may come in another
order than alone: after ten steps weights are some 1e-8 apart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.training.launch import Loop, State
from harness.training.stacks import Stacks


class Mapped(Loop):
    """The steps of several members at once; every value of their state has one member after the
    other along its first axis, and so has every batch of training.

    Args:
        model: as of `Loop`; it stands for one member or another.
    """

    def __init__(self, model: Any) -> None:
        import jax

        super().__init__(model)
        self._of = jax.jit(lambda state, place: jax.tree.map(lambda value: value[place], state))

    def train_step(self, state: Any, batch: Any) -> Any:
        """The logs and the states after a step of training; a batch for each member."""
        import jax

        return jax.vmap(self.model.train_step)(state, batch)

    def test_step(self, state: Any, batch: Any) -> Any:
        """The logs and the states after one of validation; one batch for all."""
        import jax

        return jax.vmap(self.model.test_step, in_axes=(0, None))(state, batch)

    def logs(self, metrics: list[Any]) -> dict[str, Any]:
        """What the metrics of each member tell."""
        import jax

        found: dict[str, Any] = jax.vmap(super().logs)(metrics)
        return found

    def stand_for(self, state: State, place: int) -> None:
        """Gives the model all that one member has, of the state of a launch of training."""
        self.settle(self._of(state, place))


def joined(states: Sequence[State]) -> State:
    """The state of all members, of what each of them has."""
    import jax

    # By NumPy: JAX would compile an operation for each shape.
    state = jax.tree.map(lambda *values: np.stack([*map(np.asarray, values)]), *states)
    return jax.device_put(state)  # type: ignore[no-any-return]


def metrics_anew(loop: Mapped, state: State, members: int) -> State:
    """A state whose metrics have seen nothing."""
    import jax

    loop.model.reset_metrics()
    values = [np.asarray(variable) for variable in loop.model.metrics_variables]
    return *state[:-1], jax.device_put([np.stack([value] * members) for value in values])


def stacked(stacks: Sequence[Stacks], first: int, count: int) -> Any:
    """Batches of all members, each array of shape (room, members, batch, ...).

    Args:
        stacks: of each member, of the same examples in its own order.
        first: number of the first batch.
        count: how many.
    """
    import jax

    parts = [own.stack(first, count) for own in stacks]
    stack = jax.numpy.stack if stacks[0].resident else np.stack
    return jax.tree.map(lambda *arrays: stack(arrays, axis=1), *parts)
