"""Scores by class in the report."""

from harness.analysis.exhibits import Confusion, Exhibit
from harness.report.samples.classes import by_class


def shown(*counts, classes=("common", "rare")):
    return {
        f"space{number}": Exhibit(confusion=Confusion(classes, each))
        for number, each in enumerate(counts)
    }


def test_each_class_has_recall_and_precision_the_rarest_first():
    table = by_class(shown(((90, 10), (2, 8)), ((100, 0), (10, 0))))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["recall / precision, %", "examples", "`space0`", "`space1`"]
    assert rows[2] == ["`rare`", "10", "80.0 / 44.4", "0.0 / –"]
    assert rows[3] == ["`common`", "100", "90.0 / 97.8", "100.0 / 90.9"]


def test_many_classes_have_no_table():
    classes = tuple(map(str, range(50)))
    counts = tuple(tuple(int(a == b) for a in range(50)) for b in range(50))
    assert by_class(shown(counts, classes=classes)) == ""
    assert by_class({}) == ""
