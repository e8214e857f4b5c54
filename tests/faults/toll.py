"""Prints the toll of the fault suite as the table of docs/pages/reliability.md.

FAULTS_TOLL=toll.jsonl pytest -m "long or not long" tests/faults
python -m tests.faults.toll toll.jsonl
"""

import json
import statistics
import sys
from pathlib import Path

from tabulate import tabulate


def table(lines: list[str]) -> str:
    """One row a fault: times tried, trials lost and doubled, seconds to recover."""
    faults: dict[str, list[dict]] = {}
    for line in lines:
        entry = json.loads(line)
        faults.setdefault(entry["fault"], []).append(entry)
    rows = []
    for fault, entries in sorted(faults.items()):
        seconds = [value for entry in entries for value in entry["seconds"]]
        median = f"{statistics.median(seconds):.1f}" if seconds else ""
        most = f"{max(seconds):.1f}" if seconds else ""
        totals = [sum(entry[name] for entry in entries) for name in ("tried", "lost", "doubled")]
        rows.append([fault, *map(str, totals), median, most])
    headers = ["fault", "times", "trials lost", "trials doubled", "s to recover, median", "most"]
    align = ("left", *["right"] * 5)
    return tabulate(rows, headers, "pipe", disable_numparse=True, colalign=align)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
