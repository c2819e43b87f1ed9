"""A comparison as one HTML page that needs nothing else: no server, no network, no other file."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from limr.report.comparison import AVERAGE, Comparison
from limr.report.comparison_figures import Figure
from limr.report.comparison_text import difference_text, heading, steps_text
from limr.report.examples import Example
from limr.report.intervals import Estimate
from limr.report.runs import Run
from limr.report.text_tables import percent

_TEMPLATES = Path(__file__).parent / "templates"


def page(
    comparison: Comparison,
    figures: Sequence[Figure],
    examples: Sequence[Example],
    notes: Sequence[str],
    *,
    title: str,
    folder: Path,
) -> str:
    """The page's HTML.

    Names and texts of runs are shown as text, whatever is in them. Scripts and styles other than
    the page's own do not run and nothing is fetched: its policy names them by their digests.

    Args:
        comparison: What was found.
        figures: What was drawn.
        examples: Problems with their answers.
        notes: What a reader should know.
        title: The page's title.
        folder: Where the figures' files are.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "steps": steps_text,
        "difference": difference_text,
        "verdict": _verdict,
        "last_step": _last_step,
    }
    style, script = (
        (_TEMPLATES / name).read_text("utf-8") for name in ("comparison.css", "comparison.js")
    )
    return environment.get_template("comparison.html.j2").render(
        title=title,
        heading=heading(comparison),
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        comparison=comparison,
        benchmarks=sorted(comparison.benchmarks, key=lambda name: name != AVERAGE),
        captions={
            **{name: f"{count} questions" for name, count in comparison.questions.items()},
            AVERAGE: f"{len(comparison.questions)} benchmarks",
        },
        soon_heads=[("arm", 0), *((name, 1) for name in comparison.questions)],
        soon=[(arm.name, _soon(comparison, arm.name)) for arm in comparison.arms],
        figures=[(figure, _embedded(folder / f"{figure.name}.svg")) for figure in figures],
        examples=examples,
        notes=notes,
    )


def _policy(style: str, script: str) -> str:
    """A content security policy that allows this style, this script and embedded images only."""
    kinds = {"style-src": style, "script-src": script}
    allowed = [
        f"{kind} 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in kinds.items()
    ]
    nothing = ["default-src 'none'", "base-uri 'none'", "form-action 'none'"]
    return "; ".join([*nothing, "img-src data:", *allowed])


def _embedded(svg: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.read_bytes()).decode()}"


def _verdict(difference: Estimate) -> str:
    """The style of a difference: one that may be 0 has none."""
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "open"


def _last_step(run: Run) -> int:
    return max(max(steps) for steps in run.measured.values())


def _soon(comparison: Comparison, arm: str) -> list[tuple[str, str]]:
    """By benchmark the text of one cell and what it is sorted by: the mean over seeds."""
    cells = []
    for name in comparison.questions:
        (row,) = (row for row in comparison.rows_of(name) if row.arm == arm)
        text = ", ".join("never" if step is None else str(step) for step in row.reached)
        known = [step for step in row.reached if step is not None]
        mean = sum(known) / len(known) if len(known) == len(row.reached) else None
        cells.append((text, "Infinity" if mean is None else str(mean)))
    return cells
