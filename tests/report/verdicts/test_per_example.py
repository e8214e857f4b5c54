"""Comparisons on the same test examples: against SciPy, statsmodels, sacreBLEU and by hand."""

import dataclasses
import math

import numpy as np
import pytest
import sacrebleu
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.cells import by_task, cell_results
from harness.analysis.exhibits import Exhibit, Forecast
from harness.analysis.statistics import Comparison, Interval, Uncertainty, compare, compare_with
from harness.journal.folder import outcomes_path
from harness.journal.read import read_journal
from harness.report.verdicts.bootstrap import block_length, compare_examples, dependence
from harness.report.verdicts.contributions import bleu, contributions
from harness.report.verdicts.how_sure import how_sure
from harness.report.verdicts.per_example import Outcomes, read_outcomes
from harness.report.verdicts.verdict import Judgement, judge
from harness.spec import HarnessError, Objective
from harness.trial import TrialResult
from tests.synthetic import write_journal

TASKS, SPACES, SEEDS = ("digits", "etth1"), ("mlp", "cnn", "vit"), (0, 1, 2)
ACCURACY = Objective("accuracy", "max")


def errors(shape, seed=0):
    """Squared errors of two architectures that find the same examples hard."""
    random = np.random.default_rng(seed)
    shared = random.exponential(size=shape[-1])
    return [shared * random.gamma(4, size=shape) / 4 for _ in range(2)]


# --- the bootstrap ---------------------------------------------------------------


def test_two_models_are_compared_as_by_the_bootstrap_of_scipy():
    a, b = errors((1, 400))
    expected = scipy.stats.bootstrap(
        (a[0] - b[0],), np.mean, method="basic", rng=np.random.default_rng(1)
    )
    found = compare_examples("a", {"a": a, "b": b})["b"]
    interval, ends = found.comparison.difference, expected.confidence_interval
    assert interval.mean == pytest.approx((a - b).mean())
    assert math.sqrt(found.uncertainty.variance) == pytest.approx(expected.standard_error, rel=0.05)
    width = ends.high - ends.low
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), abs=0.06 * width)


def test_a_measure_that_is_no_mean_is_resampled_as_by_scipy():
    a, b = errors((1, 300))

    def ratio(first, second, axis):
        return np.exp(np.mean(first, axis=axis)) - np.exp(np.mean(second, axis=axis))

    expected = scipy.stats.bootstrap(
        (a[0], b[0]), ratio, paired=True, vectorized=True, rng=np.random.default_rng(1)
    )
    found = compare_examples("a", {"a": a, "b": b}, measure=lambda m: np.exp(m[..., 0]))["b"]
    assert found.comparison.difference.mean == pytest.approx(np.exp(a.mean()) - np.exp(b.mean()))
    assert math.sqrt(found.uncertainty.variance) == pytest.approx(expected.standard_error, rel=0.07)


def test_outcomes_are_averaged_over_the_seeds():
    a, b = errors((4, 200))
    several = compare_examples("a", {"a": a, "b": b})["b"]
    averaged = compare_examples("a", {"a": a.mean(axis=0)[None], "b": b.mean(axis=0)[None]})["b"]
    assert several.comparison.difference.low == pytest.approx(averaged.comparison.difference.low)
    assert several.uncertainty.variance == pytest.approx(averaged.uncertainty.variance)


def test_intervals_hold_jointly_for_all_pairs():
    # Independent architectures of equal variance: Tukey's studentized range of four means.
    random = np.random.default_rng(0)
    found = compare_examples("0", {str(i): random.normal(size=(1, 2000)) for i in range(4)})
    halves = [(f.comparison.difference.high - f.comparison.difference.mean)
              / math.sqrt(f.uncertainty.variance) for f in found.values()]  # fmt: skip
    tukey = scipy.stats.studentized_range.ppf(0.95, 4, math.inf) / math.sqrt(2)
    assert halves == pytest.approx([tukey] * 3, rel=0.04)


def test_equal_outcomes_are_not_distinguishable_and_have_no_width():
    a, _ = errors((3, 50))
    found = compare_examples("a", {"a": a, "b": a.copy()})["b"]
    assert found.comparison.difference == Interval(0.0, 0.0, 0.0)
    assert found.comparison.verdict == "not distinguishable"
    assert found.uncertainty.variance == 0


def test_a_difference_that_is_the_same_on_every_example_is_certain():
    right = np.ones((2, 40), bool)
    found = compare_examples("a", {"a": right, "b": ~right})["b"].comparison
    assert (found.difference.low, found.difference.high) == (1, 1)
    assert found.verdict == "different"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 7]), st.integers(1, 3))
def test_sides_and_units_do_not_matter(seed, block, seeds):
    random = np.random.default_rng(seed)
    a, b, c = random.normal(size=(3, seeds, 30))
    keywords = {"block": block, "replicates": 50}
    found = compare_examples("a", {"a": a, "b": b, "c": c}, **keywords)
    other = compare_examples("b", {"a": a, "b": b, "c": c}, **keywords)["a"].comparison
    scaled = compare_examples("a", {"a": 5 * a + 9, "b": 5 * b + 9, "c": 5 * c + 9}, **keywords)
    difference = found["b"].comparison.difference
    assert difference.low <= difference.mean <= difference.high
    assert difference.mean == pytest.approx(a.mean() - b.mean())
    flipped = (-other.difference.high, -other.difference.low)
    assert (difference.low, difference.high) == pytest.approx(flipped)
    moved = scaled["b"].comparison.difference
    assert (moved.low, moved.high) == pytest.approx((5 * difference.low, 5 * difference.high))


def test_different_numbers_of_examples_are_refused():
    with pytest.raises(ValueError, match=r"\[3, 4\]"):
        compare_examples("a", {"a": np.ones((1, 3)), "b": np.ones((1, 4))})
    with pytest.raises(ValueError, match="a block of 5 examples out of 5"):
        compare_examples("a", {"a": np.ones((1, 5)), "b": np.ones((1, 5))}, block=5)


# --- series ----------------------------------------------------------------------


def overlapping(random, steps, length):
    """Means of windows that start one step apart: what they share makes them depend."""
    noise = random.normal(size=steps + length - 1)
    return np.convolve(noise, np.ones(length) / length, "valid")


def test_independent_examples_have_no_dependence():
    random = np.random.default_rng(0)
    assert [dependence(random.exponential(size=2000)) for _ in range(20)].count(0) >= 19


def test_dependence_of_overlapping_windows_is_about_their_length():
    random = np.random.default_rng(0)
    found = [dependence(overlapping(random, 5000, 40)) for _ in range(10)]
    assert 25 <= np.median(found) <= 80


@pytest.mark.parametrize("series", [np.ones(9), np.array([1.0]), np.arange(3.0)])
def test_dependence_of_what_is_too_short_or_constant(series):
    assert 0 <= dependence(series) <= len(series)


def test_a_trend_depends_over_all_its_length():
    assert dependence(np.arange(100.0)) > 20


def test_blocks_allow_for_the_overlap_of_windows():
    random = np.random.default_rng(1)
    steps, length, alone, blocks = 2000, 30, [], []
    for _ in range(20):
        outcomes = {s: overlapping(random, steps, length)[None] for s in "ab"}
        block = block_length(list(outcomes.values()))
        assert block >= length
        alone.append(compare_examples("a", outcomes, replicates=200)["b"].uncertainty.variance)
        blocks.append(
            compare_examples("a", outcomes, block=block, replicates=200)["b"].uncertainty.variance
        )
    truth = 2 / steps  # of the mean of the noise, but for both ends
    assert np.mean(alone) < 0.1 * truth
    assert 0.6 * truth < np.mean(blocks) < 1.2 * truth


# --- measures --------------------------------------------------------------------


def test_bleu_is_that_of_sacrebleu():
    said = ["a dog runs in the park today", "two men sit on a bench", "the cat"]
    right = ["a dog runs in a park today", "two men are sitting on a bench", "the cat sleeps here"]
    arrays = {"hypothesis": np.array(said), "reference": np.array(right)}
    (found,) = [c for c in contributions(arrays) if c.measure is bleu]
    expected = sacrebleu.metrics.BLEU().corpus_score(said, [right]).score
    assert float(bleu(found.parts(arrays).mean(axis=0))) == pytest.approx(expected)
    assert bleu(np.zeros(10)) == 0


# --- the outcomes of a sweep -----------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    write_journal(tmp_path, tasks=TASKS, spaces=SPACES, seeds=SEEDS, failures=False)
    (tmp_path / "outcomes").mkdir()
    return tmp_path


def save(folder, task, space, seed, **arrays):
    np.savez_compressed(folder / outcomes_path(task, space, seed), **arrays)


def scored(folder, measured, objective=ACCURACY):
    """The tasks of the sweep with these test scores, by task, space and seed."""
    record = read_journal(folder)

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase == "search":
            return entry
        value = measured.get((entry.task, entry.space, entry.seed), 0.5)
        return dataclasses.replace(entry, metrics={f"test_{objective.metric}": value})

    tasks = {n: dataclasses.replace(t, objective=objective) for n, t in record.tasks.items()}
    history = tuple(map(edit, record.history))
    return by_task(cell_results(dataclasses.replace(record, history=history, tasks=tasks)))


@pytest.fixture
def right(folder):
    """Whether each model is right on 400 digits, saved; and the tasks with those accuracies."""
    random = np.random.default_rng(3)
    hard = random.normal(size=400)
    measured, outcomes = {}, {}
    for space, level in zip(SPACES, (0.2, 1.0, 1.02), strict=True):
        for seed in SEEDS:
            correct = level + hard + 0.3 * random.normal(size=400) > 0
            outcomes[space, seed] = correct
            measured["digits", space, seed] = float(correct.mean())
            prediction = np.where(correct, 3, 4)
            save(folder, "digits", space, seed, prediction=prediction, correct=correct)
    return outcomes, scored(folder, measured)


def test_outcomes_that_add_up_to_the_score_are_found(folder, right):
    outcomes, tasks = right
    found = read_outcomes(folder, tasks)["digits"]
    assert (found.what, found.block, found.reasons) == ("mean of correct", 1, ())
    for space in SPACES:
        assert found.values[space].shape == (3, 400, 1)
        np.testing.assert_array_equal(found.values[space][1, :, 0], outcomes[space, 1])


def test_outcomes_of_many_numbers_an_example_add_up_to_nothing(folder, right):
    _, tasks = right
    for space in SPACES:
        for seed in SEEDS:
            many, one = np.zeros((400, 10)), np.zeros(400, int)
            save(folder, "digits", space, seed, prediction=many, truth=one)
    found = read_outcomes(folder, tasks)["digits"]
    assert not found.values
    assert len(found.reasons) == 1


def test_a_task_without_outcomes_says_so_and_is_judged_by_its_seeds(folder, right):
    _, tasks = right
    found = read_outcomes(folder, tasks)["etth1"]
    assert not found.values
    assert found.reasons == ("the outcomes of the test examples are not there",)
    judged = judge(tasks["etth1"], found)
    samples = {cell.space: cell.scores for cell in tasks["etth1"]}
    best = tasks["etth1"][0].space
    assert {s: j.runs for s, j in judged.items()} == compare_with(best, samples)
    assert all(j.examples is j.both is None for j in judged.values())


def test_of_an_architecture_without_outcomes_nothing_is_said(folder, right):
    _, tasks = right
    (folder / outcomes_path("digits", "mlp", 2)).unlink()
    found = read_outcomes(folder, tasks)["digits"]
    assert set(found.values) == {"cnn", "vit"}
    assert found.reasons == ("the outcomes of mlp are not there",)
    judged = judge(tasks["digits"], found)
    assert judged["mlp"].examples is None
    assert judged["mlp"].verdict == "unknown"
    assert judged["mlp"].ungrounded == "the luck of the test examples is not known"


@pytest.mark.parametrize("change, reason", [
    ({"correct": np.ones(399, bool), "prediction": np.ones(399)}, "different numbers of test ex"),
    ({"correct": np.ones(400, bool)}, "kept different outcomes"),
])  # fmt: skip
def test_models_scored_on_other_examples_are_not_compared(folder, right, change, reason):
    _, tasks = right
    save(folder, "digits", "vit", 0, **change)
    found = read_outcomes(folder, tasks)["digits"]
    assert not found.values
    assert reason in found.reasons[0]


def test_other_references_are_other_examples(folder):
    for space in SPACES:
        for seed in SEEDS:
            truth = np.full(20, "a") if (space, seed) != ("vit", 2) else np.full(20, "b")
            save(folder, "digits", space, seed, prediction=np.full(20, "a"), truth=truth)
    found = read_outcomes(folder, scored(folder, {}))["digits"]
    assert found.reasons == ("models were scored on different test examples",)


def test_outcomes_that_do_not_add_up_to_the_score_are_not_used(folder, right):
    tasks = scored(folder, {})  # every score is 0.5
    found = read_outcomes(folder, tasks)["digits"]
    assert found.reasons == ("accuracy is not known to be made from the outcomes kept",)


def test_perplexity_comes_from_likelihoods_in_blocks_of_text(folder):
    random = np.random.default_rng(0)
    measured = {}
    for space in SPACES:
        for seed in SEEDS:
            nll = 5 + 0.1 * random.normal() + overlapping(random, 600, 5)
            save(folder, "etth1", space, seed, nll=nll.astype("float32"))
            measured["etth1", space, seed] = float(np.exp(nll.mean()))
    tasks = scored(folder, measured, Objective("perplexity", "min"))
    found = read_outcomes(folder, tasks)["etth1"]
    assert found.what == "exponential of the mean nll"
    assert found.block > 1
    judged = judge(tasks["etth1"], found)
    assert all(j.examples.difference.mean == j.runs.difference.mean for j in judged.values())


@pytest.mark.parametrize("horizon, block", [(24, 24), (50, None)])
def test_forecasts_that_overlap_are_drawn_in_blocks_as_long(folder, horizon, block):
    random = np.random.default_rng(0)
    measured = {}
    for space in SPACES:
        for seed in SEEDS:
            squared = random.exponential(size=300)
            save(folder, "etth1", space, seed, squared_error=squared)
            measured["etth1", space, seed] = float(squared.mean())
    tasks = scored(folder, measured, Objective("mse", "min"))
    line = (1.0,) * horizon
    shown = {("etth1", "mlp"): Exhibit(forecasts=(Forecast("x", (1.0,), line, line, line),))}
    found = read_outcomes(folder, tasks, shown)["etth1"]
    if block is None:
        assert "too few to resample" in found.reasons[0]
    else:
        assert found.block == block


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x93NUMPY not really", b"[1, 2]"])
def test_a_damaged_file_is_named(folder, right, content):
    _, tasks = right
    path = folder / outcomes_path("digits", "cnn", 1)
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"digits\.cnn\.seed1\.npz: not the outcomes"):
        read_outcomes(folder, tasks)


def test_objects_and_lone_numbers_are_no_outcomes(folder, right):
    _, tasks = right
    for arrays in ({"correct": np.array([{}], object)}, {"correct": np.array(1.0)}):
        save(folder, "digits", "cnn", 1, **arrays)
        with pytest.raises(HarnessError, match="not the outcomes of test examples"):
            read_outcomes(folder, tasks)


def test_a_file_cut_short_is_named(folder, right):
    _, tasks = right
    path = folder / outcomes_path("digits", "cnn", 1)
    whole = path.read_bytes()
    # Bytes of the arrays themselves are spoilt, the directory at the end is whole.
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(HarnessError, match=r"digits\.cnn\.seed1\.npz"):
        read_outcomes(folder, tasks)


# --- verdicts --------------------------------------------------------------------


def test_a_verdict_rests_on_seeds_examples_and_both(folder, right):
    outcomes, tasks = right
    judged = judge(tasks["digits"], read_outcomes(folder, tasks)["digits"])
    best = tasks["digits"][0].space
    scores = {space: [outcomes[space, seed].mean() for seed in SEEDS] for space in SPACES}
    other = judged["mlp"]
    assert (best in ("cnn", "vit"), other.verdict) == (True, "different")
    assert judged["vit" if best == "cnn" else "cnn"].verdict == "not distinguishable"
    expected = compare_examples(best, {s: np.stack([outcomes[s, n] for n in SEEDS])
                                       for s in SPACES})["mlp"]  # fmt: skip
    assert other.runs == compare_with(best, scores)["mlp"]
    assert other.examples.difference.low == pytest.approx(expected.comparison.difference.low)
    both = compare(scores[best], scores["mlp"], groups=3, further=expected.uncertainty)
    assert other.both.difference.low == pytest.approx(both.difference.low)
    ends = [c.difference.low for c in (other.runs, other.examples, other.both)]
    assert other.difference.low == min(ends)


def one(low, high):
    return Comparison(Interval((low + high) / 2, low, high), 0.03)


@pytest.mark.parametrize("seeds, examples, both, verdict", [
    (one(0.1, 0.3), one(0.1, 0.3), one(0.05, 0.35), "different"),
    (one(-0.1, 0.5), one(0.1, 0.3), one(0.05, 0.35), "not distinguishable"),
    (one(0.1, 0.3), one(-0.1, 0.5), one(0.05, 0.35), "not distinguishable"),
    (one(0.1, 0.3), one(0.1, 0.3), one(-0.05, 0.45), "not distinguishable"),
    (one(0.1, 0.3), None, None, "unknown"),
    (one(math.nan, math.nan), one(0.1, 0.3), None, "unknown"),
])  # fmt: skip
def test_one_interval_that_holds_zero_is_enough(seeds, examples, both, verdict):
    judgement = Judgement(seeds, examples, both)
    assert judgement.verdict == verdict
    assert bool(judgement.ungrounded) == (verdict == "unknown")


def test_one_seed_leaves_the_verdict_open(folder, right):
    _, tasks = right
    single = [dataclasses.replace(c, confirm=c.confirm[:1]) for c in tasks["digits"]]
    found = read_outcomes(folder, {"digits": single})["digits"]
    judged = judge(single, found)
    assert {j.verdict for j in judged.values()} == {"unknown"}
    assert all(j.examples is not None and j.both is None for j in judged.values())
    assert "unknown" in how_sure({"digits": single}, {"digits": judged}, {"digits": found})


def test_nothing_is_judged_where_nothing_is_scored(folder, right):
    _, tasks = right
    none = [dataclasses.replace(c, confirm=()) for c in tasks["digits"]]
    assert judge(none) == {}
    assert judge(tasks["digits"][:1]) == {}
    assert how_sure({"digits": none}, {"digits": {}}) == ""
    assert read_outcomes(folder, {"digits": none}) == {}


def test_the_section_shows_the_three_intervals_and_what_is_missing(folder, right):
    _, tasks = right
    found = read_outcomes(folder, tasks)
    text = how_sure(tasks, {t: judge(g, found[t]) for t, g in tasks.items()}, found)
    assert "| other seeds" in " ".join(text.split())
    assert "- 400 test examples, by the mean of correct." in text
    assert "Not compared on the same examples: the outcomes of the test examples are not" in text


def test_names_in_files_cannot_format_the_section(folder, right):
    _, tasks = right
    found = Outcomes({"a": np.ones((1, 20, 1))}, what="mean of <b>|x|</b>", reasons=("*bad*",))
    judged = {t: judge(g) for t, g in tasks.items()}
    text = how_sure(tasks, judged, {"digits": found})
    assert "mean of &#60;b&#62;&#124;x&#124;&#60;/b&#62;" in text
    assert "&#42;bad&#42;" in text


def test_further_luck_widens_the_interval_and_adds_freedom():
    # By hand: variances of the means 1/3 and 4/3, and 5/3 with 100 degrees of freedom.
    a, b = (10.0, 11.0, 12.0), (1.0, 3.0, 5.0)
    found = compare(a, b, further=Uncertainty(5 / 3, 100)).difference
    freedom = (10 / 3) ** 2 / ((1 / 9) / 2 + (16 / 9) / 2 + (25 / 9) / 100)
    half = scipy.stats.t.ppf(0.975, freedom) * math.sqrt(10 / 3)
    assert (found.mean, found.high - found.mean) == pytest.approx((8, half))
    assert compare(a, b, further=Uncertainty(0, 100)) == compare(a, b)
