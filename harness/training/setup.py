"""What a training begins with: its data in batches, and the compiled program."""

import os
from dataclasses import dataclass
from typing import Any

from harness import registry
from harness.spec import Prepared, Task
from harness.system import host
from harness.training import artifacts, framework_state, launch, precision, programs
from harness.training.bounds import check_cost, check_size
from harness.training.device import Execution, device_kind, execution
from harness.training.feed import Feed
from harness.training.model import architecture
from harness.training.state import TrialState
from harness.trial import Job


@dataclass(frozen=True)
class Setup:
    """A training that may begin."""

    feed: Feed
    program: programs.Program
    chosen: Execution
    """How the backend runs."""
    random: programs.Drawn
    """Tells whether somebody has drawn random numbers since."""

    def fitted(self) -> None:
        """Notes the end of a fit: whether it drew what its program would not draw again."""
        self.program.keepable = self.program.keepable and not self.random.any()


def set_up(job: Job, task: Task, data: Prepared, state: TrialState) -> Setup:
    """Builds a model from the job's seed, and finds or makes the program that fits it.

    Args:
        job: what is trained.
        task: its task.
        data: of the task.
        state: receives what becomes known, as soon as it does.

    Raises:
        Exception: whatever keeps the trial from its end.
    """
    import keras

    space = registry.space(job.space)
    # A continuation must not see the data in the order of its parent's first epochs again.
    seed = job.seed + job.initial_epoch
    framework_state.restore()
    keras.utils.clear_session(free_memory=False)
    programs.make_room((*job.wanted, job.program), job.memory_gb)
    programs.collect_garbage()
    keras.utils.set_random_seed(seed)
    device = device_kind()
    chosen = execution(keras.backend.backend(), device)
    state.spend(device=device, node=os.environ.get(host.NODE))
    feed = Feed.of(data, job.training.batch_size, seed, job.train_fraction, task.redraw)
    random = programs.Drawn()
    bare = precision.computing_in(job.precision, lambda: architecture(job, space, data))
    constants = random.numpy()
    state.spend(parameters=bare.count_params())
    check_size(job, bare.count_params())
    program = programs.program(job, task, space, data.spec, bare, feed, chosen)
    if program.new:
        program.loop = launch.loop(program.model, feed, device)
    with state.worth_having("flops"):
        state.spend(forward_flops=programs.counted(program, feed))
    check_cost(job, program, feed, data, chosen, state)
    random = programs.Drawn()
    program.keepable = program.keepable and not constants
    state.spend(compiled=program.new)
    if job.parent is not None:
        artifacts.load_checkpoint(job, program.model)
    return Setup(feed, program, chosen, random)


def patience(job: Job, state: TrialState) -> Any:
    """The callback that stops a training after epochs without a better score."""
    import keras

    return keras.callbacks.EarlyStopping(
        state.monitor,
        mode=state.objective.direction,
        # A trial that is continued must reach the epoch from which the next goes on.
        patience=job.epochs if job.keep_checkpoint else job.patience,
        # A continuation goes on from the last epoch, a confirmed model is the best one.
        restore_best_weights=job.phase == "confirm",
    )
