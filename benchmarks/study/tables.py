"""The tables of docs/results.md, from the committed CSV files alone.

A document marks where a table stands:

    <!-- study: arms -->
    ...
    <!-- end -->
"""

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

from benchmarks.study.cells import (
    difference,
    paired,
    percent,
    points,
    table_head,
    table_row,
    with_interval,
)
from benchmarks.study.plan import KEY, MAIN, TUNING
from benchmarks.study.published import Numbers, Row, affordable, averaged, by_run, distinct
from benchmarks.study.results import ALL, SHOWN_BENCHMARKS, Scope
from limr.report.comparison import AVERAGE

BUDGETS = (0.5, 1.0, 1.5, 2.0)
"""Of what FULL's whole run draws, selection included."""


def arms_table(found: Numbers) -> str:
    """Accuracy and difference to FULL after all steps, each base and all."""
    lines = table_head(["base", "arm", "seeds", *SHOWN_BENCHMARKS, "average less FULL's (95 %)"])
    for base in [*distinct(found.runs, "base"), ALL]:
        lines += [table_row([base, *line]) for line in _arm_lines(found.compared(Scope(base=base)))]
    return "\n".join(lines)


def early_table(found: Numbers) -> str:
    """The same at the early step, all bases."""
    lines = table_head(["arm", "seeds", *SHOWN_BENCHMARKS, "average less FULL's (95 %)"])
    rows = found.compared(Scope(base=ALL, at=found.early_step))
    return "\n".join([*lines, *map(table_row, _arm_lines(rows))])


def short_table(found: Numbers) -> str:
    """The average and its difference to FULL's, early and after all steps, all bases."""
    early, last = (found.compared(Scope(base=ALL, at=at)) for at in (found.early_step, None))
    lines = table_head(
        ["trained on", f"step {found.early_step}", "less `full` (95 %)", "last step", "less `full`"]
    )
    for arm, benchmark in early:
        if benchmark == AVERAGE:
            rows = (early[arm, AVERAGE], last[arm, AVERAGE])
            cells = [text for row in rows for text in (percent(row["accuracy"]), difference(row))]
            lines.append(table_row([f"`{arm}`", *cells]))
    return "\n".join(lines)


def lim_table(found: Numbers) -> str:
    """Each arm's average less LIM's, early and after all steps, all bases."""
    steps = (found.early_step, None)
    names = [f"step {found.early_step}: average less LIM's (95 %)", "last step"]
    early, last = (found.compared(Scope(base=ALL, at=at, baseline="lim")) for at in steps)
    lines = table_head(["arm", *names])
    for arm, benchmark in early:
        if benchmark == AVERAGE:
            cells = [difference(rows[arm, AVERAGE]) for rows in (early, last)]
            lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def equal_table(found: Numbers) -> str:
    """Each arm's average less FULL's where training drew as much: steps, tokens, visits."""
    scopes = [Scope(base=ALL, match=match) for match in ("steps", "tokens", "visits")]
    lines = table_head(["arm", *(f"equal {scope.match}: steps taken" for scope in scopes)])
    compared = [found.compared(scope) for scope in scopes]
    for arm in dict.fromkeys(arm for arm, _ in compared[0]):
        rows = [of_scope[arm, AVERAGE] for of_scope in compared]
        cells = [f"{difference(row)} at {_steps(row)}" for row in rows]
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def _steps(row: Row) -> str:
    first, last = row["first_step"], row["last_step"]
    return f"{first:g}" if first == last else f"{first:g} to {last:g}"


def _arm_lines(rows: Mapping[tuple[str, str], Row]) -> list[list[str]]:
    """By arm its seeds, its accuracy on each benchmark and its average's difference."""
    lines = []
    for arm in dict.fromkeys(arm for arm, _ in rows):
        average = rows[arm, AVERAGE]
        shown = [with_interval(rows[arm, name]) for name in SHOWN_BENCHMARKS]
        lines.append([arm, f"{average['seeds']:.0f}", *shown, difference(average)])
    return lines


def soon_table(found: Numbers) -> str:
    """The first measured step at which an arm has FULL's final accuracy, over all bases' seeds."""
    lines = table_head(["arm", *(f"{name}: median step (never)" for name in SHOWN_BENCHMARKS)])
    for arm in distinct(found.main(), "arm"):
        cells = []
        for name in SHOWN_BENCHMARKS:
            steps = _steps_to_full(found.main(), arm, name)
            reached = [step for step in steps if step is not None]
            middle = f"{median(reached):g}" if 2 * len(reached) > len(steps) else "-"
            cells.append(f"{middle} ({len(steps) - len(reached)} of {len(steps)})")
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def _steps_to_full(rows: Sequence[Row], arm: str, benchmark: str) -> list[float | None]:
    """By run; FULL's final accuracy is the mean of its runs of the same base."""
    found: list[float | None] = []
    for base in distinct(rows, "base"):
        of_base = [r for r in rows if (r["base"], r["benchmark"]) == (base, benchmark)]
        target = fmean(run[-1]["accuracy"] for run in by_run(of_base, "full"))
        for run in by_run(of_base, arm):
            reached = [row["step"] for row in run if row["accuracy"] >= target - 1e-6]
            found.append(reached[0] if reached else None)
    return found


def costs_table(found: Numbers) -> str:
    """What selection and training drew, thousands of responses and tokens, mean over runs."""
    lines = table_head(
        ["arm", "selection: responses", "tokens", "training: responses", "tokens", "visits"]
    )
    rows = averaged(found.main())
    for arm in distinct(rows, "arm"):
        last = [run[-1] for run in by_run(rows, arm)]
        kinds = ("selection_responses", "selection_tokens", "responses", "tokens")
        cells = [f"{fmean(row[kind] for row in last) / 1000:.1f}" for kind in kinds]
        lines.append(table_row([arm, *cells, f"{fmean(row['visits'] for row in last):.1f}"]))
    return "\n".join(lines)


def budget_table(found: Numbers) -> str:
    """The average at equal total responses, those of the selection included, and less FULL's.

    Intervals are Student's over the seeds' differences, each seed with its own FULL; questions are
    taken as they are.
    """
    rows = averaged(found.main())
    full = {run[0]["seed"]: run for run in by_run(rows, "full")}
    whole = fmean(run[-1]["responses"] for run in full.values())
    lines = table_head(["arm", *(f"{budget:g} x FULL" for budget in BUDGETS)])
    for arm in distinct(rows, "arm"):
        runs = by_run(rows, arm)
        cells = [_at_budget(runs, full, budget * whole) for budget in BUDGETS]
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def _at_budget(
    runs: Sequence[Sequence[Row]], full: Mapping[str, Sequence[Row]], responses: float
) -> str:
    """An arm's accuracy and, if it is not FULL, its difference; a dash where a run has no step."""
    reached = [affordable(run, responses) for run in runs]
    theirs = [affordable(full[run[0]["seed"]], responses) for run in runs]
    pairs = [
        (a["accuracy"], b["accuracy"]) for a, b in zip(reached, theirs, strict=True) if a and b
    ]
    if len(pairs) < len(runs):
        return "-"
    accuracy = percent(fmean(ours for ours, _ in pairs))
    if runs[0][0]["arm"] == "full":
        return accuracy
    return f"{accuracy}, {points(*paired([ours - other for ours, other in pairs]))}"


def ablations_table(found: Numbers) -> str:
    """Under each change of the problems: the average, and its difference to FULL's, early and last.

    The problems as they are: the same base, all its seeds.
    """
    early, base = found.early_step, found.runs[0]["base"]
    lines = table_head(
        [
            *("problems", "arm", "seeds", f"step {early}: average", "less FULL's (95 %)"),
            *("last step: average", "less FULL's (95 %)"),
        ]
    )
    rows = [row for row in found.intervals if row["ablation"] not in (MAIN, TUNING)]
    for ablation in (MAIN, *distinct(rows, "ablation")):
        scopes = [Scope(base=base, ablation=ablation, at=at) for at in (early, None)]
        compared = [found.compared(scope) for scope in scopes]
        there = {arm for arm, _ in compared[0]}
        for arm in (arm for arm in distinct(rows, "arm") if arm in there):
            averages = [of_scope[arm, AVERAGE] for of_scope in compared]
            cells = [text for row in averages for text in (with_interval(row), difference(row))]
            lines.append(
                table_row([_problems(ablation), arm, f"{averages[0]['seeds']:.0f}", *cells])
            )
    return "\n".join(lines)


def tuning_table(found: Numbers) -> str:
    """FULL's accuracy on `val` by step, for each learning rate tried, mean over its seeds."""
    rows = [r for r in found.runs if (r["ablation"], r["benchmark"]) == (TUNING, "val")]
    steps = sorted({row["step"] for row in rows})
    lines = table_head(["arm", "seeds", *(f"step {step:g}" for step in steps)])
    for arm in distinct(rows, "arm"):
        of_arm = [row for row in rows if row["arm"] == arm]
        means = [fmean(r["accuracy"] for r in of_arm if r["step"] == step) for step in steps]
        lines.append(table_row([arm, str(len(by_run(of_arm, arm))), *map(percent, means)]))
    return "\n".join(lines)


def mixed_table(found: Numbers) -> str:
    """Share of an arm's prompts whose samples were neither all right nor all wrong, by steps."""
    rows = [row for row in found.mixed if row["ablation"] == MAIN]
    blocks = sorted({(row["first_step"], row["last_step"]) for row in rows})
    lines = table_head(["arm", *(f"steps {first:g} to {last:g}" for first, last in blocks)])
    for arm in distinct(rows, "arm"):
        cells = []
        for block in blocks:
            here = [
                row
                for row in rows
                if (row["arm"], row["first_step"], row["last_step"]) == (arm, *block)
            ]
            prompts = sum(row["prompts"] for row in here)
            cells.append(percent(sum(row["mixed"] for row in here) / prompts) if prompts else "-")
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def picked_table(found: Numbers) -> str:
    """Problems that each method picked, by level, mean over selections; first how many are.

    Last, how many of its choice LIM has chosen from the same problems, too.
    """
    levels = distinct(found.selections, "level")
    lines = table_head(["problems", "arm", *levels, "LIM's, too"])
    for ablation in distinct(found.selections, "ablation"):
        rows = [row for row in found.selections if row["ablation"] == ablation]
        arms = distinct(rows, "arm")
        for arm, column in [("(all)", "problems"), *((arm, "picked") for arm in arms)]:
            of_arm = [row for row in rows if row["arm"] == ("lim" if arm == "(all)" else arm)]
            count = len({(row["base"], row["seed"]) for row in of_arm})
            sums = [sum(row[column] for row in of_arm if row["level"] == name) for name in levels]
            shared = sum(row["also_lim"] for row in of_arm)
            cells = [f"{total / count:.1f}" for total in (*sums, shared)]
            lines.append(table_row([_problems(ablation), arm, *cells]))
    return "\n".join(lines)


def guesses_table(found: Numbers) -> str:
    """How many guesses each method would pick, mean over seeds; last, how many any choice would."""
    counts = sorted({row["guesses"] for row in found.guesses})
    arms = distinct(found.guesses, "arm")
    lines = table_head(["arm", *(f"{count:g} beside them" for count in counts)])
    for arm in arms:
        of_arm = [row for row in found.guesses if row["arm"] == arm]
        means = [fmean(r["picked"] for r in of_arm if r["guesses"] == count) for count in counts]
        lines.append(table_row([arm, *(f"{mean:.1f}" for mean in means)]))
    first = found.selections[0]
    one = [row for row in found.selections if all(row[name] == first[name] for name in KEY)]
    problems, picked = (sum(row[column] for row in one) for column in ("problems", "picked"))
    chances = [f"{picked * count / (problems + count):.1f}" for count in counts]
    lines.append(table_row(["(any)", *chances]))
    return "\n".join(lines)


def _problems(ablation: str) -> str:
    return "as they are" if ablation == MAIN else ablation.replace("_", " ")


TABLES: Mapping[str, Callable[[Numbers], str]] = {
    "short": short_table,
    "arms": arms_table,
    "early": early_table,
    "lim": lim_table,
    "equal": equal_table,
    "soon": soon_table,
    "costs": costs_table,
    "budget": budget_table,
    "ablations": ablations_table,
    "mixed": mixed_table,
    "tuning": tuning_table,
    "guesses": guesses_table,
    "picked": picked_table,
}
"""By the name in a document's marks."""

_MARKED = re.compile(r"(<!-- study: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text: str, found: Numbers) -> str:
    """A document with its marked tables made anew.

    Raises:
        ValueError: If a mark names no table.
    """

    def table(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(f"no table {match[2]!r}; there are {', '.join(TABLES)}")
        return f"{match[1]}{TABLES[match[2]](found)}\n{match[4]}"

    return _MARKED.sub(table, text)
