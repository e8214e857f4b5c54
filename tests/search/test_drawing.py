"""What `sample` may ask of `hp`, as it is written for KerasTuner."""

from harness.search.space import Space


def drawn(sample, **values):
    return Space(sample).drawn(values)


def test_names_within_a_scope_are_its_own():
    def sample(hp):
        with hp.name_scope("encoder"):
            units = hp.Int("units", 8, 64)
            with hp.name_scope("block"):
                rate = hp.Float("rate", 0.1, 0.5)
            inside = hp.get("units"), "units" in hp
        return units, rate, inside, hp["encoder/units"], "units" in hp

    found = drawn(sample, **{"encoder/units": 16, "encoder/block/rate": 0.25})
    assert found.sampled == (16, 0.25, (16, True), 16, False)
    assert found.used == {"encoder/units": 16, "encoder/block/rate": 0.25}


def test_a_value_is_active_with_its_parent_alone():
    def sample(hp):
        kind = hp.Choice("kind", ["plain", "deep"])
        return kind, hp.Int("depth", 2, 4, parent_name="kind", parent_values=["deep"])

    assert drawn(sample).sampled == ("plain", None)
    assert drawn(sample, kind="deep", depth=3).sampled == ("deep", 3)
    assert drawn(sample).used == {"kind": "plain"}


def test_what_is_fixed_stays():
    found = drawn(lambda hp: (hp.Fixed("width", 7), hp["width"], hp.Boolean("bias")))
    assert found.sampled == (7, 7, False)
