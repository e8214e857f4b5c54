"""Claims of the textbook: the page says what was measured, and sweeps ask the rest."""

from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import textbook
from benchmarks.claims import CLAIMS
from harness import registry
from harness.spec import DataSpec, TensorSpec
from harness.sweep.load import load_sweep
from tests import encoders

ROOT = Path(__file__).parents[1]
SWEEPS = sorted((ROOT / "results" / "textbook").glob("*.toml"))
PAIRS = [pair for claim in CLAIMS for pair in claim.pairs]


def test_the_page_says_what_the_results_say():
    page = textbook.page()
    assert page == textbook.PAGE.read_text(encoding="utf-8"), "python -m benchmarks.textbook"
    assert page.count("\n## ") == len(CLAIMS)
    assert "holds" in page


def test_of_a_pair_that_was_never_run_the_page_says_so(tmp_path):
    page = textbook.page(tmp_path)
    assert page.count(textbook.NO_RESULT) == len(PAIRS)
    assert page.count("Nothing is committed yet") == len(CLAIMS)


@pytest.fixture(autouse=True)
def _no_plugins():
    """What sweep files bring along is not there for other tests."""
    yield
    registry.use(())


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_each_claim_without_a_sweep_that_is_shipped_has_one_that_asks_it(path):
    sweep = load_sweep(str(path))
    assert sweep.name == path.stem
    asked = [pair for pair in PAIRS if pair.folder == f"textbook/{sweep.name}"]
    assert asked
    for pair in asked:
        assert pair.task in sweep.tasks
        assert {pair.ahead, pair.behind} <= {*sweep.spaces}


def built(name, kind, spec):
    import keras_tuner

    space = registry.space(name)
    keras.utils.set_random_seed(0)
    return space.build(space.sample(keras_tuner.HyperParameters(), kind), spec)


def test_ablations_differ_in_what_they_are_named_by():
    load_sweep(str(SWEEPS[0].with_name("depth.toml")))
    spec = DataSpec(
        {"image": TensorSpec((12, 12, 1), "uint8")}, {"label": TensorSpec((), "int32", 3)},
        "image_classification",
    )  # fmt: skip
    layers, added = {}, {}
    for name in ("plain_8", "plain_20", "residual_8", "residual_20"):
        model = built(name, "image_classification", spec)
        kinds = [type(layer).__name__ for layer in model.layers]
        kernels = [
            layer.kernel_size for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
        ]
        layers[name] = 1 + kernels.count((3, 3))
        added[name] = kinds.count("Add")
    assert layers == {"plain_8": 8, "plain_20": 20, "residual_8": 8, "residual_20": 20}
    assert added == {"plain_8": 0, "plain_20": 0, "residual_8": 3, "residual_20": 9}
    kind, x = "token_classification", encoders.examples()
    changed = np.where(np.arange(encoders.LONGEST) < 5, x["tokens"], 7)
    for name, same in (("both_directions", False), ("one_direction", True)):
        model = built(name, kind, encoders.text_spec(kind))
        tags = [
            keras.ops.convert_to_numpy(
                model({"tokens": tokens, "segments": x["segments"]}, training=False)["tags"]
            )[:, :5]
            for tokens in (x["tokens"], changed)
        ]
        assert np.allclose(*tags, atol=1e-5) == same
