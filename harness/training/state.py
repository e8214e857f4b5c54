"""What is known of a trial while it runs."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.failure import describe_error
from harness.spec import Objective
from harness.trial import Cost, Failure, TrialResult


@dataclass
class TrialState:
    """What is known of a trial so far: it survives a failure half-way."""

    objective: Objective
    cost: Cost = field(default_factory=Cost)
    curve: list[dict[str, float]] = field(default_factory=list)
    """An entry an epoch, as in `TrialResult`."""
    test: dict[str, float] = field(default_factory=dict)
    """Test metrics by name."""
    model: Path | None = None
    """The saved model, relative to the sweep's folder."""
    lost: dict[str, Failure] = field(default_factory=dict)
    """What could not be had beside a result, and why."""
    began: float = field(default_factory=time.monotonic)
    """When this attempt at it began; the other clock may be put back, or forward by years."""

    @property
    def monitor(self) -> str:
        """What Keras calls the objective on the validation split."""
        return f"val_{self.objective.metric}"

    def seconds(self) -> float:
        """What it has taken so far, with what was kept of earlier attempts."""
        return (self.cost.kept_seconds or 0.0) + time.monotonic() - self.began

    def spend(self, **fields: Any) -> None:
        """Notes fields of the cost."""
        self.cost = dataclasses.replace(self.cost, **fields)

    @contextlib.contextmanager
    def worth_having(self, what: str) -> Iterator[None]:
        """Notes why something could not be had without which the result is as good."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it may fail in any way; it is recorded
            self.lost[what] = describe_error(error)

    def best(self) -> dict[str, float]:
        """The epoch with the best score, the first of equals; there is one at least."""
        best = self.curve[0]
        for epoch in self.curve[1:]:
            if self.objective.better(epoch[self.monitor], best[self.monitor]):
                best = epoch
        return best

    def fill(self, result: TrialResult) -> TrialResult:
        """A record with all that became known."""
        metrics: dict[str, float] = {}
        score = None
        if self.curve and result.status == "completed":
            best = self.best()
            metrics = {k: v for k, v in best.items() if k.startswith("val_")}
            metrics |= {f"test_{name}": value for name, value in self.test.items()}
            score = best[self.monitor]
        return dataclasses.replace(
            result,
            epochs=len(self.curve),
            score=score,
            metrics=metrics,
            curve=tuple(self.curve),
            cost=self.cost,
            model=str(self.model) if self.model else None,
            lost=self.lost,
        )
