import re

import pytest
import yaml

from limr.data import Benchmark, FileProblems, GeneratedProblems, HubProblems, Suite
from limr.data.benchmarks import (
    LAST_BOX,
    bad_golds,
    benchmark_files,
    check_benchmark,
    find_benchmark,
    read_recipe,
)
from limr.types import Problem, Sampling
from limr.verifier import GRADING_ONLY, RuleReward, Rules

FOUR = Sampling(temperature=0.4, top_p=0.95, max_response_tokens=3072, samples_per_prompt=4)
GREEDY = Sampling(temperature=0.0, max_response_tokens=3072)
SHIPPED = ["aime24", "aime25", "amc23", "generated", "generated_unseen", "gsm8k", "math500"]
SHIPPED += ["minerva", "olympiadbench"]


def write(folder, name="mine.yaml", **recipe):
    defaults = {
        "problems": {"class_path": "limr.data.GeneratedProblems", "init_args": {"size": 4}},
        "presets": {"paper": {"temperature": 0.0}},
    }
    path = folder / name
    path.write_text(yaml.safe_dump(recipe if "include" in recipe else {**defaults, **recipe}))
    return str(path)


def test_the_shipped_benchmarks_are_these():
    assert [*benchmark_files()] == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_benchmark_has_both_presets(name):
    (paper,) = Suite(names=(name,)).load().values()
    assert paper.sampling.samples_per_prompt == (4 if name[:3] in ("aim", "amc") else 1)
    (many,) = Suite(names=(name,), preset="avg32").load().values()
    assert (many.sampling.samples_per_prompt, many.sampling.temperature) == (32, 0.6)
    assert many.sampling.max_response_tokens == paper.sampling.max_response_tokens
    assert paper.grader.pool.checks == LAST_BOX


def test_the_papers_sampling():
    benchmarks = Suite(names=("aime24", "amc23", "math500")).load()
    assert [b.sampling for b in benchmarks.values()] == [FOUR, FOUR, GREEDY]
    assert [b.size for b in benchmarks.values()] == [30, 40, 500]


def test_a_source_is_the_hub_or_the_files_of_a_folder():
    hub, file = (Suite(names=("gsm8k",), files=files).load()["gsm8k"] for files in (None, "x/"))
    assert isinstance(hub.problems, HubProblems)
    assert (hub.problems.name, hub.problems.config) == ("openai/gsm8k", "main")
    assert isinstance(file.problems, FileProblems)
    assert file.problems.path == "x/gsm8k.jsonl"
    assert file.problems.columns.answer_after == "####"


@pytest.mark.parametrize(("name", "size"), [("aime24", 30), ("amc23", 40), ("math500", 500)])
def test_every_published_gold_passes_its_own_grader(shared_data, name, size):
    benchmark = Suite(names=(name,), files=str(shared_data / "benchmarks")).load()[name]
    problems = benchmark.problems.load()
    assert len(problems) == size
    check_benchmark(name, benchmark, problems, benchmark.grader)


def test_an_include_is_laid_below_key_by_key(tmp_path):
    write(tmp_path, "low.yaml", version=3, sampling={"max_response_tokens": 7, "top_p": 0.5})
    write(tmp_path, "middle.yaml", include="low.yaml", sampling={"top_p": 0.9})
    path = write(tmp_path, include="middle.yaml", presets={"quick": {"temperature": 0.0}})
    (benchmark,) = Suite(names=(path,), preset="quick").load().values()
    assert benchmark.version == 3
    assert benchmark.sampling == Sampling(temperature=0.0, top_p=0.9, max_response_tokens=7)
    assert isinstance(benchmark.problems, GeneratedProblems)


def test_a_suite_changes_the_length_of_all_responses(tmp_path):
    (benchmark,) = Suite(names=(write(tmp_path),), max_response_tokens=9).load().values()
    assert benchmark.sampling.max_response_tokens == 9


def test_benchmarks_that_grade_alike_share_a_grader(tmp_path):
    own = write(tmp_path, grader={"class_path": "limr.verifier.RuleReward"})
    benchmarks = Suite(names=("aime24", "math500", own)).load()
    assert benchmarks["aime24"].grader is benchmarks["math500"].grader
    assert benchmarks["mine"].grader is not benchmarks["math500"].grader


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"temprature": 1}, r"benchmark .*mine\.yaml: .*temprature"),
        ({"sampling": {"top_p": 2.0}}, r"mine\.yaml: .*top_p must be in \(0, 1\], got 2"),
        ({"presets": {"other": {}}}, r"mine\.yaml has no preset 'paper'; it has other"),
        ({"problems": {"file": {"path": "x"}}}, r"mine\.yaml names no source under problems\.hub"),
        ({"include": "mine.yaml"}, r"mine\.yaml includes mine\.yaml; .* cannot include itself"),
        ({"include": "absent.yaml"}, r"absent\.yaml cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path, recipe, message):
    with pytest.raises(ValueError, match=message):
        Suite(names=(write(tmp_path, **recipe),)).load()


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no benchmark 'math50'; there are aime24, .*math500"):
        find_benchmark("math50")
    with pytest.raises(ValueError, match=r"no benchmark file absent\.yaml"):
        find_benchmark("absent.yaml")


def test_a_benchmark_is_named_once(tmp_path):
    twin = write(tmp_path, "math500.yaml")
    with pytest.raises(ValueError, match="'math500' is named twice"):
        Suite(names=("math500", twin)).load()


def test_yaml_that_is_no_mapping_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("[1]")
    with pytest.raises(ValueError, match=re.escape(f"{path} must be a mapping of keys, got [1]")):
        read_recipe(path)


GRADER = RuleReward(checks=GRADING_ONLY)
GOOD = Problem(id="a", prompt="?", answer="3.14")
BAD = Problem(id="b", prompt="?", answer=r"\text{}")


def of(**options):
    source = GeneratedProblems(size=2)
    return Benchmark(problems=source, sampling=GREEDY, **options)


def test_golds_are_judged_by_the_benchmarks_own_grader():
    assert list(bad_golds([GOOD, BAD], GRADER)) == ["b"]
    assert bad_golds([GOOD], RuleReward(rules=Rules(rounded_digits=9))) == {}


def test_bad_golds_are_refused_or_kept(caplog):
    with pytest.raises(ValueError, match=r"'x': 1 gold answer\(s\) .* b: .*on_bad_gold"):
        check_benchmark("x", of(), [GOOD, BAD], GRADER)
    check_benchmark("x", of(on_bad_gold="warn"), [GOOD, BAD], GRADER)
    assert "no response to them can be right" in caplog.text


def test_another_number_of_questions_is_refused():
    with pytest.raises(ValueError, match="'x' has 1 questions, expected 2"):
        check_benchmark("x", of(size=2), [GOOD], GRADER)


def test_a_graders_text_names_all_that_verdicts_depend_on():
    texts = {
        repr(RuleReward(**options))
        for options in (
            {},
            {"checks": GRADING_ONLY},
            {"rules": Rules(rounded_digits=3)},
            {"timeout_s": 3.0},
        )
    }
    assert len(texts) == 4
    assert repr(RuleReward(workers=2)) == repr(RuleReward())
    assert not any(re.search("0x[0-9a-f]{6}", text) for text in texts)
