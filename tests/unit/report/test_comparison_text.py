import csv
from dataclasses import replace

import pytest
from comparison_toys import toy_run

from limr.report.comparison import compare
from limr.report.comparison_text import heading, summary, write_runs, write_table
from limr.report.runs import Found

RUNS = [
    toy_run("a", {"easy": {0: [0.0] * 4, 4: [1.0, 1.0, 0.0, 0.0]}}, arm="full", seed="1",
            tokens={0: 0.0, 4: 90.0}),
    toy_run("b, c", {"easy": {0: [0.0] * 4, 6: [1.0, 0.0, 0.0, 0.0]}}, arm="lim", seed="1"),
]  # fmt: skip
COMPARISON = compare(Found(RUNS, []), baseline="full", match="steps")


def test_the_summary_says_what_was_compared_and_how_they_fared():
    lines = summary(COMPARISON).splitlines()
    assert lines[0] == "compared with full at 4 steps, the most that every run reaches"
    full, lim = (line.split() for line in lines[3:])
    assert full == ["easy", "full", "1", "4", "50.0", "[15.0,", "85.0]", "-", "-", "14.0", "4"]
    assert lim[:5] == ["lim", "1", "0", "0.0", "[0.0,"]
    assert lim[6] == "-50.0"
    assert lim[-1] == "never"


@pytest.mark.parametrize(
    ("amount", "shown"), [(36.0, "36"), (0.0, "0"), (2.5, "2.5"), (123456789.0, "123,456,789")]
)
def test_amounts_are_written_out(amount, shown):
    line = heading(replace(COMPARISON, amount=amount))
    assert line.startswith(f"compared with full at {shown} steps")


def test_an_amount_that_was_asked_for_is_not_called_the_most():
    asked = replace(COMPARISON, amount=2, at_most=False)
    assert heading(asked) == "compared with full at 2 steps"


def test_the_file_has_every_measurement_of_every_run(tmp_path):
    write_runs(COMPARISON, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [
        (row["run"], row["step"], row["accuracy"], row["tokens"], row["compared"]) for row in rows
    ]
    assert kept == [
        ("a", "0", "0.0", "0.0", "0"),
        ("a", "4", "0.5", "90.0", "1"),
        ("b, c", "0", "0.0", "", "1"),
        ("b, c", "6", "0.25", "", "0"),
    ]
    assert rows[0]["questions"] == "4"
    assert rows[1]["response_length"] == "14.0"


def test_the_table_is_a_file_too(tmp_path):
    write_table(COMPARISON, tmp_path / "comparison.csv")
    with (tmp_path / "comparison.csv").open(newline="") as file:
        full, lim = csv.DictReader(file)
    assert (full["arm"], full["accuracy"], full["difference"], full["reached"]) == (
        "full", "0.5", "", "4",
    )  # fmt: skip
    assert (lim["arm"], lim["accuracy"], lim["reached"]) == ("lim", "0.0", "never")
    assert (lim["benchmark"], lim["seeds"], lim["last_step"]) == ("easy", "1", "0")
    assert float(lim["difference_low"]) < float(lim["difference"]) == -0.5
