"""What is said of a failure is why, and where in the person's own code, not what wraps it."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness import cause
from harness.failure import describe_error
from harness.spec import HarnessError
from tests.conftest import environment

SOURCE = Path(__file__).with_name("mistakes_of_layers.py")
TOO_SMALL = "Computed output size would be zero or negative."
SAID = {
    "pool": (f"ValueError in MaxPooling2D: {TOO_SMALL}", None),
    "convolution": (f"ValueError: {TOO_SMALL}", None),
    "cropping": ("ValueError in Cropping2D: Values in `cropping` argument should be smaller", None),
    "product": (
        "ValueError in Product: Dimensions must be equal, but are 64 and 7 for MatMul with input "
        "shapes: [?,64], [7,8].",
        "TypeError in Product: dot_general requires contracting dimensions to have the same shape, "
        "got (64,) and (7,).",
    ),
    "layer in a layer": (
        "ValueError in Product: Dimensions must be equal, but are 64 and 7 for MatMul with input "
        "shapes: [?,64], [7,8].",
        "TypeError in Product: dot_general requires contracting dimensions to have the same shape, "
        "got (64,) and (7,).",
    ),
    "key": ("KeyError in Unknown: 'units'", None),
    "branch": (
        "OperatorNotAllowedInGraphError in Branching: Using a symbolic `tf.Tensor` as a Python",
        "TracerBoolConversionError: Attempted boolean conversion of traced array",
    ),
    "labels": (
        "InvalidArgumentError: Received a label value of 7 which is outside the valid range of "
        "[0, 7). (",
        "nothing",
    ),
    "sum": (
        "ValueError in Sum: Dimensions must be equal, but are 10 and 3 for AddV2 with input "
        "shapes: [?,10], [?,3].",
        "RuntimeError in Sum: add got incompatible shapes for broadcasting: (8, 10), (8, 3).",
    ),
    "metric": (
        "AttributeError: 'SymbolicTensor' object has no attribute 'no_such_thing'",
        "AttributeError: DynamicJaxprTracer has no attribute no_such_thing",
    ),
    "loss": (
        "ValueError: Dimensions must be equal, but are 3 and 10 for Sub with input shapes: "
        "[?,3], [?,10].",
        "TypeError: sub got incompatible shapes for broadcasting: (8, 3), (8, 10).",
    ),
    "input": ("ValueError: Input 0 with name 'input_layer' of layer 'functional'", None),
}
"""How what is said begins, on TensorFlow and on JAX; `None` where it is the same. On JAX a label
without a class makes the loss NaN and raises nothing."""
LINES = {
    "product": "return ops.matmul(",
    "layer in a layer": "return ops.matmul(",
    "key": "return x * {}",
    "branch": "return x if ops.sum(x)",
    "sum": "return self.one(x) + self.other(x)",
    "metric": "return y_true.no_such_thing",
    "pool": "x = layer(x)",
    "labels": "model.fit(",
}
"""The line of this file that is named."""
SHRINKING = {"pool", "convolution", "cropping"}


@pytest.fixture(scope="module")
def said():
    """What is said of each mistake, by backend."""

    def ask(backend):
        run = subprocess.run(
            [sys.executable, "-m", "tests.mistakes_of_layers"], capture_output=True, text=True,
            timeout=120, env=environment(KERAS_BACKEND=backend),
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return {backend: ask(backend) for backend in ("tensorflow", "jax")}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_innermost_reason_is_told_with_its_layer(said, backend, name):
    assert set(said[backend]) == set(SAID)
    on_tensorflow, on_jax = SAID[name]
    expected = on_tensorflow if backend == "tensorflow" or on_jax is None else on_jax
    told, shrinks = said[backend][name]
    assert told.startswith(expected)
    assert "\n" not in told
    assert shrinks == (name in SHRINKING)
    if told != "nothing":
        file, _, line = told.rpartition("(")[2].removesuffix(")").partition(":")
        assert file == SOURCE.name
        text = SOURCE.read_text().splitlines()[int(line) - 1].strip()
        assert text.startswith(LINES.get(name, "")), text


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


class SimplifiedTraceback(Exception):
    """As JAX names what it hangs on its exceptions."""


HERE = "(test_cause.py:"


@pytest.mark.parametrize(
    "error, expected",
    [
        (raised(ValueError("no such width")), f"ValueError: no such width {HERE}"),
        (raised(ValueError("\n\n first \n second")), f"ValueError: first {HERE}"),
        (
            raised(TypeError("made of\nwhat cannot be kept,\nand so on. Please\nwait")),
            f"TypeError: made of what cannot be kept, and so on. Please wait {HERE}",
        ),
        (raised(ValueError()), f"ValueError {HERE}"),
        (raised(KeyError("tokens")), f"KeyError: 'tokens' {HERE}"),
        (raised(HarnessError("task 'a': no such file")), "task 'a': no such file"),
        (
            raised(RuntimeError("cannot build"), raised(KeyError("units"))),
            f"RuntimeError: cannot build, from KeyError: 'units' {HERE}",
        ),
        (
            raised(TypeError("bad shapes"), SimplifiedTraceback("The stack trace below excludes")),
            f"TypeError: bad shapes {HERE}",
        ),
        (
            raised(ValueError("2 root error(s) found.\n  (0) INVALID_ARGUMENT:  indices[0] = 7 is "
                              "not in [0, 3)\n\t [[{{node Gather}}]]")),
            f"ValueError: indices[0] = 7 is not in [0, 3) {HERE}",
        ),
        (
            raised(ValueError("{{function_node __wrapped__MatMul_device_/job:localhost}} Matrix "
                              "size-incompatible: In[0]: [2,64], In[1]: [7,8] [Op:MatMul] name: ")),
            f"ValueError: Matrix size-incompatible: In[0]: [2,64], In[1]: [7,8] {HERE}",
        ),
        (
            raised(ValueError('in user code:\n\n    File "/x/mine.py", line 3, in f  *\n        '
                              "return a @ b\n\n    ValueError: Shapes must match\n")),
            "ValueError: ValueError: Shapes must match (mine.py:3)",
        ),
    ],
)  # fmt: skip
def test_lines_that_only_announce_others_are_left_out(error, expected):
    assert cause.reason(error).startswith(expected)


def test_what_was_handled_meanwhile_is_told_where_nothing_else_is():
    def fail(message):
        try:
            {}["units"]
        except KeyError:
            raise ValueError(*message)  # noqa: B904 - as people write it

    for message, expected in (
        (["no units"], "ValueError: no units ("),
        ([], "ValueError, from Key"),
    ):
        with pytest.raises(ValueError) as caught:
            fail(message)
        assert cause.reason(caught.value).startswith(expected)


def test_exceptions_that_go_in_a_circle_are_told_once():
    error = ValueError("round")
    error.__cause__ = KeyError("and round")
    error.__cause__.__cause__ = error
    assert cause.reason(error) == "ValueError: round, from KeyError: 'and round'"


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_an_exception_that_cannot_speak_is_told_as_such():
    assert describe_error(Mute()).message == "Mute: its text cannot be had (RuntimeError)"


def test_the_place_is_in_the_persons_code_not_in_libraries_nor_in_the_harness(tmp_path):
    """Also where the code is a plugin that is installed, and where a library raises."""
    packages = tmp_path / "site-packages"
    info = packages / "mine-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[harness.tasks]\nmine = mine.data\n")
    (packages / "mine").mkdir()
    (packages / "mine/__init__.py").write_text("import library\n\nlibrary.fail(0)\n")
    (packages / "library.py").write_text("import json\n\n\ndef fail(x):\n    json.loads(x)\n")
    code = """
        import sys
        sys.path.append(sys.argv[1])
        from harness import cause
        for module in ("mine", "library"):
            try:
                __import__(module).fail(0)
            except TypeError as error:
                print(cause.own_place(error))
        """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(packages)],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert run.stdout.splitlines() == ["mine/__init__.py:3", "None"], run.stderr
