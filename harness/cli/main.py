"""The command line. Every command imports what it needs, so that help and lists are quick."""

import os
import sys
from pathlib import Path
from typing import Any, Literal, get_args

import click

from harness.spec import Faults, HarnessError
from harness.sweep.question import Precision, Tuner
from harness.system import isolation, stdio
from harness.system.redact import masked
from harness.system.signals import EXIT_INTERRUPTED
from harness.system.text import one_line

EXIT_BAD_INPUT = 2


class _Group(click.Group):
    """Turns bad input into one clear line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            for fault in error.faults if isinstance(error, Faults) else (str(error),):
                click.echo(f"harness: {one_line(fault)}", err=True)
            sys.exit(EXIT_BAD_INPUT)
        except KeyboardInterrupt:
            click.echo("harness: interrupted", err=True)
            sys.exit(EXIT_INTERRUPTED)


def _names(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Splits `a,b` into names."""
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def _seeds(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | str | None:
    """A number of seeds, or `auto`."""
    if value is None or value == "auto":
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number nor 'auto'") from None


_folder = click.Path(path_type=Path)
_data_dir = click.option(
    "--data-dir", type=_folder, help="Read data set files from DIR/<data set>/<file>."
)
_offline = click.option("--offline", is_flag=True, help="Never download anything.")
_backends = click.Choice(["tensorflow", "jax", "torch"])


def _use(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Takes plugin files into the registry, which forgets those of a call before."""
    from harness import registry

    registry.use(_names(ctx, parameter, value) or ())


_plugins = click.option(
    "--plugins",
    metavar="PATH,...",
    callback=_use,
    expose_value=False,
    help="Python files, and folders of some, with tasks and search spaces of your own.",
)
_output = click.option(
    "--output", type=_folder, default=Path("results"), show_default=True, help="Where results go."
)


_engine = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where trials run: in processes of this machine, or on a Ray cluster.",
)
_address = click.option(
    "--address",
    help="Of the Ray cluster: auto (that of this machine), HOST:PORT of its head, ray://HOST:PORT "
    "from outside, or local, one that lives as long as the command.  [default: auto]",
)
_per_trial = click.option(
    "--per-trial",
    metavar="cpus=N,gpus=N",
    help="What a trial takes of a node of the cluster; gpus=0.25 is a quarter of one. A core, and "
    "an accelerator where there are some, if absent.",
)
_mixed = click.option(
    "--mixed", is_flag=True, help="Take accelerators of several kinds, whose costs differ."
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keras-automl-harness")
def main() -> None:
    """Which architecture is best for this task, at equal cost, and how sure are we?"""
    stdio.outlast_readers()
    # Figures become files: nothing is shown, and what a notebook sets may not be there to import.
    os.environ["MPLBACKEND"] = isolation.VARIABLES["MPLBACKEND"]


@main.command("list")
@click.argument("what", type=click.Choice(["tasks", "spaces", "sweeps"]), required=False)
@_plugins
def list_(what: str | None) -> None:
    """List tasks, search spaces and shipped sweeps."""
    from harness.cli.listing import overview

    click.echo(overview(what))


@main.command()
@click.argument("name")
@_plugins
def describe(name: str) -> None:
    """Show NAME: a task, a search space, or a shipped sweep.

    DIR/TASK/SPACE, with the folder of a sweep that has run, shows what the sweep found for that
    architecture on that task: its configuration, its scores, its cost, and what it does.
    """
    from harness.cli.describe import describe

    click.echo(describe(name))


@main.command()
@click.argument("tasks", nargs=-1, required=True)
@_data_dir
@_offline
@_plugins
def prepare(tasks: tuple[str, ...], data_dir: Path | None, offline: bool) -> None:
    """Download and prepare the data of TASKS, so that sweeps start at once."""
    from harness import registry
    from harness.data import cache

    for task in [registry.task(name) for name in tasks]:
        entry = cache.entry(task, data_dir, offline)
        click.echo(f"{task.name}: ready, digest {entry.digest[:12]}")


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--backend", type=_backends, default="tensorflow", show_default=True)
@_data_dir
@_offline
@_plugins
def check(names: tuple[str, ...], backend: Any, data_dir: Path | None, offline: bool) -> None:
    """Try each NAME on a few examples: a task, a search space, or a file of one's own with some.

    A task is prepared and tried with every architecture that fits it, an architecture on a small
    made-up task of every kind that it is for: built, trained for two steps, validated, scored on
    examples of validation, saved, loaded in another process, shown. Each fault is a line, with file
    and line of one's own code.

    Exit code 0: all is well; 1: faults were found; 2: bad input.
    """
    from harness.check.command import How, check

    sys.exit(check(names, How(data_dir=data_dir, offline=offline, backend=backend), click.echo))


@main.command()
@click.argument("sweep", required=False)
@click.option(
    "--data",
    type=_folder,
    metavar="PATH",
    help="A file or a folder of your own data in place of SWEEP: what is understood of it is "
    "printed, and written to a sweep file in the current folder.",
)
@click.option("--tasks", callback=_names, help="Only these tasks: a,b.")
@click.option("--spaces", callback=_names, help="Only these search spaces: a,b.")
@click.option("--trials", type=int, help="Search trials of each cell.")
@click.option("--epochs", type=int, help="Most epochs of a trial.")
@click.option("--seconds", type=float, help="Search time of each cell.")
@click.option("--minutes", type=float, help="Time of the whole sweep, in place of --trials.")
@click.option(
    "--seeds",
    metavar="INTEGER|auto",
    callback=_seeds,
    help="Number of confirmation seeds; auto adds some where a verdict is not clear.",
)
@click.option("--searches", type=int, help="Independent searches of each cell.")
@click.option(
    "--tuner",
    type=click.Choice(get_args(Tuner)),
    help="What suggests configurations: chance, a model of the trials so far (bayesian, tpe), or "
    "few epochs first, after which the better ones go on (the others).",
)
@click.option("--backend", type=_backends)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    help="What layers compute in: mixed_bfloat16 is 16 bits but for recurrent ones.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; one a core.")
@click.option(
    "--per-device",
    type=click.IntRange(min=1),
    help="Worker processes for each accelerator, in place of --workers.",
)
@_engine
@_address
@_per_trial
@_mixed
@click.option(
    "--together",
    type=click.IntRange(min=1),
    help="Seeds of a winner that train as one program, at most, on JAX; 1 for never. As many as it "
    "pays for on an accelerator if absent, and none on a processor.",
)
@click.option("--tracking", help="MLflow tracking URI, or none.  [default: OUTPUT/mlflow.db]")
@click.option("--fresh", is_flag=True, help="Discard what an earlier run of the sweep left.")
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Run again what failed with its worker or the machine, and confirmation runs that "
    "failed by their code, which is corrected now.",
)
@_data_dir
@_offline
@_output
@_plugins
def run(sweep: str | None, data: Path | None, **options: Any) -> None:
    """Run SWEEP, a shipped name or a TOML file; carry on where an earlier run stopped.

    Exit code 0: every cell has a confirmed result; 1: some cell has none; 2: bad input;
    130: interrupted.
    """
    from harness import registry
    from harness.sweep.load import load_sweep

    budget = {key: options.pop(key) for key in ("trials", "epochs", "seconds")}
    keys = ("minutes", "tasks", "spaces", "seeds", "searches", "tuner", "backend", "precision")
    question = {key: options.pop(key) for key in keys}
    cluster = _cluster(**{key: options.pop(key) for key in ("engine", *_OF_CLUSTERS)})
    from harness.cli.own_data import asked_about, to_do

    with asked_about(sweep, data, click.echo) as named:
        asked = load_sweep(
            named,
            {
                **{key: value for key, value in question.items() if value is not None},
                "budget": {key: value for key, value in budget.items() if value is not None},
                "plugins": [str(plugin) for plugin in registry.plugins()],
            },
        )
        if data is not None:
            click.echo(to_do(asked))
        from harness.driver.options import Options
        from harness.driver.run import run_sweep

        sys.exit(run_sweep(asked, Options(cluster=cluster, **options)))


_OF_CLUSTERS = ("address", "per_trial", "mixed")


def _cluster(engine: str, **options: Any) -> Any:
    """The cluster that options name, `None` for this machine."""
    given = {key: value for key, value in options.items() if value}
    if engine == "ray":
        from harness.engines.ray.share import ClusterOptions

        return ClusterOptions(**given)
    for key, value in given.items():
        said = f"--{key.replace('_', '-')}" + ("" if value is True else f" {value}")
        raise HarnessError(f"{said}: expected --engine ray beside it")
    return None


@main.command()
@click.argument("folder", type=_folder)
@_plugins
def status(folder: Path) -> None:
    """Show how far the sweep in FOLDER has come, and whether it runs.

    It may be asked while the sweep runs, from another terminal: it only reads.
    """
    from harness.cli.status import show
    from harness.sweep.plugins import remember

    remember([folder])
    show(folder)


@main.command()
@click.argument("folders", type=_folder, nargs=-1, required=True)
@click.option("--output", "file", type=_folder, metavar="FILE", help="Write the comparison here.")
@click.option(
    "--fail-on-regression",
    is_flag=True,
    help="Exit with 1 if a cell of B is worse than in A, or lost its confirmed result.",
)
@_plugins
def report(folders: tuple[Path, ...], file: Path | None, fail_on_regression: bool) -> None:
    """Write a sweep's report again, or put two sweeps side by side.

    \b
    harness report DIR    writes the tables and the report of the sweep in DIR
    harness report A B    prints what changed from the sweep in A to that in B:
                          question, environment, data, scores, cost, failures;
                          nothing in A or B is touched

    With three or more folders each report is written. The comparison is Markdown; a terminal
    shows it laid out.

    Exit code 1: --fail-on-regression found one; 2: bad input, or with that option nothing that
    can be judged: no cell in both, other data, or one seed; 0 otherwise.
    """
    from harness.sweep.plugins import remember

    remember(folders)
    if len(folders) == 2:
        from harness.report.two_sweeps import command

        sys.exit(command.compare(*folders, file, fail_on_regression))
    if file is not None or fail_on_regression:
        raise click.UsageError("--output and --fail-on-regression take two folders, A and B")
    from harness import report as reports
    from harness.journal.folder import PAGE

    for folder in folders:
        reports.write(folder)
        click.echo(f"report: {folder / PAGE}")


@main.command()
@click.argument("folder", type=_folder)
@click.option("--tracking", help="MLflow tracking URI.  [default: mlflow.db beside FOLDER]")
@_plugins
def sync(folder: Path, tracking: str | None) -> None:
    """Write the sweep in FOLDER to MLflow, adding only what is not there yet."""
    from harness import tracking as mlflow
    from harness.sweep.plugins import remember

    remember([folder])
    uri = tracking or mlflow.default_uri(folder.resolve().parent)
    written = mlflow.sync(folder, uri)
    click.echo(f"{written} runs written to {masked(uri)}")


@main.command()
@click.argument("model", metavar="DIR/TASK[/SPACE]")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--output", "file", type=_folder, metavar="FILE", help="Write the answers here.")
@_plugins
def predict(model: str, inputs: tuple[str, ...], file: Path | None) -> None:
    """Ask the model of SPACE on TASK, in the folder DIR of a sweep, about new data: CSV.

    Without SPACE the architecture with the best mean test score answers. INPUT is a file of texts,
    a line each; a table (CSV, TSV, Parquet, JSON lines), whose columns stand before the answers; an
    image or a folder of some; a table with the past of a series; or -, standard input.
    """
    from harness.cli.use import predict

    predict(model, inputs, file)


@main.command()
@click.argument("model", metavar="DIR/TASK[/SPACE]")
@click.option(
    "--format",
    type=click.Choice(["keras", "onnx", "litert", "saved_model"]),
    default="keras",
    show_default=True,
    help="Of the file.",
)
@click.option("--output", "file", type=_folder, metavar="PATH", help="[default: TASK.SPACE...]")
@_plugins
def export(model: str, format: Any, file: Path | None) -> None:
    """Write the model of SPACE on TASK, in the folder DIR of a sweep, in another format.

    What is written is read again, and kept only if its outputs agree with those of the model to
    0.0001. Without SPACE the architecture with the best mean test score is written.
    """
    from harness.cli.use import export

    export(model, format, file)


@main.command()
@_output
@_data_dir
@click.option("--tracking", help="MLflow tracking URI, or none.  [default: OUTPUT/mlflow.db]")
@_engine
@_address
@_per_trial
@_mixed
@_plugins
def doctor(output: Path, data_dir: Path | None, tracking: str | None, **options: Any) -> None:
    """Look whether a sweep would run here: packages, devices, disk, data, MLflow, a cluster.

    Exit code 1 if it would fail; each finding says what to do.
    """
    from harness import doctor as doctors

    sys.exit(doctors.diagnose(output, data_dir, tracking, cluster=_cluster(**options)))


@main.command()
@_output
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(output: Path, port: int) -> None:
    """Open the MLflow pages of OUTPUT on this machine."""
    from harness import tracking

    tracking.ui(output, port)


@main.command()
@click.argument("noun", type=click.Choice(["task", "space"]))
@click.argument("name")
@click.option("--kind", help="Of the task, or of the tasks that the search space is for.")
@click.option("--to", "folder", type=_folder, default=Path(), help="Folder of the new files.")
@_plugins
def new(noun: Literal["task", "space"], name: str, kind: str | None, folder: Path) -> None:
    """Start a task or a search space of your own: one file, and a sweep that runs it.

    The example is complete and works as it is; every kind of task has its own.
    """
    from harness.cli.scaffold import write_new

    started = write_new(noun, name, kind, folder)
    click.echo(f"wrote {started.file} and {started.sweep}; what comes next:")
    click.echo(f"  harness check {name if started.shipped else started.file}")
    click.echo(f"  harness run {started.sweep}")
