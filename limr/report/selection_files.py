"""A selection's report on disk, and what MLflow shows of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from limr.files import whole_file
from limr.report.selection import Selection
from limr.report.selection_figures import draw_selection
from limr.report.selection_text import markdown


def write_report(found: Mapping[str, Any], selection: Selection, folder: Path) -> list[Path]:
    """Write ``report.json``, ``report.md``, the figures, the chosen ids and every problem's score.

    ``ids.txt`` has one id per line. ``scores.jsonl`` has a row ``{"id", "score", "chosen"}`` for
    each problem, so that another threshold can be tried without the trajectories.

    Returns:
        The files that were written.

    Raises:
        ValueError: If a file cannot be written.
    """
    with whole_file(folder / "report.json") as file:
        json.dump(found, file, indent=1, allow_nan=False)
    with whole_file(folder / "ids.txt") as file:
        file.writelines(f"{identifier}\n" for identifier in selection.chosen_ids)
    with whole_file(folder / "scores.jsonl") as file:
        for row in zip(selection.problem_ids, selection.scores, selection.chosen, strict=True):
            score = None if np.isnan(row[1]) else float(row[1])
            line = {"id": str(row[0]), "score": score, "chosen": bool(row[2])}
            file.write(json.dumps(line) + "\n")
    figures = draw_selection(dict(found), folder)
    with whole_file(folder / "report.md") as file:
        file.write(markdown(dict(found), figures))
    names = ["report.json", "report.md", "ids.txt", "scores.jsonl"]
    names += [f"{figure}.{suffix}" for figure in figures for suffix in ("svg", "png")]
    return [folder / name for name in names]


def metrics(found: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """Names, values and steps (epochs used, 0 where there are none) of what MLflow shows."""
    values = [(f"select/{name}", found[name], 0) for name in ("problems", "scored", "chosen")]
    values.append(("select/share", found["share"], 0))
    if "epochs" in found:
        values += [(f"select/mean_accuracy/{k}", v, 0) for k, v in found["mean_accuracy"].items()]
        values += [(f"select/two_runs/{k}", v, 0) for k, v in found["two_runs"].items()]
        shared = zip(found["methods"]["names"], found["methods"]["overlap"][0], strict=True)
        values += [(f"select/overlap/{name}", v, 0) for name, v in list(shared)[1:]]
        for row in found["early"]:
            for name in ("rank_correlation", "overlap"):
                values.append((f"select/early/{name}", row[name], row["epochs"]))
    return [(name, float(value), step) for name, value, step in values if value is not None]
