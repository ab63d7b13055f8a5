"""Pictures: what they show, and that they need no display."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from retiarii import ExperimentError, Trial
from retiarii.experiment import History
from retiarii.experiment.canvas import short
from retiarii.experiment.plots import plot_history, plot_importance, plot_pareto

pytest.importorskip("matplotlib")

BOTH = {"accuracy": "maximize", "flops": "minimize"}


def history_of(metrics, objectives, samples=None):
    trials = [Trial(n, samples[n] if samples else {}).running().completed(found) for n, found in enumerate(metrics)]
    return History(objectives, trials)


def random_history(count, objectives, seed=0):
    """Accuracies near 93, and costs in millions; one trial in ten has failed or was stopped."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        width, depth = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        trial = Trial(number, {"width": width, "depth": depth}).running()
        found = {"accuracy": 92 + width / 5 + rng.random() / 10, "flops": 1e6 * width * depth, "latency": depth + 1.0}
        if number % 20 == 7:
            trials.append(trial.failed("Traceback"))
        elif number % 20 == 17:
            trials.append(replace(trial, state="stopped", metrics={"accuracy": 92.0} if number % 40 == 17 else {}))
        else:
            trials.append(trial.completed({name: found[name] for name in objectives}))
    return History(objectives, trials)


def entries(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def offsets(axes, index):
    """Where the dots of a collection are."""
    return axes.collections[index].get_offsets().tolist()


def with_stopped(values, count):
    """Trials with an accuracy from 0.93, but for those that were stopped at the given value."""
    trials = []
    for number in range(count):
        trial, reached = Trial(number, {}).running(), {"accuracy": values.get(number, 0.93 + number / 5000)}
        trials.append(trial.stopped(reached) if number in values else trial.completed(reached))
    return History({"accuracy": "maximize"}, trials)


def ticks(figure, axis):
    figure.canvas.draw()
    return [label.get_text() for label in axis.get_ticklabels()]


def line(axes, label):
    (found,) = [line for line in axes.get_lines() if line.get_label().startswith(label)]
    return found.get_xydata()


def test_history_shows_every_trial_and_the_best_so_far():
    history = random_history(200, {"accuracy": "maximize"})
    (axes,) = plot_history(history).axes
    completed = [trial for trial in history.trials if trial.state == "completed"]
    assert entries(axes) == [
        "completed (180)",
        f"best: {history.best.metric:.6g} (trial {history.best.number})",
        "stopped (5)",
        "stopped without a value (5)",
        "failed (10)",
    ]
    dots = axes.collections[0].get_offsets()
    assert dots.tolist() == [[trial.number, trial.metric] for trial in completed]
    best = line(axes, "best")
    assert best[:, 1].tolist() == np.maximum.accumulate([trial.metric for trial in completed]).tolist()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("trial", "accuracy (higher is better)")


def test_history_of_what_is_minimised_goes_down():
    history = history_of([{"loss": loss} for loss in (3.0, 2.0, 5.0, 1.0)], {"loss": "minimize"})
    (axes,) = plot_history(history).axes
    assert line(axes, "best")[:, 1].tolist() == [3.0, 2.0, 2.0, 1.0]
    assert axes.get_ylabel() == "loss (lower is better)"


def test_close_values_can_be_read():
    history = history_of([{"accuracy": 93.1 + step / 1000} for step in range(20)], {"accuracy": "maximize"})
    figure = plot_history(history)
    low, high = figure.axes[0].get_ylim()
    assert (low, high) == pytest.approx((93.1, 93.119), abs=0.003)
    assert all(label.startswith("93.1") or label.startswith("93.09") for label in ticks(figure, figure.axes[0].yaxis))


def test_what_is_far_worse_does_not_press_the_rest_together():
    metrics = [{"accuracy": 10.0 if number in (3, 8) else 93 + number / 100} for number in range(40)]
    (axes,) = plot_history(history_of(metrics, {"accuracy": "maximize"})).axes
    assert axes.get_ylim()[0] > 90
    assert entries(axes) == ["completed (40)", "best: 93.39 (trial 39)", "2 outside the frame (worse)"]
    assert offsets(axes, 1) == [[3.0, axes.get_ylim()[0]], [8.0, axes.get_ylim()[0]]]


def test_values_of_stopped_trials_are_inside_the_frame():
    history = with_stopped({0: 0.2, 3: 0.5, 5: 0.1, 9: 0.6, 10: 0.7, 12: 0.3, 14: 0.75, 15: 0.4, 18: 0.55}, count=20)
    (axes,) = plot_history(history).axes
    assert axes.get_ylim()[0] < 0.1
    assert entries(axes)[-1] == "stopped (9)"
    assert offsets(axes, 1) == [[trial.number, trial.metric] for trial in history.trials if trial.state == "stopped"]


def test_stopped_trials_that_are_far_worse_are_marked_and_counted_too():
    (axes,) = plot_history(with_stopped({4: 0.1, 9: 0.9299}, count=60)).axes
    assert axes.get_ylim()[0] > 0.9
    assert entries(axes)[-2:] == ["stopped (2)", "1 outside the frame (worse)"]
    assert offsets(axes, 2) == [[4.0, axes.get_ylim()[0]]]


def test_a_frame_is_rather_wide_than_leaves_something_out():
    sizes = [10.0 + number for number in range(20)] + [60.0]
    (axes,) = plot_history(history_of([{"gain": -size} for size in sizes], {"gain": "maximize"})).axes
    assert axes.get_ylim()[0] < -60.0


def test_a_grid_of_small_and_large_models_is_shown_whole():
    sizes = np.linspace(2e3**0.25, 638e3**0.25, 54) ** 4
    history = history_of([{"accuracy": n / 54, "flops": float(size)} for n, size in enumerate(sizes)], BOTH)
    axes = plot_pareto(history).axes[0]
    assert axes.get_xlim()[1] > 638e3
    assert entries(axes) == ["completed (54)", "Pareto front (54)"]


def test_a_tail_of_large_costs_is_shown_logarithmically():
    costs = [1.0 + number / 40 for number in range(40)] + [8.0, 12.0]
    (axes,) = plot_history(history_of([{"latency": cost} for cost in costs], {"latency": "minimize"})).axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[1] > 12.0
    assert not [entry for entry in entries(axes) if "outside" in entry]


def test_costs_of_different_sizes_are_shown_logarithmically():
    history = history_of([{"latency": 10.0**power} for power in range(-2, 4)], {"latency": "minimize"})
    figure = plot_history(history)
    assert figure.axes[0].get_yscale() == "log"
    assert {"0.01", "1", "100"} <= set(ticks(figure, figure.axes[0].yaxis))
    assert (
        plot_history(history_of([{"gain": 1.0}, {"gain": 1e6}], {"gain": "maximize"})).axes[0].get_yscale() == "linear"
    )


def test_large_numbers_are_short():
    figure = plot_history(history_of([{"flops": 1e6 * number} for number in (10, 20, 30)], {"flops": "minimize"}))
    assert {"10M", "20M", "30M"} <= set(ticks(figure, figure.axes[0].yaxis))


@pytest.mark.parametrize("value", [0.0, 93.1, -5e7])
def test_one_trial_is_a_picture_too(value):
    history = history_of([{"accuracy": value, "flops": 1.0}], BOTH, [{"width": 1}])
    for plot in (history.plot_history, history.plot_pareto, history.plot_importance):
        plot().canvas.draw()


@pytest.mark.parametrize(("direction", "steps"), [("minimize", "steps-post"), ("maximize", "steps-pre")])
def test_pareto_shows_the_front_as_a_staircase(direction, steps):
    points = [(1.0, 1.0), (2.0, 2.0), (1.5, 3.0), (3.0, 4.0), (4.0, 3.9)]
    objectives = {"accuracy": "maximize", "size": direction}
    history = history_of([{"accuracy": a, "size": s} for a, s in points], objectives)
    axes = plot_pareto(history).axes[0]
    front = sorted([trial.metrics["size"], trial.metrics["accuracy"]] for trial in history.pareto_front())
    assert line(axes, "Pareto front").tolist() == front
    (staircase,) = [line for line in axes.get_lines() if line.get_label().startswith("Pareto")]
    assert staircase.get_drawstyle() == steps
    assert axes.get_ylabel() == "accuracy (higher is better)"
    assert axes.get_xlabel().startswith("size (")
    assert entries(axes) == ["completed (5)", f"Pareto front ({len(front)})"]


def test_pareto_shows_all_of_the_front_but_not_what_is_far_worse():
    points = [(93.0 + number / 10, 10.0 + number) for number in range(20)] + [(20.0, 11.0), (15.0, 1.0)]
    history = history_of([{"accuracy": a, "flops": f} for a, f in points], BOTH)
    axes = plot_pareto(history).axes[0]
    assert axes.get_ylim()[0] < 15.0, "the cheapest is on the front"
    points.pop()
    history = history_of([{"accuracy": a, "flops": f} for a, f in points], BOTH)
    axes = plot_pareto(history).axes[0]
    assert axes.get_ylim()[0] > 90.0
    assert entries(axes)[:2] == ["completed (21)", "1 outside the frame (worse)"]
    assert [11.0, axes.get_ylim()[0]] in offsets(axes, 2)


@pytest.mark.parametrize("name", ["$\\frac{$", "a$b$c", "$" + "x" * 300 + "_{", "tab\tline\nnull\0\ud800"])
def test_names_are_written_as_they_are(name, tmp_path):
    samples = [{name: number % 3, "other": number % 2} for number in range(12)]
    metrics = [{name: float(number), "cost $ of $": 12.0 - number} for number in range(12)]
    history = history_of(metrics, {name: "maximize", "cost $ of $": "minimize"}, samples)
    for plot in (plot_history, plot_pareto, plot_importance):
        figure = plot(history)
        figure.savefig(tmp_path / "picture.svg")
        axes = figure.axes[0]
        assert not any(label.get_parse_math() for label in (axes.xaxis.label, axes.yaxis.label) if "$" in str(label))
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())


def test_names_are_on_one_line_and_shortened_in_the_middle():
    assert short("a$b$c") == "a$b$c"
    assert short("tab\tline\n") == "tab\\tline\\n"
    assert short("stage1" + "x" * 300 + "kernel", most=13) == "stage1…kernel"


@pytest.mark.parametrize(
    "values", [(1e308, -1.7e308, 3.0), (1e308, 1e300, 1e-320), (1e307, 1e307, 1e307), (1e-320,) * 3]
)
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_largest_and_smallest_numbers_are_drawn_without_warnings(values, direction):
    objectives = {"loss": direction, "flops": "minimize"}
    samples = [{"width": number % 3} for number in range(30)]
    metrics = [{"loss": values[number % 3], "flops": values[-1 - number % 3]} for number in range(30)]
    history = history_of(metrics, objectives, samples)
    for plot in (plot_history, plot_pareto, plot_importance):
        plot(history).canvas.draw()


def test_pareto_of_three_objectives_has_a_picture_for_each_pair():
    history = random_history(60, {**BOTH, "latency": "minimize"})
    *pictures, bar = plot_pareto(history).axes
    names = [(axes.get_ylabel().split()[0], axes.get_xlabel().split()[0]) for axes in pictures]
    assert names == [("accuracy", "flops"), ("accuracy", "latency"), ("flops", "latency")]
    assert all(len(line(axes, "Pareto front")) == len(history.pareto_front()) for axes in pictures)
    assert bar.get_ylabel() == "trial"


def test_pareto_needs_two_objectives():
    history = random_history(10, {"accuracy": "maximize"})
    message = r"^a Pareto front needs two objectives, and there is 'accuracy'; use plot_history\(\)$"
    with pytest.raises(ExperimentError, match=message):
        plot_pareto(history)


def test_importance_has_a_bar_for_each_label_and_a_panel_for_each_objective():
    figure = plot_importance(random_history(200, BOTH))
    first, second = figure.axes
    assert ticks(figure, first.yaxis) == ["width", "depth"]
    assert first.patches[0].get_width() > 0.9
    assert first.patches[1].get_width() < 0.1
    assert [axes.get_xlabel() for axes in figure.axes] == [f"share of the variance of\n{name}" for name in BOTH]
    assert second.patches[1].get_width() > 0.1


def test_importance_of_many_labels_shows_the_most_important():
    rng = np.random.default_rng(0)
    samples = [{f"label{index}": int(rng.integers(3)) for index in range(50)} for _ in range(40)]
    history = history_of(
        [{"accuracy": float(sample["label7"])} for sample in samples], {"accuracy": "maximize"}, samples
    )
    figure = plot_importance(history)
    (axes,) = figure.axes
    assert len(axes.patches) == 20
    assert ticks(figure, axes.yaxis)[0] == "label7"
    assert axes.get_title(loc="left") == "the 20 most important of 50 labels"


@pytest.mark.parametrize("plot", [plot_history, plot_pareto, plot_importance])
def test_nothing_completed_is_nothing_to_draw(plot):
    with pytest.raises(ExperimentError, match=r"^there is nothing to draw: of 1 trials none has completed$"):
        plot(History(BOTH, [Trial(0, {})]))


@pytest.mark.parametrize("plot", [plot_history, plot_pareto, plot_importance])
def test_names_what_to_install(plot, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExperimentError, match=r"install it with: pip install 'retiarii\[plot\]'$"):
        plot(random_history(10, BOTH))


def test_thousands_of_trials_are_a_small_file(tmp_path):
    history = random_history(10_000, BOTH)
    for plot in (plot_history, plot_pareto):
        plot(history).savefig(tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").stat().st_size < 2_000_000


def test_matplotlib_is_loaded_for_a_picture_only():
    code = "import sys, retiarii.experiment; assert not {'matplotlib', 'moocore'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_window_is_opened_and_no_global_state_changed():
    code = """
        import sys
        from retiarii import Trial
        from retiarii.experiment import History
        trial = Trial(0, {}).running().completed({"accuracy": 1.0})
        History({"accuracy": "maximize"}, [trial]).plot_history().canvas.draw()
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
