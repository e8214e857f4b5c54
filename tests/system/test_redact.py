"""What opens a door is in no address that is written down or shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.system.redact import hidden, masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:hush@host/x", "https://host/x"),
        ("https://me:pa@ss@host/x", "https://host/x"),
        ("https://token@host", "https://host"),
        ("postgresql+psycopg2://me:pa/ss@host:5432/runs", "postgresql+psycopg2://host:5432/runs"),
        ("https://:hush@host", "https://host"),
        ("https://host/x?token=hush&page=2", "https://host/x?token=***&page=2"),
        ("https://host/?page=2&X-Amz-Signature=ab%2Fc#top", "https://host/?page=2&X-Amz-Signature=***#top"),
        ("mysql://host/runs?password=hush;SSL_KEY=k", "mysql://host/runs?password=***;SSL_KEY=***"),
        ("harness run a --tracking 'https://host?api_key=hush'", "harness run a --tracking 'https://host?api_key=***'"),
        ("--tracking=https://me:hush@host/x", "--tracking=https://host/x"),
        ("Cannot reach http://me:hush@a/ nor http://you:hush@b/", "Cannot reach http://a/ nor http://b/"),
        ("http://me:hush@ho", "http://ho"),
        ("mysql+pymysql://me:1234/hush@127.0.0.1:9/runs", "mysql+pymysql://127.0.0.1:9/runs"),
        ("mysql://first.last:1234/hush@host/runs", "mysql://host/runs"),
        ("mysql://me:pa/ss@wo/rd@host/runs", "mysql://host/runs"),
        ("https://me:1234/hush@host/x", "https://host/x"),
        ("https://me:pa/ss@wo/rd@host/x", "https://host/x"),
        ("https://me:hush@host/@page/x", "https://host/@page/x"),
    ],
)  # fmt: skip
def test_addresses_are_shown_without_what_opens_them(address, shown):
    assert masked(address) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/x@y",
        "https://localhost:443/x@y",
        "https://example.org:443/@page/x",
        "https://example/@page/x",
        "postgresql://host:5432/runs",
        "sqlite:////home/me@work/mlflow.db",
        "databricks://profile",
        "me@example.org wrote: a://b",
        "harness run quick --tracking none --spaces mlp,cnn",
        "https://host/search?page=2&sort=up",
    ],
)
def test_what_opens_nothing_stays(text):
    assert masked(text) == text


def test_errors_hide_a_password_encoded_or_not():
    address = "https://me:p%40ss@host/x"
    assert hidden("p%40ss and p@ss", address) == "*** and ***"
    assert hidden(f"no answer from {address}/api", address) == "no answer from https://host/x/api"
    assert hidden("token", "https://token@host") == "***"
    assert hidden("host", "sqlite:///host") == "host"
    assert hidden("[", "http://[") == "["


@pytest.mark.parametrize(
    "part",
    [
        "x",
        "a://",
        "a://b:",
        "?token",
        "?a=b&",
        "a:b@",
        "https://h/ ",
        "a://b:c@",
        "https://b:",
        "http://a.b",
        "http://a.b:1/",
    ],
)
def test_long_texts_take_no_longer_than_they_are_long(part):
    """With quadratic searches, this takes hours."""
    text = part * (100_000 // len(part))
    assert masked(text) == masked(masked(text))


WORDS = st.text(
    st.characters(exclude_categories=("Z", "C"), exclude_characters="/@?#:[]"), min_size=4
)


@given(WORDS, WORDS, st.sampled_from(["", ":5000"]), st.sampled_from(["", "/a/b", "/?page=1"]))
def test_no_user_and_no_password_is_left(user, password, port, path):
    for who in (f"{user}:{password}", user, f":{password}"):
        text = f"failed: https://{who}@example.org{port}{path} is gone"
        assert masked(text) == f"failed: https://example.org{port}{path} is gone"
