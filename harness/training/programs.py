"""Compiled models that a worker keeps, so that a trial that differs from an earlier one in numbers
alone need not be traced and compiled again.

Such a trial is built as any other is, from its own seed; then the kept model is given the new one's
weights and states, an optimizer as new, and the numbers of its own course. It so learns what a
model compiled for it would. What draws its random numbers in another way is never kept.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import contextlib
import gc
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from harness.spec import DataSpec, SearchSpace, Task
from harness.training.arithmetic import forward_operations
from harness.training.device import Execution
from harness.training.feed import Feed
from harness.training.launch import Loop
from harness.training.model import compiled, trained_model
from harness.training.optimizer import set_course
from harness.trial import Job

MOST = 32
"""Programs that a worker keeps at most."""
MOST_BYTES = 2**29
"""Of the weights and optimizer states of all of them."""
MOST_RESIDENT = 2.5e9
"""Resident memory of a worker, in bytes, above which it keeps no more; half of its limit, if that
is less."""
LEAST_AVAILABLE = 0.2
"""Share of the machine's memory that is left to others: workers know nothing of each other."""
MOST_GARBAGE, TRACED_BYTES = 2**26, 2**25
"""How much is left lying, in bytes, and about what a traced step takes."""
_UNSEEDED = frozenset((
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "RandomShuffle", "RandomGamma",
    "RandomPoisson", "RandomPoissonV2", "TruncatedNormal", "Multinomial",
    "ParameterizedTruncatedNormal", "PyFunc", "EagerPyFunc", "PyFuncStateless",
    "LogUniformCandidateSampler", "UniformCandidateSampler", "FixedUnigramCandidateSampler",
    "LearnedUnigramCandidateSampler", "AllCandidateSampler", "RandomCrop", "RngSkip",
    "RngReadAndSkip", "NonDeterministicInts",
))  # fmt: skip
"""TensorFlow's operations whose seed is part of the graph, and those that may do anything."""


@dataclass
class Program:
    """A compiled model, and the architecture's own whose layers it shares."""

    name: str
    task: Task
    space: SearchSpace
    bare: Any
    model: Any
    new: bool = True
    """Whether it was compiled for the trial that has it."""
    keepable: bool = True
    """Whether another trial may have it: as far as is known."""
    loop: Loop | None = None
    """Its steps as loops, where several are taken in one launch."""
    predicts: bool = False
    """Whether the architecture's own model was compiled to predict."""
    operations: float | Exception | None = None
    """Floating-point operations of a forward pass of one example, or why they cannot be counted;
    `None` if nobody has tried."""

    def bytes(self) -> int:
        """What its weights and the optimizer's state take."""
        return 4 * sum(int(math.prod(v.shape)) for v in self.state())

    def state(self) -> list[Any]:
        """The variables of both models, random states among them, and of the optimizer."""
        return [*_states(self.bare, self.model), *self.model.optimizer.variables]

    def serves(self, task: Task, space: SearchSpace, bare: Any, model: Any) -> bool:
        """Whether it can stand for a model just built: the same states by the same names."""
        if self.task is not task or self.space is not space:
            return False
        return _described(self.bare, self.model) == _described(bare, model)


_kept: OrderedDict[str, Program] = OrderedDict()
"""The programs of this worker, the last used last."""


@dataclass
class _Garbage:
    bytes: int
    """What was left behind since it was collected last, about."""


_garbage = _Garbage(0)


def program(
    job: Job,
    task: Task,
    space: SearchSpace,
    spec: DataSpec,
    bare: Any,
    feed: Feed,
    chosen: Execution,
) -> Program:
    """The program of a trial: one that was kept, or a new one.

    Args:
        job: what is trained.
        task: its task.
        space: its architecture.
        spec: of the data.
        bare: the architecture's model, just built.
        feed: what it is fitted to.
        chosen: how the backend runs.
    """
    import keras

    model = trained_model(job, task, spec, bare)
    _garbage.bytes += 4 * sum(math.prod(v.shape) for v in _states(bare, model))
    steps = feed.steps * (job.horizon or job.epochs)
    found = _kept.pop(job.program, None)
    if found is not None and found.serves(task, space, bare, model):
        _renew(found, bare, model)
        set_course(found.model.optimizer, job.training, steps)
        found.new = False
        return found
    compiled(model, bare, job, task, space, spec, steps, chosen.jit_compile)
    # On Torch nothing is compiled, and layers draw from a generator that all of a process share.
    keepable = model is not bare and keras.backend.backend() != "torch"
    fresh = Program(job.program, task, space, bare, model, keepable=keepable)
    _garbage.bytes += TRACED_BYTES
    _built_before_traced(fresh, feed)
    return fresh


def counted(done: Program, feed: Feed) -> float:
    """Floating-point operations of a forward pass of one example, of median length.

    Raises:
        Exception: whatever keeps them from being counted.
    """
    if done.operations is None:
        try:
            with states_kept(done.model):
                done.operations = forward_operations(done.model, *feed.example())
        except Exception as error:  # noqa: BLE001 - raised below, for each trial of the program
            done.operations = error
    if isinstance(done.operations, Exception):
        raise done.operations
    return done.operations


def to_predict(done: Program, chosen: Execution) -> None:
    """Compiles an architecture's own model to predict, once, as the backend runs best."""
    if not done.predicts:
        # The model is kept to predict: its loss may be a class that only the task knows, and of
        # all optimizers plain SGD alone has no state that a copy would lack.
        done.bare.compile("sgd", jit_compile=chosen.jit_compile)
        done.predicts = True


def keep(done: Program, wanted: Collection[str] = (), memory_gb: float | None = None) -> None:
    """Keeps a program whose trial has ended well, and drops others for it where need be.

    Args:
        done: the program.
        wanted: names of those that are most likely to be asked for again.
        memory_gb: resident memory at which the worker is killed, in 10^9 bytes.
    """
    if not done.keepable:
        return
    _kept[done.name] = done
    make_room(wanted, memory_gb)


def make_room(wanted: Collection[str], memory_gb: float | None = None) -> None:
    """Drops programs that are in the way; arguments as of `keep`."""
    most, machine = min(MOST_RESIDENT, (memory_gb or np.inf) * 1e9 / 2), psutil.virtual_memory()
    short = machine.available < LEAST_AVAILABLE * machine.total
    if short or psutil.Process().memory_info().rss > most:
        # What is dropped is not given back to the system at once: all but those wanted go.
        for name in [name for name in _kept if name not in wanted]:
            _drop(name)
        return
    while len(_kept) > MOST or sum(kept.bytes() for kept in _kept.values()) > MOST_BYTES:
        unwanted = (name for name in _kept if name not in wanted)
        _drop(next(unwanted, next(iter(_kept))))


def discard(name: str) -> None:
    """Drops a program, if it is kept."""
    if name in _kept:
        _drop(name)


def _drop(name: str) -> None:
    _garbage.bytes += _kept.pop(name).bytes() + TRACED_BYTES


def collect_garbage() -> None:
    """Has Python look for what trials left behind, once that may be much: models hold each other
    in circles. It takes a third of a second, and longer the more programs are kept."""
    if _garbage.bytes > MOST_GARBAGE:
        gc.collect()
        _garbage.bytes = 0


def forget() -> None:
    """Drops all programs."""
    _kept.clear()


class Drawn:
    """Whether somebody draws random numbers that a kept program would not draw again."""

    def __init__(self) -> None:
        self._before = self._states()

    def any(self) -> bool:
        """Whether Python's or NumPy's generator is no longer where it was."""
        return self._before != self._states()

    def numpy(self) -> bool:
        """Whether NumPy's is: of what a model is built with, Keras draws from Python's alone."""
        return self._before[1:] != self._states()[1:]

    @staticmethod
    def _states() -> tuple[Any, ...]:
        kind, keys, *rest = np.random.get_state()  # others' code may draw from it
        return random.getstate(), kind, np.asarray(keys).tobytes(), *rest


def _renew(kept: Program, bare: Any, model: Any) -> None:
    """Gives a kept program all that a model has that was built for a trial."""
    new = list(_states(bare, model))
    for own, other in zip(_states(kept.bare, kept.model), new, strict=True):
        own.assign(other.value)
    for variable in kept.model.optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))


def _states(bare: Any, model: Any) -> Iterable[Any]:
    """All variables of both models, each once."""
    return {id(v): v for v in (*model.variables, *bare.variables)}.values()


def _described(bare: Any, model: Any) -> list[tuple[Any, ...]]:
    return [(v.path, tuple(v.shape), str(v.dtype), v.trainable) for v in _states(bare, model)]


def _built_before_traced(new: Program, feed: Feed) -> None:
    """Makes all variables of a new program before it is traced, and has it looked at.

    TensorFlow traces a step that makes variables twice: building first halves the time.
    """
    import keras

    model, backend = new.model, keras.backend.backend()
    model.optimizer.build(model.trainable_variables)
    x, y = feed.example()
    # What is wrong with a model or its loss is told best by the fit, which comes upon it, too.
    with contextlib.suppress(Exception), states_kept(model):
        if backend == "jax":  # each operation would be compiled by itself
            model._symbolic_build(data_batch=(x, y))
        else:
            outputs = model(x, training=False)
            model.compute_loss(x, y, outputs)
            model.compute_metrics(x, y, outputs)
    model.reset_metrics()
    if backend == "tensorflow":
        _watch(new, contextlib.nullcontext, lambda _: _unseeded() or _foreign_states(model))
    elif backend == "jax":
        _watch(new, _variables_read, lambda read: not _ids(read) <= _ids(_told(model)))


def _watch(
    new: Program,
    seen: Callable[[], contextlib.AbstractContextManager[Any]],
    unrepeatable: Callable[[Any], bool],
) -> None:
    """Has a program not kept where a step, while it is traced, is found to be unrepeatable."""

    def watched(step: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*arguments: Any) -> Any:
            with seen() as found:
                result = step(*arguments)
            if unrepeatable(found):
                new.keepable = False
            return result

        return traced

    new.model.train_step = watched(new.model.train_step)
    new.model.test_step = watched(new.model.test_step)


def _told(model: Any) -> list[Any]:
    """The variables that a new trial sets."""
    return [*model.variables, *model.metrics_variables, *model.optimizer.variables]


def _ids(variables: Iterable[Any]) -> set[int]:
    return {id(variable) for variable in variables}


@contextlib.contextmanager
def _variables_read() -> Iterator[list[Any]]:
    """The variables that a stateless function of Keras reads and was not given the values of: they
    become constants of it."""
    import keras

    read: list[Any] = []
    look = keras.StatelessScope.get_current_value

    def looking(scope: Any, variable: Any) -> Any:
        value = look(scope, variable)
        if value is None:
            read.append(variable)
        return value

    keras.StatelessScope.get_current_value = looking
    try:
        yield read
    finally:
        keras.StatelessScope.get_current_value = look


@contextlib.contextmanager
def states_kept(model: Any) -> Iterator[None]:
    """Sets back what a pass through a model changes: moments of batches, random states."""
    kept = [(variable, np.array(variable)) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


def _unseeded() -> bool:
    """Whether the graph that is being traced draws from a seed of its own."""
    import tensorflow as tf

    if tf.executing_eagerly():
        return True  # nothing is compiled, and each call may draw
    graph = tf.compat.v1.get_default_graph().as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return any(node.op in _UNSEEDED for node in nodes)


def _foreign_states(model: Any) -> bool:
    """Whether the graph that is being traced reads states that the model does not tell of, and
    that a new trial could not set: of the global seed generator, of a loss, of TensorFlow's own."""
    import tensorflow as tf

    if tf.executing_eagerly():
        return True
    known = {id(variable.value.handle) for variable in _told(model)}
    read = tf.compat.v1.get_default_graph().external_captures
    return any(id(t) not in known for t in read if t.dtype == tf.resource)
