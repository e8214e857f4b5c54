"""What architectures have started from that others have pretrained, at a cost elsewhere."""

from collections.abc import Mapping
from typing import Any

from harness.journal.record import SweepRecord
from harness.report.text import listed
from harness.system.markdown import code, plain
from harness.system.text import counted


def started(record: SweepRecord) -> list[str]:
    """A sentence or two for each task that starts from a preset."""
    return [
        _sentence(task, event["preset"], [s for s in record.sweep.spaces if s in _able(event)])
        for task, event in record.data.items()
        if isinstance(event.get("preset"), Mapping) and set(record.sweep.spaces) & set(_able(event))
    ]


def _able(event: Mapping[str, Any]) -> list[str]:
    return list(event["preset"].get("started", ()))


def _sentence(task: str, preset: Mapping[str, Any], spaces: list[str]) -> str:
    known = preset.get("pretrained_on")
    told = f"It says of itself: {plain(known)}" if known else "On what is not known here."
    return (
        f"On {code(task)}, {listed([code(space) for space in spaces])} "
        f"{'starts' if len(spaces) == 1 else 'start'} from {code(preset['name'])} "
        f"({plain(preset['backbone'])}, {counted(preset['parameters'], 'parameter')}), which "
        f"others have pretrained. {told} What that cost is in no budget here."
    )
