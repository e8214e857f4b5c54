"""What MkDocs asks of this project while it builds the site: the command line, and the results."""

import html
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
COMMANDS = "<!-- every command -->"
TRIALS = "<!-- columns of trials.csv -->"
LEADERBOARD = "<!-- columns of leaderboard.csv -->"
OUTSIDE = re.compile(r"(?<=\]\()((?:\.\./)*)\.\./\.\./(results/[^)\s]+)")
"""Links from a page to a committed result, as they are in the repository."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Takes the committed results that pages lead to into the site, under the same names."""
    for file in files.documentation_pages():
        for _, target in OUTSIDE.findall(file.content_string):
            if not files.get_file_from_path(target):
                path = ROOT / target
                files.append(File.generated(config, target, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links at those copies, and writes commands and columns where a page asks for them."""
    markdown = OUTSIDE.sub(r"\1\2", markdown)
    if COMMANDS in markdown:
        from harness.cli.main import main

        markdown = markdown.replace(COMMANDS, "\n".join(_described("harness", main)))
    if TRIALS in markdown:
        from harness.report.csv_tables import LEADERBOARD_COLUMNS, TRIALS_COLUMNS

        markdown = markdown.replace(TRIALS, _columns(TRIALS_COLUMNS))
        markdown = markdown.replace(LEADERBOARD, _columns(LEADERBOARD_COLUMNS))
    return markdown


def _columns(columns: Mapping[str, Any]) -> str:
    """The columns of a CSV table, a row each."""
    rows = [
        f"| `{name}` | {column.dtype} | {_cell(column.meaning)} |"
        for name, column in columns.items()
    ]
    return "\n".join(["| column | type | |", "|---|---|---|", *rows])


def _described(name: str, command: click.Command) -> list[str]:
    """A command with its arguments, options and, below it, its own commands, as Markdown."""
    context = click.Context(command, info_name=name)
    lines = []
    if isinstance(command, click.Group):
        for word, part in sorted(command.commands.items()):
            lines += _described(f"{name} {word}", part)
        return lines
    usage = " ".join(command.collect_usage_pieces(context))
    lines += [f"## {name}", "", "```", f"{name} {usage}", "```", ""]
    lines += [_prose(inspect.cleandoc(command.help or "")), ""]
    return lines + _options(command, context)


def _options(command: click.Command, context: click.Context) -> list[str]:
    """The options as a table."""
    records = [
        option.get_help_record(context)
        for option in command.params
        if isinstance(option, click.Option)
    ]
    rows = [f"| `{_cell(names)}` | {_cell(html.escape(text))} |" for names, text in records]
    return ["| option | |", "|---|---|", *rows, ""] if rows else []


def _prose(text: str) -> str:
    """Help as Markdown: what click must not wrap is shown as it is."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        as_it_is = paragraph.startswith("\b\n")
        paragraphs.append(f"```\n{paragraph[2:]}\n```" if as_it_is else paragraph)
    return "\n\n".join(paragraphs)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
