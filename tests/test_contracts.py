"""What every registered task and search space must keep to; a new one is tested by existing."""

import dataclasses
import json
import math
import subprocess
import sys

import keras
import keras_tuner
import numpy as np
import pytest

from harness import registry
from harness.check.baseline import baselines
from harness.data import cache
from harness.spec import Training
from harness.system.json_values import jsonable
from harness.training.batches import example_lengths
from harness.training.feed import varying

EMBEDDED = [task for task in registry.tasks().values() if not task.sources]
PAIRS = [(space, kind) for space in registry.spaces().values() for kind in space.kinds]
EXAMPLES = 6

each_task = pytest.mark.parametrize("task", EMBEDDED, ids=lambda task: task.name)
each_pair = pytest.mark.parametrize(
    "space, kind", PAIRS, ids=[f"{space.name}-{kind}" for space, kind in PAIRS]
)


def configurations(space, kind, count=2):
    """The default configuration for a kind of task and random ones."""
    defaults = keras_tuner.HyperParameters()
    yield space.sample(defaults, kind)
    for seed in range(1, count):
        hp = keras_tuner.HyperParameters()
        for parameter in defaults.space:
            hp.values[parameter.name] = parameter.random_sample(seed)
        yield space.sample(hp, kind)


def small_data(kind):
    """A task of that kind whose data comes with the harness, and a few of its examples."""
    task = next((task for task in EMBEDDED if task.kind == kind), None)
    assert task is not None, f"no task of kind {kind} has embedded data to try its spaces on"
    data = cache.load(task)
    tensors = {**data.spec.inputs, **data.spec.outputs}

    arrays = {**data.train.x, **data.train.y}
    lengths = varying(tensors)

    def few(name):
        examples = np.array(arrays[name][:EXAMPLES])
        if name not in lengths:
            return examples
        return examples[:, : example_lengths(arrays[lengths[name]][:EXAMPLES]).max()]

    x = {name: few(name) for name in data.train.x}
    y = {name: few(name) for name in data.train.y}
    return task, data.spec, x, y


@each_task
def test_splits_share_no_example(task):
    data = cache.load(task)
    seen = [
        {b"".join(np.ascontiguousarray(a[i]).tobytes() for a in split.x.values())
         for i in range(len(split))}
        for split in (data.train, data.val, data.test)
    ]  # fmt: skip
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


@each_task
def test_the_baseline_is_a_score_of_the_objective(task):
    found = baselines(task, cache.load(task))
    assert task.objective.metric in found.metrics
    assert all(math.isfinite(value) for value in found.metrics.values())
    if task.objective.metric in ("accuracy", "f1_macro"):
        assert 0 <= found.metrics[task.objective.metric] <= 1


@pytest.mark.parametrize("task", registry.tasks().values(), ids=lambda task: task.name)
def test_a_task_says_where_it_comes_from(task):
    assert task.licence
    assert all(len(source.sha256) == 64 for source in task.sources)
    assert registry.spaces_for(task), "no architecture fits it"


@each_pair
def test_configurations_are_frozen_hashable_json(space, kind):
    for config in configurations(space, kind, count=20):
        assert dataclasses.is_dataclass(config)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(config, dataclasses.fields(config)[0].name, None)
        rebuilt = type(config)(**json.loads(json.dumps(jsonable(config))))
        assert rebuilt == config
        assert hash(rebuilt) == hash(config)


def test_sampling_imports_no_framework():
    script = """
import contextlib, sys
from harness import registry

class Defaults:
    def Int(self, name, min_value, max_value, default=None, **options):
        return min_value if default is None else default
    Float = Int
    def Boolean(self, name, default=False, **options):
        return default
    def Choice(self, name, values, default=None, **options):
        return values[0] if default is None else default
    def conditional_scope(self, parent_name, parent_values):
        return contextlib.nullcontext()

registry.tasks()
for space in registry.spaces().values():
    for kind in space.kinds:
        space.sample(Defaults(), kind)
heavy = {"keras", "keras_hub", "keras_tuner", "tensorflow", "jax", "torch"} & set(sys.modules)
sys.exit(f"imported {sorted(heavy)}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


@each_pair
def test_models_take_and_give_what_the_data_says(space, kind):
    _, spec, x, _ = small_data(kind)
    for config in configurations(space, kind):
        keras.utils.set_random_seed(0)
        model = space.build(config, spec)
        assert {tensor.name for tensor in model.inputs} == set(spec.inputs)
        assert not model.compiled
        outputs = model(x, training=False)
        assert set(outputs) == set(spec.outputs)
        for name, output in outputs.items():
            assert output.shape[0] == EXAMPLES
            if spec.outputs[name].size is not None:
                assert output.shape[-1] == spec.outputs[name].size
            assert np.isfinite(keras.ops.convert_to_numpy(output)).all()


@pytest.mark.parametrize(
    "space, kind",
    [pair for pair in PAIRS if pair[0].name in ("transformer", "transformer_seq2seq", "vit")],
    ids=lambda value: getattr(value, "name", value),
)
def test_attention_begins_as_wide_as_glorot_says(space, kind):
    """Keras before 3.15 took heads for the window of a convolution: queries, keys and values began
    several times too small, and Transformers learned late."""
    _, spec, _, _ = small_data(kind)
    for config in configurations(space, kind):
        model = space.build(config, spec)
        kernels = [
            w for w in model.trainable_variables if w.path.endswith(("query/kernel", "key/kernel"))
        ]
        assert kernels
        for kernel in kernels:
            width, heads, size = kernel.shape
            assert np.std(kernel) == pytest.approx((2 / (width + heads * size)) ** 0.5, rel=0.1)


@each_pair
def test_a_step_learns_and_the_saved_model_predicts_the_same(space, kind, tmp_path):
    task, spec, x, y = small_data(kind)
    *_, config = configurations(space, kind)
    keras.utils.set_random_seed(0)
    model = space.build(config, spec)
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    training = Training(label_smoothing=0.1)
    model.compile("sgd", run_eagerly=True, **task.compile_args(spec, training))
    logs = model.fit(x, y, validation_data=(x, y), verbose=0).history
    assert math.isfinite(logs["loss"][0])
    assert f"val_{task.objective.metric}" in logs
    changed = zip(before, model.trainable_variables, strict=True)
    assert any(not np.array_equal(old, new.numpy()) for old, new in changed)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    ours, theirs = model(x, training=False), loaded(x, training=False)
    for name in spec.outputs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-6)
