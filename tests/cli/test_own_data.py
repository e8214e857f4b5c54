"""`harness run --data PATH`: one command from data of one's own to an answer."""

import pytest
from click.testing import CliRunner

from harness.cli.main import main
from tests.own.made import image, reviews, write


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_one_command_asks_answers_and_carries_on(folder):
    for number in range(40):
        image(folder / "shapes" / "dark" / f"{number}.png", value=number)
        image(folder / "shapes" / "light" / f"{number}.png", value=255 - number)
        image(folder / "shapes" / "light" / f"noise{number}.png")
    words = ("run", "--data", "shapes", "--spaces", "mlp", "--trials", 1, "--epochs", 2, "--seeds",
             1, "--workers", 1, "--tracking", "none")  # fmt: skip
    first = called(*words)
    assert first.exit_code == 0, first.output
    assert "shapes: image classification" in first.output
    assert "splits: val 10%, test 10%: at random by a seed, with the shares of the" in first.output
    assert "to do: mlp: up to 1 trial of 2 epochs and 600 s each, then the best" in first.output
    assert "wrote shapes.toml" in first.output
    assert "prepare reads" not in first.output
    report = (folder / "results" / "shapes" / "report.md").read_text()
    assert "| 96 | 12 | 12 |" in " ".join(report.split())
    question = (folder / "results" / "shapes" / "sweep.toml").read_text()
    assert 'files = "../../shapes"' in question
    assert str(folder) not in question
    again = called(*words)
    assert again.exit_code == 0, again.output
    assert "shapes.toml: is there already, and used as it stands" in again.output
    assert "complete already" in again.output
    described = called("describe", "results/shapes/shapes/mlp")
    assert described.exit_code == 0, described.output
    predicted = called("predict", "results/shapes/shapes", "shapes/dark/0.png", "shapes/light")
    assert predicted.exit_code == 0, predicted.output
    assert "shapes/dark/0.png,dark," in predicted.output
    assert "shapes/light/1.png,light," in predicted.output
    exported = called("export", "results/shapes/shapes/mlp", "--output", "mine.keras")
    assert exported.output == "wrote mine.keras: shapes x mlp, outputs within 0\n"
    refused = called("predict", "results/shapes/shape", "shapes/dark/0.png")
    assert refused.exit_code == 2
    assert "no task 'shape'; did you mean 'shapes'?" in refused.output
    image(folder / "shapes" / "dark" / "another.png", value=3)
    changed = called(*words)
    assert changed.exit_code == 2
    assert "the data of task 'shapes' has changed since this sweep began" in changed.output


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text,label\n", "harness: films.csv: no rows; expected examples below the header"),
        (reviews() + "odd one,\n", "films.csv, row 41, column 'label': found nothing; expected"),
        ("a,b\n1,2\n", "films.csv: its columns are a (numbers), b (numbers)"),
    ],
)
def test_of_bad_data_nothing_is_left(folder, content, expected):
    write(folder / "films.csv", content)
    result = called("run", "--data", "films.csv", "--spaces", "lstm", "--tracking", "none")
    assert result.exit_code == 2
    assert expected in result.output
    assert sorted(path.name for path in folder.iterdir()) == ["films.csv"]


def test_a_sweep_and_data_are_not_both(folder):
    assert called("run").exit_code == 2
    assert called("run", "quick", "--data", "x.csv").exit_code == 2
    assert "no such file or folder" in called("run", "--data", "x.csv").output


def test_a_sweep_file_of_other_data_is_not_written_over(folder):
    write(folder / "films.csv", reviews())
    write(folder / "films.toml", '[data.films]\nfiles = "others.csv"\n')
    result = called("run", "--data", "films.csv")
    assert result.exit_code == 2
    assert "films.toml: is there already, and of other data" in result.output


def test_commands_that_take_plugins_take_sweep_files_with_data(folder):
    write(folder / "films.csv", reviews())
    write(folder / "mine.toml", '[data.films]\nfiles = "films.csv"\ntokens = "word"\n')
    assert "films" in called("list", "tasks", "--plugins", "mine.toml").output
    prepared = called("prepare", "films", "--plugins", "mine.toml")
    assert prepared.exit_code == 0, prepared.output
    described = called("describe", "films", "--plugins", "mine.toml").output
    assert "train 32, val 4, test 4" in described
    write(folder / "none.toml", 'name = "none"\n')
    assert "expected a Python file" in called("list", "--plugins", "none.toml").output
