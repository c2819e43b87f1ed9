import pytest

from limr.data import Benchmark, PlainTemplate, Suite
from limr.data.benchmark_set import BenchmarkSet
from limr.data.benchmarks import LAST_BOX
from limr.data.sources import ProblemSource
from limr.types import GradedResponses, Problem, Sampling
from limr.verifier import RuleReward

GREEDY = Sampling(temperature=0.0)


class Listed(ProblemSource):
    """Problems p0, p1, ... whose prompts have as many bytes as their number says."""

    def __init__(self, n, answer="1"):
        self.problems = [Problem(id=f"p{i}", prompt="x" * (i + 1), answer=answer) for i in range(n)]

    def load(self):
        return self.problems


class Shout(PlainTemplate):
    def encode(self, problems, tokenizer):
        return [ids + ids for ids in super().encode(problems, tokenizer)]


def benchmark(n=3, **options):
    return Benchmark(problems=Listed(n), sampling=GREEDY, **options)


def connected(tokenizer, own, *, limit=None, max_prompt_tokens=99, suite=None):
    benchmarks = BenchmarkSet(own, suite or Suite())
    benchmarks.limit = limit
    benchmarks.connect(tokenizer, PlainTemplate(), max_prompt_tokens=max_prompt_tokens)
    return benchmarks


def batches(benchmarks):
    loaders = benchmarks.loaders(batch_size=2, pad_token_id=0, rank=0, world_size=1)
    return [list(loader) for loader in loaders]


def test_a_batch_names_its_benchmark_sampling_and_grader(tokenizer):
    own = RuleReward()
    one, two = batches(connected(tokenizer, {"a": benchmark(grader=own), "b": benchmark(2)}))
    assert {(b.benchmark, b.sampling, b.grader) for b in one} == {("a", GREEDY, own)}
    assert two[0].grader.pool.checks == LAST_BOX


def test_a_benchmarks_own_template_counts(tokenizer):
    (batch,), (loud,) = batches(
        connected(tokenizer, {"a": benchmark(2), "b": benchmark(2, template=Shout())})
    )
    assert loud.prompt_mask.sum() == 2 * batch.prompt_mask.sum()


def test_a_limit_takes_the_first_questions_after_the_size_is_checked(tokenizer):
    benchmarks = connected(tokenizer, {"a": benchmark(5, size=5)}, limit=2)
    assert [p.id for p in benchmarks.problems("a")] == ["p0", "p1"]
    assert benchmarks.facts("a")["questions"] == 2


def test_a_too_long_prompt_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"benchmark 'a': 2 prompt\(s\) longer .* \(p4, p5\)"):
        connected(tokenizer, {"a": benchmark(6)}, max_prompt_tokens=4)


def test_measuring_some_takes_the_runs_own_before_files(tokenizer):
    benchmarks = BenchmarkSet({"math500": benchmark(), "b": benchmark()}, Suite())
    benchmarks.measure_only(["generated", "math500"])
    assert [*benchmarks] == ["math500", "generated"]
    assert benchmarks["math500"].size is None
    with pytest.raises(ValueError, match="no benchmark 'b5'"):
        benchmarks.measure_only(["b5"])


def test_names_must_be_usable_and_differ():
    with pytest.raises(ValueError, match="hold '/', got 'a/b'"):
        BenchmarkSet({"a/b": benchmark()}, Suite())
    with pytest.raises(ValueError, match="'math500' is in benchmarks and in suite"):
        BenchmarkSet({"math500": benchmark()}, Suite(names=("math500",)))


def test_facts_change_with_all_that_decides_a_result(tokenizer):
    noisy = Sampling(temperature=0.5)
    variants = [
        benchmark(),
        benchmark(4),
        benchmark(template=Shout()),
        benchmark(grader=RuleReward()),
        benchmark(version=2),
        Benchmark(problems=Listed(3), sampling=noisy),
        Benchmark(problems=Listed(3, answer="2"), sampling=GREEDY),
    ]
    facts = [connected(tokenizer, {"a": one}).facts("a") for one in variants]
    assert all(one != facts[0] for one in facts[1:])
    assert connected(tokenizer, {"a": benchmark()}).facts("a") == facts[0]


def test_recorded_responses_take_the_place_of_questions(tokenizer):
    graded = GradedResponses(
        problems=(), responses=(), verdicts=(), lengths=(), truncated=(), samples_per_prompt=1
    )
    benchmarks = connected(tokenizer, {"a": benchmark(), "b": benchmark()})
    benchmarks.recorded = {"a": graded}.get
    recorded, asked = batches(benchmarks)
    assert recorded == [graded]
    assert sum(len(batch.problems) for batch in asked) == 3
