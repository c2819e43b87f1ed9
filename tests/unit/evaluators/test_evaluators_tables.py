from evaluators import Estimate, Summary
from evaluators.tables import Group, change_table, response_table, results_table, samples_table


def summary(accuracy, low, high):
    measures = {
        "accuracy": Estimate(accuracy, low, high),
        "format_rate": Estimate(0.98, 0.97, 0.99),
        "truncated": Estimate(0.015, 0.01, 0.02),
        "response_length": Estimate(34.25, 33.0, 35.0),
    }
    return Summary(questions=200, responses=200, measures=measures)


def test_results_come_with_interval_and_groups_in_natural_order():
    table = results_table(
        {
            Group("hard"): summary(0.05, 0.02, 0.09),
            Group("easy", "level", "10"): summary(0.1, 0.0, 0.2),
            Group("easy", "level", "9"): summary(0.2, 0.1, 0.3),
            Group("easy"): summary(0.415, 0.35, 0.485),
        }
    )
    assert table.splitlines() == [
        "benchmark   questions  accuracy %          95 %  format %  truncated %  tokens",
        "easy              200        41.5  [35.0, 48.5]      98.0          1.5    34.2",
        "  level 9         200        20.0  [10.0, 30.0]      98.0          1.5    34.2",
        "  level 10        200        10.0   [0.0, 20.0]      98.0          1.5    34.2",
        "hard              200         5.0    [2.0, 9.0]      98.0          1.5    34.2",
    ]


def test_change_lists_what_was_measured_twice():
    before = {"easy": summary(0.1, 0.05, 0.15), "dropped": summary(0.5, 0.4, 0.6)}
    after = {"easy": summary(0.4, 0.3, 0.5)}
    table = change_table(before, after, {"easy": (0.3, 0.25, 0.3456)}, last=120)
    header, row = table.splitlines()
    assert " ".join(header.split()) == (
        "benchmark questions accuracy % at step 0 95 % at step 120 95 % change 95 %"
    )
    assert " ".join(row.split()) == (
        "easy 200 10.0 [5.0, 15.0] 40.0 [30.0, 50.0] +30.0 [+25.0, +34.6]"
    )
    assert len(header) == len(row)


def test_several_samples_get_a_table_of_their_own():
    several = summary(0.1, 0.05, 0.15)
    several.measures["pass_at_4"] = Estimate(0.3, 0.25, 0.35)
    several.measures["maj_at_4"] = Estimate(0.2, 0.15, 0.256)
    table = samples_table(
        {
            Group("one"): summary(0.5, 0.4, 0.6),
            Group("b"): several,
            Group("b", "level", "1"): several,
        }
    )
    assert table.splitlines() == [
        "benchmark  measure     %          95 %",
        "b           pass@4  30.0  [25.0, 35.0]",
        "b            maj@4  20.0  [15.0, 25.6]",
    ]
    assert samples_table({Group("one"): summary(0.5, 0.4, 0.6)}) == ""


def test_responses_are_what_a_table_shows_first_of_each_problem():
    row = {"problem_id": "a", "response": "so 2", "status": "correct", "reason": "", "answer": "2"}
    row |= {"gold": "2", "sample": 0, "length": 3, "prompt": "1+1=", "family": "sums"}
    table = response_table([row, row | {"problem_id": "b", "answer": None}, row], most=2)
    assert table["columns"][:2] == ["problem_id", "response"]
    cells = [dict(zip(table["columns"], line, strict=True)) for line in table["data"]]
    assert [(cell["problem_id"], cell["answer"]) for cell in cells] == [("a", "2"), ("b", None)]
    assert all(cell["prompt"] == "1+1=" for cell in cells)
