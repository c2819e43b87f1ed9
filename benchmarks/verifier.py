r"""Accuracy and speed of limr's verifier beside math-verify, on the same labelled rows in one run.

    python benchmarks/verifier.py --suites FOLDER --output benchmarks/results/verifier.json
    python benchmarks/verifier.py --markdown benchmarks/results/verifier.json

FOLDER holds JSONL files of rows {"gold", "prediction", "kind", "expected", "tag"}. A prediction of
kind `answer` is wrapped as `The answer is \boxed{...}`, so that every peer reads whole responses.

How it is measured. Each peer has one process with one thread, warmed up on answers of its own and
limited to 4 GiB. Peers take turns over batches of 25 rows, the first one changing, so that a busy
machine slows all alike. Every row is graded once. Its time is the wall time of the call inside that
process, extraction included; "per core" is rows over the sum of these times. A row that is not back
at the deadline is killed and counts as not accepted. docs/verifier.md says how each peer is called.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
from verifier_peers import LIMIT_S, PEERS, PeerProcess, Status

Table = list[dict[str, Any]]

BATCH = 25
GRACE_S = 0.3
FAILURES: tuple[Status, ...] = ("raised", "killed", "died", "executed")


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled answer."""

    suite: str
    part: str
    kind: str
    tag: str
    response: str
    gold: str
    expected: bool | None
    """None where both verdicts are accepted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a peer did with a row."""

    peer: str
    row: Row
    status: Status
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the verdict is the label."""
        return self.row.expected in (None, self.status == "accepted")


def read_rows(folder: Path) -> list[Row]:
    """The rows of every JSONL file, by file name.

    Raises:
        ValueError: If there is no such file.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise ValueError(f"--suites: no JSONL files in {folder}")
    return [
        _row(path.stem, json.loads(line))
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def _row(suite: str, fields: dict[str, Any]) -> Row:
    text = fields["prediction"]
    if text is None:
        text = "".join(part * times for part, times in fields["prediction_parts"])
    return Row(
        suite=suite,
        part=_part(suite, fields),
        kind=fields["kind"],
        tag=fields["tag"],
        response=text if fields["kind"] == "response" else rf"The answer is \boxed{{{text}}}",
        gold=fields["gold"],
        expected=None if fields.get("either") else fields["expected"],
    )


def _part(suite: str, fields: dict[str, Any]) -> str:
    """Rows that rules can decide, and those to be reported apart."""
    if fields.get("hostile"):
        return "hostile"
    if fields.get("policy") or fields["tag"] == "policy":
        return "policy"
    rule = fields["tag"] == "rule" or suite in ("adversarial", "meta_train")
    return "rule" if rule else "apart"


def measure(rows: Sequence[Row], names: Sequence[str], deadline_s: float) -> Iterator[Outcome]:
    """Every row by every peer, in alternating batches.

    Raises:
        RuntimeError: If a peer does not start.
    """
    peers: list[PeerProcess] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in names:
                peers.append(PeerProcess(name, folder, deadline_s))
            for turn, first in enumerate(range(0, len(rows), BATCH)):
                at = turn % len(peers)
                for peer in peers[at:] + peers[:at]:
                    for row in rows[first : first + BATCH]:
                        yield _graded(peer, row, Path(folder))
        finally:
            for peer in peers:
                peer.stop()


def _graded(peer: PeerProcess, row: Row, folder: Path) -> Outcome:
    """What a peer did; an answer that was executed leaves a file in its folder."""
    status, seconds = peer.grade(row.response, row.gold)
    for path in folder.iterdir():
        path.unlink()
        status = "executed"
    return Outcome(peer.name, row, status, seconds)


def grouped(outcomes: Iterable[Outcome], *keys: str) -> Iterator[tuple[dict[str, str], Any]]:
    """(peer and the row's `keys`, outcomes) for every group, in order of appearance."""
    groups: dict[tuple[str, ...], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.peer, *(getattr(outcome.row, key) for key in keys)].append(outcome)
    for values, members in groups.items():
        yield dict(zip(("peer", *keys), values, strict=True)), members


def accuracy(outcomes: Iterable[Outcome]) -> Table:
    """Right verdicts, false positives and false negatives by suite, part, kind and tag."""
    return [
        {
            **group,
            "rows": len(members),
            "right": sum(o.right for o in members),
            "false_positives": sum(not o.right and o.status == "accepted" for o in members),
            "false_negatives": sum(not o.right and o.status != "accepted" for o in members),
        }
        for group, members in grouped(outcomes, "suite", "part", "kind", "tag")
    ]


def latency(outcomes: Iterable[Outcome]) -> Table:
    """Answers per second and percentiles of the time for one, by suite, hostile rows apart."""
    ordinary = [o for o in outcomes if o.row.part != "hostile"]
    table = []
    for group, members in grouped(ordinary, "suite"):
        ms = [1000 * o.seconds for o in members]
        p50, p90, p99 = numpy.percentile(ms, (50, 90, 99))
        columns = {"p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max(ms)}
        columns["per_s"] = 1000 * len(ms) / sum(ms)
        rounded = {name: round(float(value), 3) for name, value in columns.items()}
        table.append({**group, "rows": len(ms), **rounded})
    return table


def hostile(outcomes: Iterable[Outcome]) -> Table:
    """How many hostile rows came back in time, and what became of the others."""
    return [
        {
            **group,
            "rows": len(members),
            "right": sum(o.right for o in members),
            "in_time": sum(
                o.seconds <= LIMIT_S + GRACE_S and o.status not in ("killed", "died")
                for o in members
            ),
            **{status: sum(o.status == status for o in members) for status in FAILURES},
            "max_s": round(max(o.seconds for o in members), 3),
        }
        for group, members in grouped(o for o in outcomes if o.row.part == "hostile")
    ]


TABLES = {"accuracy": accuracy, "latency": latency, "hostile": hostile}


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    packages = ("limr", "math-verify", "latex2sympy2_extended", "sympy", "mpmath")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def report(results: dict[str, Any]) -> str:
    """The results as Markdown tables."""
    facts, peers = results["machine"], results["peers"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    lines = [f"{facts['date']}, {facts['system']}, Python {facts['python']}, {versions}.", ""]
    lines += _table(["right (wrongly accepted)", "rows", *peers], _right(results, "suite", "part"))
    lines += _table(
        ["ordinary answers", "per s and core", "p50 (ms)", "p90", "p99", "max"],
        [
            [
                f"{row['suite']}, {row['peer']}",
                f"{row['per_s']:,.0f}",
                *(f"{row[key]:.2f}" for key in ("p50_ms", "p90_ms", "p99_ms", "max_ms")),
            ]
            for row in results["latency"]
            if row["rows"] >= 1000  # of fewer, the 99th percentile is a handful of rows
        ],
    )
    lines += _table(
        ["hostile answers", f"back in {LIMIT_S + GRACE_S:g} s", *FAILURES, "max (s)"],
        [
            [
                row["peer"],
                f"{row['in_time']} / {row['rows']}",
                *(str(row[status]) for status in FAILURES),
                f"{row['max_s']:.2f}",
            ]
            for row in results["hostile"]
        ],
    )
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of one Markdown table and a blank one; nothing without rows."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return [*lines, ""] if len(lines) > 2 else []


def _right(results: dict[str, Any], *keys: str) -> Iterator[list[str]]:
    """A line per group: its name, its rows, and each peer's share of right verdicts."""
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for row in results["accuracy"]:
        cell = groups.setdefault(tuple(row[key] for key in keys), {}).setdefault(
            row["peer"], [0] * 3
        )
        for place, count in enumerate(("rows", "right", "false_positives")):
            cell[place] += row[count]
    for names, cells in groups.items():
        shares = [
            f"{100 * right / rows:.1f} % ({wrongly})"
            for rows, right, wrongly in (cells[peer] for peer in results["peers"])
        ]
        yield [", ".join(names), str(cells[results["peers"][0]][0]), *shares]


def _dump(results: dict[str, Any]) -> str:
    """JSON with a line for each row of a table, so that two runs can be compared."""
    parts = []
    for key, value in results.items():
        text = json.dumps(value)
        if key in TABLES:
            text = "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write; or print what was written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--suites", type=Path, help="folder of labelled JSONL files: measure")
    source.add_argument("--markdown", type=Path, help="a file of results: print its tables")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[*PEERS])
    parser.add_argument("--output", type=Path, help="write the results here, as JSON")
    parser.add_argument("--deadline_s", type=float, default=10.0, help="seconds for one row")
    args = parser.parse_args(argv)
    if args.markdown:
        sys.stdout.write(report(json.loads(args.markdown.read_text(encoding="utf-8"))))
        return
    results = {"machine": machine(), "peers": args.peers, "deadline_s": args.deadline_s}
    outcomes = []
    for outcome in measure(read_rows(args.suites), args.peers, args.deadline_s):
        outcomes.append(outcome)
        if outcome.status in FAILURES:
            where = f"{outcome.row.suite}, {outcome.row.tag}"
            sys.stderr.write(
                f"{outcome.peer}: {outcome.status}, {outcome.seconds:.1f} s: {where}\n"
            )
    outcomes.sort(key=lambda outcome: args.peers.index(outcome.peer))
    results |= {name: tabulate(outcomes) for name, tabulate in TABLES.items()}
    by_tag = _right(results, "suite", "part", "kind", "tag")
    lines = _table(["right (wrongly accepted)", "rows", *args.peers], by_tag)
    sys.stdout.write("\n".join(lines) + "\n" + report(results))
    if args.output:
        args.output.write_text(_dump(results), encoding="utf-8")


if __name__ == "__main__":
    main()
