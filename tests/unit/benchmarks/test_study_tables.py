"""The tables from made-up numbers; those of docs/results.md from the committed ones."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from study_toys import TOY, write_results

from benchmarks.study.__main__ import DOCUMENTS
from benchmarks.study.figures import draw
from benchmarks.study.published import Numbers
from benchmarks.study.results import RUNS_FILE, Scope, read_csv, scopes
from benchmarks.study.tables import TABLES, filled

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return Numbers.read(folder)


def cells(table, *begin):
    """The cells behind those with which a row begins."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    (row,) = [row for row in rows if row[: len(begin)] == list(begin)]
    return row[len(begin) :]


def test_arms_are_shown_for_each_base_and_for_all(found):
    table = TABLES["arms"](found)
    full = cells(table, "embedded", "full")
    assert full == ["2", *["60.0 (55.0 to 65.0)"] * 3, "-"]
    assert cells(table, "all", "lim")[-1] == "+10.0 (+7.0 to +13.0)"
    assert table.splitlines()[2].startswith("| embedded | full |")
    assert len(table.splitlines()) == 2 + 3 * 10


def test_how_soon_an_arm_is_as_good_as_full(found):
    table = TABLES["soon"](found)
    # FULL ends at .61 and .62, on average .615; LIM is at .46 and .47, then at .71 and .72
    assert cells(table, "lim") == ["8 (0 of 4)"] * 3
    assert cells(table, "random") == ["- (4 of 4)"] * 3
    # of FULL's own two seeds the better one reaches the mean of both
    assert cells(table, "full") == ["- (2 of 4)"] * 3


def test_costs_and_equal_total_compute_count_the_selection(found):
    costs = TABLES["costs"](found)
    assert cells(costs, "lim") == ["0.8", "8.0", "0.8", "8.0", "2.0"]
    assert cells(costs, "pass_rate")[:2] == ["0.1", "1.0"]
    budget = TABLES["budget"](found)
    # FULL at half, at all and beyond: .2 + .05 x 4 or 8, + .015
    assert cells(budget, "full") == ["41.5", "61.5", "61.5", "61.5"]
    # LIM's selection costs all of FULL: half a run's worth later it has had 4 steps
    late = ["46.5, -15.0 (-15.0 to -15.0)", "71.5, +10.0 (+10.0 to +10.0)"]
    assert cells(budget, "lim") == ["-", "-", *late]
    # 100 responses of a sampling pass push 4 steps over the half
    assert [cell.split(",")[0] for cell in cells(budget, "pass_rate")] == [
        "-",
        "37.5",
        "53.5",
        "53.5",
    ]


def test_the_early_table_and_that_against_lim_are_of_all_bases(found):
    early = TABLES["early"](found)
    assert cells(early, "lim")[-1] == "+10.0 (+7.0 to +13.0)"
    assert len(early.splitlines()) == 2 + 10
    against = TABLES["lim"](found)
    assert "step 24" in against.splitlines()[0]
    assert cells(against, "full") == ["-10.0 (-13.0 to -7.0)"] * 2
    assert cells(against, "lim") == ["-", "-"]


def test_the_short_table_is_the_average_of_all_bases(found):
    assert cells(TABLES["short"](found), "`lim`") == ["70.0", "+10.0 (+7.0 to +13.0)"] * 2


def test_equal_amounts_say_at_which_steps(found):
    equal = TABLES["equal"](found)
    assert cells(equal, "full") == ["- at 8"] * 3
    assert cells(equal, "random") == ["-40.0 (-43.0 to -37.0) at 8"] * 3


def test_tuning_runs_are_a_table_of_their_own(found):
    assert cells(TABLES["tuning"](found), "full-lr-2e-4") == ["2", "21.5", "37.5", "53.5"]
    assert "tuning" not in TABLES["ablations"](found)


def test_ablations_stand_below_the_problems_as_they_are(found):
    lines = TABLES["ablations"](found).splitlines()[2:]
    first = [line.split(" | ")[0] for line in lines]
    assert first == ["| as they are"] * 3 + ["| many solved"] * 3


def test_what_was_picked_is_a_mean_over_selections(found):
    table = TABLES["picked"](found)
    assert cells(table, "as they are", "(all)") == ["12.0", "2.0", "10.0", "4.0"]
    assert cells(table, "as they are", "lim") == ["3.0", "0.0", "1.0", "4.0"]
    assert cells(table, "many solved", "mean_band") == ["0.5", "1.0", "1.0", "1.0"]
    assert cells(table, "as they are", "random") == ["0.5", "1.0", "1.0", "1.0"]


def test_guesses_stand_beside_what_any_choice_would_pick(found):
    table = TABLES["guesses"](found)
    assert table.splitlines()[0] == "| arm | 8 beside them | 24 beside them |"
    # seeds 1, 2, 11 and 12 pick 1, 2, 1 and 2; of 24 problems LIM picks 4
    assert cells(table, "lim") == ["1.5", "1.5"]
    assert cells(table, "(any)") == ["1.0", "2.0"]


def test_mixed_prompts_are_a_share_of_all_runs_prompts(found):
    # seeds 1, 2, 11 and 12 have 10, 20, 30 and 0 of 40
    assert cells(TABLES["mixed"](found), "lim") == ["37.5", "37.5"]
    shorter = [row for row in found.mixed if (row["arm"], row["first_step"]) != ("lim", 5)]
    assert cells(TABLES["mixed"](replace(found, mixed=shorter)), "lim") == ["37.5", "-"]


def test_a_document_is_filled_where_it_is_marked(found):
    text = "A\n<!-- study: soon -->\nold\n<!-- end -->\nB\n"
    once = filled(text, found)
    assert once == f"A\n<!-- study: soon -->\n{TABLES['soon'](found)}\n<!-- end -->\nB\n"
    assert filled(once, found) == once
    with pytest.raises(ValueError, match="no table 'none'"):
        filled("<!-- study: none -->\n<!-- end -->", found)


def test_figures_are_drawn_from_the_numbers_alone(found, tmp_path):
    files = draw(found, tmp_path)
    assert all(file.stat().st_size > 1000 for file in files)
    assert "online" in files[0].read_text()


def test_the_documents_tables_are_the_committed_numbers():
    found = Numbers.read(ROOT / "benchmarks/results")
    texts = [(ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS]
    for text in texts:
        assert filled(text, found) == text
    marked = set(re.findall(r"<!-- study: (\w+) -->", "".join(texts)))
    assert marked == set(TABLES)


def sizes(pattern, text):
    """What numbers the pattern finds, whatever their signs and order."""
    return {
        frozenset(abs(float(n)) for n in match.groups()) for match in re.finditer(pattern, text)
    }


def test_what_the_prose_of_the_results_says_stands_in_a_table():
    found = Numbers.read(ROOT / "benchmarks/results")
    tables = "\n".join(make(found) for make in TABLES.values())
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    prose = re.sub(r"<!-- study:.*?<!-- end -->", "", text, flags=re.DOTALL)
    for pattern in (r"([-+]?\d+\.\d)", r"([-+]?\d+\.\d)\s+to\s+([-+]?\d+\.\d)"):
        claimed = sizes(pattern, prose)
        assert len(claimed) > 10
        assert claimed <= sizes(pattern, tables)


def test_the_frozen_learning_rate_is_the_best_by_val():
    table = TABLES["tuning"](Numbers.read(ROOT / "benchmarks/results"))
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    best = max(rows, key=lambda row: float(row[-1]))[0]
    frozen = yaml.safe_load((ROOT / "experiments/study/full.yaml").read_text())
    rate = frozen["model"]["init_args"]["ppo"]["actor_lr"]
    assert float(best.removeprefix("full-lr-")) == float(rate)


def test_scopes_ask_mlflow_for_finished_runs_of_one_base_or_all():
    of_all = Scope(base="all")
    assert of_all in scopes(TOY)
    of_one = Scope(base="embedded", ablation="many_solved", at=24)
    assert of_one.filter == (
        "attributes.status = 'FINISHED' and tags.ablation = 'many_solved' "
        "and tags.base = 'embedded'"
    )
    assert of_one.flags[-6:] == ["--at", "24", "--benchmarks", "test", "harder", "unseen"]
    assert "tags.base" not in of_all.filter
    assert len({scope.folder for scope in scopes(TOY)}) == len(scopes(TOY))
    tuning = [scope for scope in scopes(TOY) if scope.ablation == "tuning"]
    assert [scope.benchmarks for scope in tuning] == [("val",)]


def test_numbers_keep_what_is_empty(tmp_path):
    write_results(tmp_path)
    assert read_csv(tmp_path / RUNS_FILE)[0]["base"] == "embedded"
    assert Numbers.read(tmp_path).intervals[0]["difference"] == ""
