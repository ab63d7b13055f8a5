"""The commands that look at what is there: experiments, spaces, this machine. Each loads what it needs when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="The experiment: the name of its folder.", show_default=False)
]
Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option("--directory", "-d", help="Where the experiments lie.", show_default="retiarii-experiments"),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
State: TypeAlias = Literal["waiting", "running", "completed", "failed", "stopped", "interrupted"]


def list_(directory: Directory = None, as_json: AsJson = False) -> None:
    """List the experiments in a directory.

    Each with what it is up to, how far it is, and the best it has found. A record that can't be read is listed with the
    reason; folders without one are left out.
    """
    from retiarii.cli.listing import list_experiments  # noqa: PLC0415

    list_experiments(directory, as_json=as_json)


def show(
    name: Name,
    directory: Directory = None,
    top: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many of the best trials.")] = 10,
    failures: Annotated[bool, typer.Option("--failures", help="Print the whole errors of the last failures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is searched, how far it is, and the best.

    Beside that the settings, the last failures with their reasons, and how often it was resumed. Of several objectives
    the Pareto front is shown. It may be running, and neither PyTorch nor its code is needed.
    """
    from retiarii.cli.showing import show_experiment  # noqa: PLC0415

    show_experiment(name, directory, top=top, whole_errors=failures, as_json=as_json)


def trials(
    name: Name,
    directory: Directory = None,
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="What to write.")] = "table",
    state: Annotated[State | None, typer.Option(help="Only trials in this state.", show_default="all")] = None,
    sort: Annotated[
        Literal["number", "metric"], typer.Option(help="By number, or the best first by the primary objective.")
    ] = "number",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="At most so many.", show_default="all")
    ] = None,
) -> None:
    """Write trials as a table, as CSV or as JSON.

    They go to the standard output, one after another. csv has a column for each label (sample.LABEL) and each metric
    (metrics.NAME), json is one list of objects. Times are seconds since 1970. Text in csv that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    from retiarii.cli.writing import Selection, write_trials  # noqa: PLC0415

    write_trials(name, directory, form, Selection(state, sort, limit))


def export(
    name: Name,
    *,
    directory: Directory = None,
    top: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many of the best trials.")] = 1,
    form: Annotated[
        Literal["code", "json", "onnx", "pt2"],
        typer.Option("--format", help="PyTorch code, samples with metrics, an ONNX model, or a torch.export program."),
    ] = "code",
    space: Annotated[
        str | None,
        typer.Option(
            help="The space: an import path such as package.module:Class, or a name of the hub.",
            show_default="that of the experiment's config.yaml",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The folder to write to.", show_default="NAME-FORMAT; of json the screen")
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(
            help="For onnx and pt2: the shape of an input, such as 1,3,32,32; the first number counts examples.",
            show_default="what the space says",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write the best models to files.

    onnx and pt2 files are loaded again and must compute what the model computes. json needs no code of the space. The
    weights are fresh: a search records architectures; where trials have kept checkpoints, their paths are said.
    """
    from retiarii.cli.exporting import Order, export_models  # noqa: PLC0415

    order = Order(form, top, space_path=space, folder=output, input_shape=input_shape, overwrite=force)
    export_models(name, directory, order)


def space(
    path: Annotated[
        str,
        typer.Argument(
            help="An import path such as package.module:Class, or a name of the hub.",
            metavar="IMPORT.PATH",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the search space as JSON, for programs.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw it to this file: .svg, .mmd or .md.", show_default=False)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="A line for each label, instead of one for like ones.")] = False,
) -> None:
    """Describe a model space.

    How many models it has, what they cost, and what there is to choose.
    """
    from retiarii.cli.spaces import show_space  # noqa: PLC0415

    show_space(path, picture, as_json=as_json, full=full)


def plot(
    name: Name,
    directory: Directory = None,
    kind: Annotated[
        Literal["history", "pareto", "importance", "weights"], typer.Option(help="What the picture shows.")
    ] = "history",
    output: Annotated[
        Path | None,
        typer.Option(help="The file, overwritten if it is there: .png, .svg or .pdf.", show_default="NAME-KIND.png"),
    ] = None,
) -> None:
    """Draw a picture of an experiment.

    history: the primary objective by trial. pareto: the objectives against each other. importance: how much each label
    matters. weights: the architecture weights of a supernet by epoch.
    """
    from retiarii.cli.plotting import plot_experiment  # noqa: PLC0415

    plot_experiment(name, directory, kind, output)


def doctor(directory: Directory = None, as_json: AsJson = False) -> None:
    """Check versions, devices and storage.

    Also which extras are missing, and whether experiments can be recorded here. The exit code is 1 if something that is
    needed doesn't work.
    """
    from retiarii.cli.health import examine  # noqa: PLC0415

    examine(directory, as_json=as_json)
