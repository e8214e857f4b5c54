"""Simple methods: known answers by hand, and data on which they must beat the trivial predictor."""

import numpy as np
import pytest

from harness.check.baseline import baselines
from harness.kinds import (
    image_classification,
    masked_language_modeling,
    sentence_similarity,
    sequence_regression,
    text_classification,
    time_series_forecasting,
    token_classification,
)
from harness.kinds.rivals.forecasts import ridge_forecaster
from harness.kinds.rivals.images import gradient_histograms, pixel_values
from harness.kinds.rivals.linear import COMPONENTS, logistic_regression, principal, ridge_regression
from harness.kinds.rivals.neighbours import Gaps, Neighbours, gaps
from harness.kinds.rivals.sequences import summaries
from harness.kinds.rivals.tagging import shape, viterbi
from harness.kinds.rivals.texts import overlap
from harness.spec import Score

RANDOM = np.random.default_rng(0)


def rivals(task, prepared):
    """Names and scores of the simple methods."""
    return {n: s for n, s in task.baseline(prepared).items() if isinstance(s, Score)}


# --- linear models ----------------------------------------------------------------


def test_ridge_regression_finds_a_line_and_its_intercept():
    x = {split: RANDOM.normal(size=(60, 3)) for split in ("train", "val", "test")}
    y = {split: part @ [[2.0], [-1.0], [0.5]] + 7 for split, part in x.items()}
    np.testing.assert_allclose(ridge_regression(x, y)["test"], y["test"], atol=1e-5)


def test_ridge_regression_of_noise_says_the_mean_of_training():
    random = np.random.default_rng(1)
    sizes = {"train": 40, "val": 4000, "test": 40}
    x = {split: random.normal(size=(size, 30)) for split, size in sizes.items()}
    y = {split: random.normal(size=(size, 1)) for split, size in sizes.items()}
    answer = ridge_regression(x, y)["test"]
    assert np.abs(answer - y["train"].mean()).max() < 0.5


def test_logistic_regression_knows_all_classes_and_sees_no_test_labels():
    x = {split: RANDOM.normal(size=(90, 2)) for split in ("train", "val", "test")}
    y = {split: (part[:, 0] > 0) * 2 for split, part in x.items()}
    found = logistic_regression(x, {s: y[s] for s in ("train", "val")}, classes=3)
    assert found.log_probabilities.shape == (90, 3)
    assert (found.log_probabilities.argmax(axis=1) == y["test"]).mean() > 0.9
    np.testing.assert_allclose(np.exp(found.log_probabilities).sum(axis=1), 1, atol=1e-9)
    assert np.exp(found.log_probabilities[:, 1]).max() < 1e-9  # a class that training has not


def test_many_features_become_their_principal_components():
    wide = {"train": RANDOM.normal(size=(50, COMPONENTS + 5)), "val": np.zeros((1, COMPONENTS + 5))}
    found = principal(wide)
    assert found["train"].shape == (50, COMPONENTS)
    centred = wide["train"] - wide["train"].mean(axis=0)
    np.testing.assert_allclose((found["train"] ** 2).sum(), (centred**2).sum(), rtol=1e-6)


# --- images -----------------------------------------------------------------------


def test_the_gradients_of_an_edge_point_across_it():
    images = np.zeros((2, 16, 16, 1), "uint8")
    images[0, :, 8:] = 255  # brightness changes from left to right: direction 0
    images[1, 8:] = 255  # from top to bottom: a right angle, between the middle two of nine
    rows = gradient_histograms(images).reshape(2, -1, 9, 4).sum(axis=(1, 3))
    assert rows[0].argmax() == 0
    assert rows[0][1:].sum() == pytest.approx(0)
    assert set(np.argsort(rows[1])[-2:]) == {4, 5}
    assert rows[1][4] == pytest.approx(rows[1][5])


@pytest.mark.parametrize("size", [(1, 1, 1), (5, 3, 3), (200, 130, 4)])
def test_images_of_any_size_have_features(size):
    images = RANDOM.integers(0, 256, (3, *size), dtype="uint8")
    for features in (pixel_values(images), gradient_histograms(images)):
        assert len(features) == 3
        assert np.isfinite(features).all()
    assert pixel_values(images).shape[1] <= 33 * 33 * size[2]


def test_large_images_are_averaged():
    images = np.zeros((1, 64, 64, 1), "uint8")
    images[0, ::2] = 255
    np.testing.assert_allclose(pixel_values(images), 0.0, atol=1e-6)  # about the middle


def test_stripes_are_told_by_their_gradients():
    angle = RANDOM.random(400) < 0.5
    phase = RANDOM.integers(0, 4, 400)
    steps = (np.arange(12)[None] + phase[:, None]) % 4 < 2
    images = np.where(
        angle[:, None, None], steps[:, :, None], steps[:, None, :] * np.ones((1, 12, 1))
    ) * np.ones((1, 12, 12))
    task = image_classification.task("stripes", lambda files: (images, angle.astype(int)))
    found = rivals(task, task.prepare({}))
    assert found["logistic_regression_on_gradients"].metrics["accuracy"] == 1.0


# --- texts ------------------------------------------------------------------------


def test_words_tell_classes_apart():
    rows = [
        (f"this {word} film number {n}", label)
        for n in range(40)
        for word, label in (("good", "1"), ("bad", "0"))
    ]
    task = text_classification.task("films", lambda files: rows, tokens="word")
    data = task.prepare({})
    found = baselines(task, data)
    assert found.metrics["accuracy"] <= 0.5
    ((_, score),) = rivals(task, data).items()
    assert score.metrics["accuracy"] == 1.0
    assert score.per_example["correct"].all()


def test_what_two_texts_share_tells_pairs_apart():
    words = [f"w{n}" for n in range(60)]
    rows = []
    for _ in range(300):
        one = RANDOM.choice(words, 4, replace=False)
        same = RANDOM.random() < 0.5
        other = RANDOM.permutation(one) if same else RANDOM.choice(words, 4, replace=False)
        rows.append((" ".join(one), " ".join(other), int(same)))
    task = text_classification.task("pairs", lambda files: rows, tokens="word")
    ((_, score),) = rivals(task, task.prepare({})).items()
    assert score.metrics["accuracy"] > 0.9


def test_overlap_of_a_worked_example():
    sides = (["a b c", "a b"], ["b c d e", "a b"])
    found = overlap({"train": sides, "test": sides})["test"]
    np.testing.assert_allclose(found[0][2:6], [2 / 5, 2 / 3, 2 / 4, np.log(5 / 4)])
    assert found[0][6] == 0
    np.testing.assert_allclose(found[1], [1, 1, 1, 1, 1, 0, 1])


def test_similarity_by_what_is_shared():
    words = [f"w{n}" for n in range(80)]
    rows = []
    for _ in range(300):
        shared = int(RANDOM.integers(0, 6))
        drawn = RANDOM.choice(words, 10 - shared, replace=False)
        one = " ".join(drawn[:5])
        rows.append((one, " ".join([*drawn[:shared], *drawn[5:]]), float(shared)))
    task = sentence_similarity.task("shared", lambda files: rows, tokens="word")
    ((name, score),) = rivals(task, task.prepare({})).items()
    assert score.metrics["spearman"] > 0.95
    assert ("mse" in score.metrics) == (name == "ridge_regression_on_overlap")


# --- tags -------------------------------------------------------------------------


def test_the_shape_of_words():
    assert [shape(word) for word in ("Boeing-747", "NASA", "", "it's")] == ["Xx-d", "X", "", "x'x"]


def test_viterbi_takes_the_best_sum_and_keeps_the_rules():
    scores = np.array([[0.0, 1.0, 5.0], [0.0, 0.0, 4.0]])
    free = np.zeros((4, 3))
    assert viterbi(scores, free) == [2, 2]
    ruled = free.copy()
    ruled[[0, 3], 2] = -1e6  # the last tag goes on the second one or itself
    assert viterbi(scores, ruled) == [1, 2]
    assert viterbi(np.zeros((0, 3)), free) == []


def test_names_are_found_by_how_they_look():
    names = ["Anna", "Berta", "Clara", "Doris", "Emma", "Frieda", "Gerda", "Hilda", "Irma", "Jutta"]
    names += [f"{name}lind" for name in names]
    rows = [
        (["we", "saw", name, *second, "there"], ["O", "O", "B-PER", *(["I-PER"] if second else []),
                                                "O"])
        for n, name in enumerate(names * 4)
        for second in ([], [names[(n + 7) % 20]])
    ]  # fmt: skip
    task = token_classification.task("names", lambda files: rows, tokens="word")
    data = task.prepare({})
    score = rivals(task, data)["linear_classifier_on_words"]
    assert score.metrics["f1"] > 0.95
    assert len(score.per_example["prediction"]) == len(data.test)


# --- series and sequences ---------------------------------------------------------


def series_task(table, **options):
    return time_series_forecasting.task("rows", lambda files: table, **options)


def test_growth_and_season_are_forecast_exactly():
    steps = np.arange(400)
    table = 0.05 * steps + np.sin(2 * np.pi * steps / 12)
    task = series_task(table, look_back=24, horizon=12, season=12)
    data = task.prepare({})
    found = baselines(task, data).metrics
    assert found["mse_ridge_regression"] < 1e-4 < found["mse_seasonal_naive"] < found["mse"]


def test_a_random_walk_is_forecast_no_better_than_by_its_last_value():
    table = np.cumsum(RANDOM.normal(size=3000))
    task = series_task(table, look_back=8, horizon=4)
    found = baselines(task, task.prepare({})).metrics
    assert found["mse_ridge_regression"] == pytest.approx(found["mse"], rel=0.1)


def test_a_channel_that_follows_another_is_told_from_it():
    leader = RANDOM.normal(size=1200)
    table = np.stack([leader, np.roll(leader, 2)], axis=1)
    task = series_task(table, look_back=4, horizon=2)
    data = task.prepare({})
    forecast = ridge_forecaster(data)(np.asarray(data.test.x["past"][:]))
    truth = np.asarray(data.test.y["future"][:])
    assert np.abs(forecast - truth)[..., 1].max() < 0.1


def test_summaries_of_a_worked_example():
    found = summaries(np.array([[[1.0], [3.0], [2.0]]]))[0]
    np.testing.assert_allclose(found, [2, np.sqrt(2 / 3), 1, 3, 1, 2, 1 / 3, 1.5])


def test_a_sum_is_regressed():
    x = RANDOM.normal(size=(300, 6, 2))
    task = sequence_regression.task("sums", lambda files: (x, x[:, :, 0].sum(axis=1)))
    ((_, score),) = rivals(task, task.prepare({})).items()
    assert score.metrics["mse"] < 1e-6


# --- hidden tokens ----------------------------------------------------------------


def test_gaps_know_their_neighbours():
    found = gaps(np.array([[2, 7, 4, 8, 3]]), np.array([[2, 0]]), np.array([[9, 0]]))
    assert (found.before, found.behind, found.truth) == ([7], [8], [9])


def test_neighbours_are_a_distribution_and_tell_what_stands_between():
    tokens = np.array([[2, 5, 6, 7, 3], [2, 8, 6, 9, 3], [2, 5, 6, 7, 3]])
    model = Neighbours(tokens, 10)
    every = Gaps(np.full(10, 5), np.full(10, 7), np.arange(10))
    own, right = model.tell(every)
    assert np.exp(own).sum() == pytest.approx(1)
    assert np.flatnonzero(right).tolist() == [6]
    # Beside hidden tokens nothing is known but frequencies.
    own, _ = model.tell(Gaps(np.full(10, 4), np.full(10, 4), np.arange(10)))
    np.testing.assert_allclose(np.exp(own), model.frequency)


def test_neighbours_beat_frequencies_where_words_come_in_pairs():
    nouns = [f"n{n}" for n in range(20)]

    def sentence():
        noun = RANDOM.integers(20)
        return f"the a{noun} {nouns[noun]} z{noun} ."

    documents = [[sentence() for _ in range(12)] for _ in range(60)]
    task = masked_language_modeling.task(
        "pairs", lambda files: documents, vocabulary=120, longest=32
    )
    data = task.prepare({})
    floor = baselines(task, data).metrics
    assert (
        floor["masked_token_accuracy_neighbouring_token_model"]
        > floor["masked_token_accuracy"] + 0.3
    )


@pytest.mark.parametrize("objective", ["balanced_accuracy", "roc_auc"])
def test_a_rival_is_measured_by_what_counts_rare_classes(objective):
    random = np.random.default_rng(3)
    rare = random.random(600) < 0.1
    images = (random.integers(0, 100, (600, 6, 6)) + rare[:, None, None] * 80).astype("uint8")
    task = image_classification.task(
        "rare", lambda files: (images, rare.astype(int)), objective=objective,
        class_weight="balanced",
    )  # fmt: skip
    data = task.prepare({})
    found = baselines(task, data)
    (name,) = found.outcomes
    assert found.metrics[objective] == 0.5
    assert found.metrics[f"{objective}_{name}"] > 0.8
