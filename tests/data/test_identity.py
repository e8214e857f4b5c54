"""What tells tasks, architectures and prepared data apart: names and keys."""

import dataclasses
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness import registry
from harness.data import cache
from harness.registry.catalogue import Candidate
from harness.registry.names import allowed
from harness.registry.origin import Fault, Origin
from harness.spec import Source
from tests.conftest import environment

DIGITS = registry.task("digits")
texts = st.text(max_size=12) | st.sampled_from(["a", "ab", "b", '"', ",", "]", "\\", "1"])
sources = st.lists(st.builds(Source, texts, texts, st.none(), texts), max_size=3).map(tuple)
identities = st.tuples(texts, st.integers(0, 3), sources)


def key(name, version, files):
    task = dataclasses.replace(DIGITS, name=name, version=version, sources=files)
    return cache.key(task)


@given(identities, identities)
def test_data_made_from_the_same_has_the_same_key_and_no_other(a, b):
    made_from = [(name, version, [(file.file, file.sha256) for file in files])
                 for name, version, files in (a, b)]  # fmt: skip
    assert (key(*a) == key(*b)) == (made_from[0] == made_from[1])


@given(texts, texts, texts)
def test_a_key_is_not_of_where_data_lies_nor_of_what_models_do(dataset, url, licence):
    file = Source(dataset, "f", url, "0" * 64)
    task = dataclasses.replace(DIGITS, sources=(file,))
    other = dataclasses.replace(
        task, sources=(dataclasses.replace(file, dataset="d", url=None),), licence=licence,
        batch_sizes=(1,),
    )  # fmt: skip
    assert cache.key(task) == cache.key(other)


def test_a_key_is_the_same_in_every_process():
    program = (
        "from harness import registry\nfrom harness.data import cache\n"
        "print(cache.key(registry.task('digits')))"
    )
    for seed in ("1", "2"):
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                                env={**environment(), "PYTHONHASHSEED": seed}, cwd="/")  # fmt: skip
        assert answer.stdout.strip() == cache.key(DIGITS), answer.stderr


# --- names ------------------------------------------------------------------------

names = (
    st.text(max_size=8)
    | st.from_regex(r"\A[A-Za-z0-9_-]{1,4}\Z")
    | st.sampled_from(["mlp", "MLP", "../up", "a/b", "a.b", ".", "", "con", "NUL", "x" * 101, "é",
                       "a\n", " a", None, 3, "aux-1", "-a", "_a", "ſ", "K"])
)  # fmt: skip


@given(names)
def test_what_may_be_registered_may_name_files_anywhere(name):
    """On systems that do not tell cases apart as well."""
    if isinstance(name, str) and allowed(name):
        assert name.isascii()
        assert not set(name) & set("/\\:.\0 \n")


def test_a_plugin_that_raises_anything_is_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    bodies = {
        "exits": "import sys; sys.exit(3)",
        "lines": "raise ValueError('one\\ntwo')",
        "speechless": "class E(Exception):\n def __str__(self): 1 / 0\nraise E",
        "long": "raise ValueError('x' * 10**6)",
        "deep": "def f(): f()\nf()",
        "syntax": "def",
        "bytes": "\0",
        "terminal": "raise ValueError('\\x1b[2J')",
        "door": "raise ValueError('http://me:hush@host/')",
    }
    for name, body in bodies.items():
        Path(tmp_path, f"plugin_that_{name}.py").write_text(body)
        origin = Origin("package", f"plugin_that_{name}", "guest")
        fault = Candidate(origin, (registry.Task,)).load()
        assert isinstance(fault, Fault)
        message = fault.reason
        assert message.isprintable()
        assert len(message) < 2000
        assert "hush" not in message
