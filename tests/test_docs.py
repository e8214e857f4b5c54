"""The documents are true: files, commands, names and numbers in them."""

import ast
import re

import click
import pandas as pd
import pytest

from harness.cli.main import main
from tests.documents import DOCUMENTS, ROOT, blocks, commands, tables

NAMES = [document.relative_to(ROOT).as_posix() for document in DOCUMENTS]
SCORES = ("test accuracy", "test score", "test score, lower is better", "BLEU, 2016", "perplexity")


@pytest.fixture(scope="module")
def boards():
    """The leaderboards of all committed sweeps."""
    return pd.concat(map(pd.read_csv, sorted(ROOT.glob("results/*/leaderboard.csv"))))


def parse(words):
    """Has click read a command, without running it."""
    command = main
    context = click.Context(main, info_name="harness")
    while isinstance(command, click.Group) and words:
        word, *words = words
        command = command.commands[word]
        context = click.Context(command, parent=context, info_name=word)
    command.make_parser(context).parse_args(list(words))


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_command_exists(document):
    for words in commands(document):
        try:
            parse(words)
        except (KeyError, click.ClickException) as error:
            pytest.fail(f"harness {' '.join(words)}: {error}")


def test_commands_are_found():
    assert sum(len([*commands(document)]) for document in DOCUMENTS) > 30
    with pytest.raises(click.NoSuchOption):
        parse(["run", "quick", "--trails", "3"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_what_is_named_is_there(document):
    """Modules such as `harness.spec`, and files such as `benchmarks/README.md`."""
    text = document.read_text(encoding="utf-8")
    folders = r"(?:harness|tasks|search_spaces|tests|docs|benchmarks)"
    for path in re.findall(rf"(?<![\w/.-]){folders}/[\w./-]+\.(?:py|md|toml|sh)\b", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`(?:python -m )?((?:harness|tests|benchmarks)(?:\.\w+)+)", text):
        assert is_there(name.split(".")), name


def is_there(parts):
    """Whether a dotted name is that of a module, or of something at the top level of one."""
    if parts[:2] in (["harness", "tasks"], ["harness", "search_spaces"]):
        parts = parts[1:]
    path = ROOT.joinpath(*parts)
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    module = next(
        (file for file in (path.parent.with_suffix(".py"), path.parent / "__init__.py")
         if file.exists()), None
    )  # fmt: skip
    return module is not None and bool(re.search(rf"\b{parts[-1]}\b", module.read_text("utf-8")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_imports_of_code_exist(document):
    for block in blocks(document):
        if block.language == "python":
            for node in ast.parse(block.text).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    exec(compile(ast.Module([node], []), str(document), "exec"), {})  # noqa: S102


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_scores_are_those_of_the_results(document, boards):
    task = ""
    for rows in tables(document):
        for row in rows:
            task = plain(row.get("task", "")) or task
            column = next((name for name in SCORES if name in row), None)
            if column and "architecture" in row:
                of = boards[boards["space"] == plain(row["architecture"])]
                of = of[of["task"] == task] if "task" in row else of
                interval = row.get("95 % interval", "")
                assert any(is_score(row[column], interval, found) for found in of.itertuples()), row
            elif "pretrained" in row:
                for name, space in (("pretrained", "bert"), ("from scratch", "bert_scratch")):
                    of = boards[(boards["task"] == task) & (boards["space"] == space)]
                    assert any(is_score(row[name], "", found) for found in of.itertuples()), row


def plain(cell):
    """What stands between the first backticks, or nothing."""
    return next(iter(re.findall(r"`([^`]+)`", cell)), "")


def is_score(score, interval, found):
    """Whether a score and its interval are those of a row of a leaderboard, as far as they go."""
    return all(
        f"{value:.{len(text.partition('.')[2])}f}" == text
        for text, value in [
            (score.split()[-1], found.mean),
            *zip(filter(None, interval.split(" to ")), (found.ci_low, found.ci_high), strict=False),
        ]
    )


def test_scores_are_found(boards):
    rows = [row for document in DOCUMENTS for table in tables(document) for row in table]
    assert sum("architecture" in row and any(name in row for name in SCORES) for row in rows) > 30
    found = boards[boards["space"] == "resnet"].itertuples()
    assert not any(is_score("0.929", "", row) for row in found)
