"""Text from data cannot format Markdown, in the report or on MLflow's pages."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.system.markdown import NOTHING, code, narrow_table, plain, table

TEXTS = st.text(st.one_of(st.sampled_from("|`*_[]<>&\\~#\n- 1.()!"), st.characters(codec="utf-8")))


def shown(markdown):
    """The text of the only paragraph, which holds nothing but text and code."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = [token for token in tokens.parse(markdown) if token.type == "inline"]
    children = [child for token in found for child in token.children]
    assert {child.type for child in children} <= {"text", "code_inline", "text_special"}
    return "".join(child.content for child in children)


@given(TEXTS)
def test_prose_is_shown_as_it_is(text):
    line = " ".join(text.split())
    assert shown(f"x {plain(text)} y").count("\n") == 0
    if line.isascii() and line.isprintable():
        assert shown(f"x {plain(text)} y") == f"x {line} y".replace("  ", " ") or not line


@given(TEXTS, TEXTS)
def test_an_entry_of_a_table_stays_one_entry(a, b):
    for lines in (table(["a", "b"], [[code(a), plain(b)]]).splitlines(),
                  narrow_table(["a", "b"], [[code(a), plain(b)]])):  # fmt: skip
        assert len(lines) == 3
        rows = MarkdownIt("commonmark").enable("table").parse("\n".join(lines))
        assert sum(token.type == "td_open" for token in rows) == 2


def test_text_is_cut_where_it_is_long():
    assert code("x" * 400) == f"`{'x' * 299}…`"
    assert plain("x" * 400) == "x" * 400
    assert plain("x" * 400, 300) == "x" * 299 + "…"


def test_a_bar_is_escaped_in_tables_alone():
    assert code("a | b") == r"`a \| b`"
    assert code("a | b", in_table=False) == "`a | b`"
    assert code("") == NOTHING


@pytest.mark.parametrize("name", ["שלום", "مرحبا"])
def test_what_is_read_from_right_to_left_is_kept_apart(name):
    assert plain(name) == f"\u2068{name}\u2069"
    assert code(name) == f"\u2068`{name}`\u2069"
    assert plain("left") == "left"


def test_no_character_formats():
    assert html.unescape(plain("<b>*a* & `c` [x](y)</b>")) == "<b>*a* & `c` [x](y)</b>"
    assert plain("snake_case_name") == "snake_case_name"
