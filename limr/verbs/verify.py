"""``limr verify``: grade predictions against gold answers, a JSONL file of them or one pair."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, get_args

from jsonargparse import set_parsing_settings
from tqdm import tqdm

from limr.files import whole_file
from limr.mistakes import OneLineParser, in_one_line
from limr.types import Status, Verdict
from limr.verifier import GRADING_ONLY, Checks, Kind, Rules, VerifierPool

Row = dict[str, Any]

CHUNK_ROWS = 500
"""Rows held in memory at once."""

_USAGE = """\
limr verify --input FILE.jsonl --output FILE.jsonl [options]
       limr verify --gold TEXT --prediction TEXT [options]"""

_DESCRIPTION = """\
Is a prediction the gold answer? For a file of rows, or for one pair.

Each row of the input is an object with "gold" and "prediction" (texts), and if it likes with
"kind" (over --kind) and, for a response, "truncated" (true: cut at the length limit). The output
has the same rows in the same order with four fields added, or replaced where a row has them:
  status    correct, wrong, malformed, gold_unparsable, timeout or error
  correct   true for status correct, false for any other
  answer    the answer that was compared, null where there is none
  reason    why it is malformed, or was not judged
All rows are looked at before the first is graded, and the output appears only when it is whole.
One pair prints its status, then its answer and its reason where there are any.

exit status: 0 graded, whatever the verdicts; 1 bad data, nothing is written; 2 misuse
"""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    parser = build_parser()
    given = parser.parse_args(_joined(args))
    missing = [given.input, given.output].count(None), [given.gold, given.prediction].count(None)
    if missing not in ((0, 2), (2, 0)):
        parser.error("give --input and --output, or --gold and --prediction")

    def work() -> None:
        checks, rules = Checks(**vars(given.checks)), Rules(**vars(given.rules))
        with VerifierPool(given.workers, given.timeout_s, checks=checks, rules=rules) as pool:
            if given.input is None:
                grade_pair(pool, given.gold, given.prediction, given.kind)
            else:
                grade_file(pool, Path(given.input), given.output, given.kind)

    return in_one_line(work)


def _joined(args: list[str]) -> list[str]:
    """`--gold -x` as `--gold=-x`: an answer may begin with a minus sign."""
    joined, rest = [], iter(args)
    for arg in rest:
        value = next(rest, None) if arg in ("--gold", "--prediction") else None
        joined.append(arg if value is None else f"{arg}={value}")
    return joined


def build_parser() -> OneLineParser:
    """The verb's flags."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = OneLineParser(prog="limr verify", usage=_USAGE, description=_DESCRIPTION)
    parser.add_argument("--input", type=str, metavar="FILE", help="JSONL file of rows to grade")
    parser.add_argument("--output", type=str, metavar="FILE", help="JSONL file to write, - prints")
    parser.add_argument("--gold", type=str, metavar="TEXT", help="one gold answer")
    parser.add_argument("--prediction", type=str, metavar="TEXT", help="its prediction")
    parser.add_argument(
        "--kind",
        type=Kind,
        default="answer",
        help="whether a prediction is a bare answer or a whole response, whose last \\boxed{} is "
        "graded and to which --checks apply",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that grade side by side")
    parser.add_argument("--timeout_s", type=float, default=2.0, help="seconds for one answer")
    parser.add_argument(
        "--checks",
        type=Checks,
        default=GRADING_ONLY,
        help="when a response is malformed; training's limits on boxes, strange characters and "
        "repetition are off",
    )
    parser.add_argument(
        "--rules", type=Rules, default=Rules(), help="what counts as the same answer"
    )
    return parser


def grade_pair(pool: VerifierPool, gold: str, prediction: str, kind: Kind) -> None:
    """Print one verdict: the status, then the answer and the reason where there are any."""
    (verdict,) = pool.map([(prediction, gold)], kinds=[kind])
    lines: list[str] = [verdict.status]
    if verdict.answer is not None:
        lines.append(f"answer: {verdict.answer}")
    if verdict.reason:
        lines.append(f"reason: {verdict.reason}")
    sys.stdout.write("\n".join(lines) + "\n")


def grade_file(pool: VerifierPool, source: Path, output: str, kind: Kind) -> None:
    """Grade a JSONL file's rows in order, in constant memory, and say on stderr what came out.

    Args:
        pool: Grades.
        source: The rows.
        output: The file to write, - is standard output.
        kind: The kind of rows that name none.

    Raises:
        ValueError: If the input cannot be read, a row is none (before anything is graded), or the
            output cannot be written or is the input.
    """
    total = sum(1 for _row in read_rows(source))
    counts: Counter[str] = Counter()
    rows = read_rows(source)
    with (
        _opened(output, source) as file,
        tqdm(total=total, desc="graded", unit=" rows", disable=None) as bar,
    ):
        while chunk := list(islice(rows, CHUNK_ROWS)):
            for row, verdict in zip(chunk, grade(pool, chunk, kind), strict=True):
                counts[verdict.status] += 1
                file.write(json.dumps({**row, **columns(verdict)}) + "\n")
            bar.update(len(chunk))
    sys.stderr.write(summary(counts) + "\n")


def _opened(output: str, source: Path) -> AbstractContextManager[TextIO]:
    if output == "-":
        return nullcontext(sys.stdout)
    path = Path(output)
    if path.exists() and path.samefile(source):
        raise ValueError(f"--output {output} is the input; write to another file")
    return whole_file(path)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL file one by one; empty lines are passed over.

    Raises:
        ValueError: Naming the file and the line that is no row.
    """
    if not path.is_file():  # a pipe cannot be read twice
        raise ValueError(f"--input {path}: no such file, or no regular one")
    try:
        file = path.open("rb")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield read_row(line, f"{path}, line {number}")


def read_row(line: bytes, where: str) -> Row:
    """One row, its fields looked at.

    Raises:
        ValueError: Naming `where` and what is wrong there.
    """
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON in UTF-8 ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"{where}: expected an object, found {_name(row)}")
    for field in ("gold", "prediction"):
        if field not in row:
            raise ValueError(f"{where}: no {field!r} among {sorted(row)}")
        if not isinstance(row[field], str):
            raise ValueError(f"{where}: {field!r} must be text, found {_name(row[field])}")
    kinds = get_args(Kind)
    if row.get("kind", kinds[0]) not in kinds:
        raise ValueError(f"{where}: 'kind' must be one of {kinds}, found {row['kind']!r}")
    if not isinstance(row.get("truncated", False), bool):
        raise ValueError(f"{where}: 'truncated' must be true or false, found {row['truncated']!r}")
    return row


def _name(value: object) -> str:
    return "null" if value is None else type(value).__name__


def grade(pool: VerifierPool, rows: Sequence[Row], kind: Kind) -> list[Verdict]:
    """The rows' verdicts; `kind` is that of rows that name none."""
    return pool.map(
        [(row["prediction"], row["gold"]) for row in rows],
        [row.get("truncated", False) for row in rows],
        [row.get("kind", kind) for row in rows],
    )


def columns(verdict: Verdict) -> Row:
    """What a verdict adds to its row."""
    return {
        "status": verdict.status,
        "correct": verdict.status == "correct",
        "answer": verdict.answer,
        "reason": verdict.reason,
    }


def summary(counts: Counter[str]) -> str:
    """One line: the rows, the share that is correct, the statuses there are."""
    total = counts.total()
    if not total:
        return "graded 0 row(s)"
    shown = ", ".join(f"{status} {counts[status]}" for status in get_args(Status) if counts[status])
    return f"graded {total} row(s): {counts['correct'] / total:.1%} correct ({shown})"
