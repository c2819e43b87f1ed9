"""A selection's report to read, from its numbers."""

from collections.abc import Sequence
from typing import Any

_ROWS_SHOWN = 30
"""Names of a family or level in the Markdown report, the largest; report.json has all."""

_CAPTIONS = {
    "scores": "Scores of all problems and of the chosen",
    "curves": "Mean accuracy of the chosen and the rejected against the average, with the band "
    "that holds the middle 80 % of the problems",
    "by_mean_accuracy": "Problems by mean accuracy",
    "methods": "Overlap between the methods, each choosing as many problems",
    "early": "The selection from the first epochs against the final one",
}


def summary(found: dict[str, Any], output: str) -> str:
    """A few lines for the terminal, the count first."""
    lines = [
        f"selected {found['chosen']} of {found['problems']} problems ({found['share']:.1%}) by "
        f"{found['method']}, {found['rule']}: {output}"
    ]
    if unscored := found["problems"] - found["scored"]:
        lines.append(f"no score: {unscored} problems")
    if "epochs" in found:
        accuracy, runs = found["mean_accuracy"], found["two_runs"]
        lines += [
            f"mean accuracy: {_fixed(accuracy['chosen'])} of the chosen, "
            f"{_fixed(accuracy['all'])} of all",
            f"two runs would share {_percent(runs['mean'])} of the selection (95 %: "
            f"{_percent(runs['low'])} to {_percent(runs['high'])}), by the luck of sampling alone",
        ]
        if (enough := enough_epochs(found)) is not None and len(found["epochs"]) > 1:
            lines.append(
                f"as near to this selection as two runs are: from {enough} of "
                f"{len(found['epochs'])} epochs on"
            )
    lines += found["notes"]
    return "\n".join(lines)


def enough_epochs(found: dict[str, Any]) -> int | None:
    """From how many epochs on the selection is as near to the final one as two runs' are."""
    enough = None
    for row in reversed(found["early"]):
        if row["overlap"] is None or row["overlap"] < found["two_runs"]["mean"]:
            break
        enough = row["epochs"]
    return enough


def markdown(found: dict[str, Any], figures: Sequence[str]) -> str:
    """The report as Markdown; figures lie beside it."""
    parts = ["# Selection", *_sizes(found, figures)]
    if "epochs" in found:
        parts += [*_curves(found), *_stability(found, figures), *_methods(found)]
    for name, rows in found["composition"].items():
        parts += [f"## By {name}", *_composition(name, rows)]
    return "\n\n".join(parts) + "\n"


def _sizes(found: dict[str, Any], figures: Sequence[str]) -> list[str]:
    rows = [
        ("from", found["source"]),
        ("method", found["method"]),
        ("rule", found["rule"]),
        ("problems", found["problems"]),
        ("with a score", found["scored"]),
        ("chosen", f"**{found['chosen']}** ({found['share']:.1%})"),
        ("lowest score chosen", _score(found["lowest_chosen_score"])),
        ("highest score rejected", _score(found["highest_rejected_score"])),
    ]
    table = _table(["", ""], [[name, str(value)] for name, value in rows])
    return [table, *found["notes"], *_figures(["scores"], figures)]


def _curves(found: dict[str, Any]) -> list[str]:
    means = found["mean_accuracy"]
    text = (
        f"{found['responses']} responses over {len(found['epochs'])} epochs. Mean accuracy over "
        f"the epochs: {_fixed(means['chosen'])} of the chosen, {_fixed(means['rejected'])} of the "
        f"rejected, {_fixed(means['all'])} of all."
    )
    figures = _figures(["curves", "by_mean_accuracy"], ["curves", "by_mean_accuracy"])
    table = _composition("mean accuracy", found["by_mean_accuracy"])
    return ["## Curves", text, *figures, *table]


def _stability(found: dict[str, Any], figures: Sequence[str]) -> list[str]:
    runs = found["two_runs"]
    text = (
        f"Two runs that differ by the luck of sampling alone would share "
        f"{_percent(runs['mean'])} of their selections ({runs['pairs']} simulated pairs, 95 % of "
        f"them {_percent(runs['low'])} to {_percent(runs['high'])}); a real second run trains "
        "another policy besides, so its selection would differ more."
    )
    if len(found["epochs"]) == 1:
        return ["## Stability", text]
    enough = enough_epochs(found)
    early = (
        "No selection from fewer epochs is as near to this one as two runs' are."
        if enough is None or enough == len(found["epochs"])
        else f"From {enough} epochs on, the selection is as near to this one as two runs' are. "
        "(The first epochs are part of all epochs, two runs share nothing: this flatters early "
        "selections a little.)"
    )
    rows = [
        [str(row["epochs"]), _fixed(row["rank_correlation"]), _fixed(row["overlap"])]
        for row in found["early"]
    ]
    table = _table(["first epochs", "rank correlation", "overlap with this selection"], rows)
    return ["## Stability", text, early, *_figures(["early"], figures), table]


def _methods(found: dict[str, Any]) -> list[str]:
    methods = found["methods"]
    rows = [
        [name, _fixed(correlation), *(_fixed(value) for value in shared)]
        for name, correlation, shared in zip(
            methods["names"], methods["rank_correlation"], methods["overlap"], strict=True
        )
    ]
    text = (
        f"Every method at its defaults, choosing {found['chosen']} problems: the rank correlation "
        "of its scores with this selection's, and the share of problems that each two choices "
        "have in common."
    )
    head = ["", "rank correlation", *methods["names"]]
    return ["## Beside the other methods", text, *_figures(["methods"], ["methods"]),
            _table(head, rows)]  # fmt: skip


def _composition(name: str, rows: list[dict[str, Any]]) -> list[str]:
    shown = rows
    if len(rows) > _ROWS_SHOWN:
        largest = sorted(rows, key=lambda row: -row["problems"])[:_ROWS_SHOWN]
        shown = [row for row in rows if row in largest]
    cells = [
        [row["name"] or "-", str(row["problems"]), str(row["chosen"]), _percent(row["share"])]
        for row in shown
    ]
    table = _table([name, "problems", "chosen", "share"], cells)
    more = len(rows) - len(shown)
    return [table, f"And {more} smaller ones, see report.json."] if more else [table]


def _figures(names: Sequence[str], drawn: Sequence[str]) -> list[str]:
    return [f"![{_CAPTIONS[name]}]({name}.svg)" for name in names if name in drawn]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |"
        for line in lines
    )


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
