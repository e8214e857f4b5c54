"""What a model may cost at most, looked at before it is trained."""

from typing import TYPE_CHECKING

from harness.spec import HarnessError, Infeasible, Prepared
from harness.training import programs
from harness.training.device import Execution, latency
from harness.training.feed import Feed
from harness.training.state import TrialState
from harness.trial import Job

if TYPE_CHECKING:
    from harness.training.programs import Program


def check_size(job: Job, parameters: int) -> None:
    """Raises `Infeasible` where a model has more parameters than the job allows."""
    if job.max_parameters is not None and parameters > job.max_parameters:
        raise Infeasible(f"{parameters:,} parameters; at most {job.max_parameters:,} allowed")


def check_cost(
    job: Job, program: "Program", feed: Feed, data: Prepared, chosen: Execution, state: TrialState
) -> None:
    """Refuses a model that costs more to run than the job allows.

    Args:
        job: what is trained.
        program: its model, compiled.
        feed: its batches.
        data: of the task.
        chosen: how the backend runs.
        state: holds the operations of a forward pass where they could be counted.

    Raises:
        Infeasible: it takes more operations, or longer, for one example.
        HarnessError: its operations cannot be counted, and the budget limits them.
    """
    operations = state.cost.forward_flops
    if operations is None and (job.flops is not None or job.max_flops is not None):
        reason = state.lost["flops"].message
        raise HarnessError(f"its operations cannot be counted, which the budget limits: {reason}")
    if job.max_flops is not None and operations is not None and operations > job.max_flops:
        raise Infeasible(
            f"{operations:.3g} operations an example; at most {job.max_flops:.3g} allowed"
        )
    if job.max_latency_ms is None:
        return
    if program.model is not program.bare:
        programs.to_predict(program, chosen)
    with programs.states_kept(program.model):
        took = latency(program.bare, feed.first_example(data.val))
    state.spend(latency_ms=took)
    if took > job.max_latency_ms:
        raise Infeasible(f"{took:.3g} ms an example; at most {job.max_latency_ms:g} allowed")
