"""Sweep files with something wrong: bytes altered, values replaced, tables moved."""

import random
import tomllib
from collections.abc import Iterator
from typing import Any

import tomli_w

from harness.sweep.load import shipped

Table = dict[str, Any]
VALUES = (
    True, False, 0, 1, -1, 2, 3.0, 0.5, -0.0, 1e308, 5e-324, float("inf"), float("-inf"),
    float("nan"), 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**64, 10**30, -(2**63), -(2**200), "", " ",
    "1", "all", "none", "digits", "mlp", "random", "a\x00b", "a\nb", "a\r\nb", "\x1b[31mred",
    "\u202edesrever", "\u2028", "ёж", "🐙", "a" * 300, "x" * 20_000, "../up", "a/b", "a\\b", "/abs",
    ".hidden", "..", ".", "-rf", "CON", "nul.txt", "com1", "mine.", "mine ", "Digits", "MLP",
    "mlflow.db", "MLartifacts", "=1+1", "<script>", "{0}", "%s", [], [[]], [0, 0], [1, 1.0],
    [True], [-1], [2**32], ["mlp", "mlp"], ["digits", "Digits"], ["all"], ["all", "mlp"], [""],
    [None], {}, {"trials": 1}, {"a": {"b": {"c": 1}}}, {"": 1}, {"a\nb": 1}, [{}], [{"a": 1}],
)  # fmt: skip
"""Each is given to each key, sooner or later."""
TEXTS = (
    "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0x" + "f" * 5000, "9" * 5000, "1" + "0" * 30,
    "1e999", "nan", "-inf", "0b11", "1_000", "+1", "[" * 2000 + "]" * 2000,
    "{a=" * 500 + "1" + "}" * 500, "'''\n'''", '"\\u0000"', '"\\ud800"', "[1, 'a', 2.0]", "tru", "",
)  # fmt: skip
"""As they stand in a file, behind `key = `."""
LINES = (
    "unknown = 1", "[budget]", "[budgets]", "[budgets.digits]", "[budgets.nope]", "[[budget]]",
    '["a\\nb"]', '"\\u001b" = 1', "[" + ".".join("a" * 3000) + "]", "budget.trials = 2",
    "seeds = 2", "[budget.budget]", "x = {}", "= 1", "\ufeff", "\x00", "#\x07", "name = 'twice'",
    "plugins = ['nowhere.py']", "plugins = ['\\u0000']", "plugins = 3",
)  # fmt: skip
BYTES = (b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"'",
         b"[", b"]", b"{", b"=", b"#", b".", b",", b"-", b"9", b"e", b"_", b"\\", b" ")  # fmt: skip


def mutants(count: int, seed: int = 0) -> Iterator[bytes]:
    """So many altered copies of the sweep files that are shipped, always the same ones."""
    chance = random.Random(seed)
    files = [text.encode() for text in shipped().values()]
    for _ in range(count):
        text = chance.choice(files)
        mutate = chance.choice((_bytes, _lines, _texts, _values, _values, _structure))
        yield mutate(text, chance)


def _bytes(text: bytes, chance: random.Random) -> bytes:
    """A few bytes replaced, lost, added or swapped; the end lost."""
    altered = bytearray(text)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 40))):
        if not altered:
            break
        place = chance.randrange(len(altered))
        match chance.randrange(5):
            case 0:
                altered[place] ^= 1 << chance.randrange(8)
            case 1:
                del altered[place : place + chance.choice((1, 1, 2, 10))]
            case 2:
                altered[place:place] = chance.choice(BYTES)
            case 3:
                other = chance.randrange(len(altered))
                altered[place], altered[other] = altered[other], altered[place]
            case _ if chance.random() < 0.2 and place:
                del altered[place:]
    return bytes(altered)


def _lines(text: bytes, chance: random.Random) -> bytes:
    """A line lost, doubled, moved, or put in that was not there."""
    lines = text.decode().splitlines()
    place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[place]
        case 1:
            lines.insert(other, lines[place])
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
        case _:
            lines.insert(place, chance.choice(LINES))
    return "\n".join(lines).encode()


def _texts(text: bytes, chance: random.Random) -> bytes:
    """The value of one line written otherwise."""
    lines = text.decode().splitlines()
    place = chance.choice([n for n, line in enumerate(lines) if " = " in line])
    lines[place] = f"{lines[place].partition(' = ')[0]} = {chance.choice(TEXTS)}"
    return "\n".join(lines).encode()


def _values(text: bytes, chance: random.Random) -> bytes:
    """One value, or one part of a list, replaced by another of whatever type."""
    fields = tomllib.loads(text.decode())
    table = _table(fields, chance)
    # Keys that the file leaves out count as those it has.
    keys = ("tuner", "seeds", "search_seed", "backend", "name", "tasks", "spaces", "budget",
            "budgets")  # fmt: skip
    inner = ("trials", "epochs", "seconds", "trial_seconds", "memory_gb", "max_parameters",
             "train_fraction", "confirm_epochs", "patience", "seeds")  # fmt: skip
    key = chance.choice(keys if table is fields else inner)
    value = chance.choice(VALUES)
    if isinstance(table.get(key), list) and chance.random() < 0.5:
        table[key] = [*table[key], value]
    else:
        table[key] = value
    return _written(fields)


def _structure(text: bytes, chance: random.Random) -> bytes:
    """A key renamed, lost, or moved to another table; a table put into itself."""
    fields = tomllib.loads(text.decode())
    table, other = _table(fields, chance), _table(fields, chance)
    key = chance.choice(list(table) or ["trials"])
    value = table.pop(key, 1)
    match chance.randrange(4):
        case 0:
            table[chance.choice(("", key.upper(), key + " ", key[:-1], f"a\n{key}", "budget"))] = (
                value
            )
        case 1:
            pass
        case 2:
            other[key] = value
        case _:
            table[key] = {key: value}
    return _written(fields)


def _table(fields: Table, chance: random.Random) -> Table:
    own = [table for table in fields.get("budgets", {}).values() if isinstance(table, dict)]
    return chance.choice([fields, fields, fields.setdefault("budget", {}), *own])


def _written(fields: Table) -> bytes:
    def without_none(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_none(part) for key, part in value.items()}
        if isinstance(value, list):
            return [without_none(part) for part in value if part is not None]
        return value

    return tomli_w.dumps(without_none(fields)).encode(errors="surrogatepass")
