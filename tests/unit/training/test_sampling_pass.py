import pytest

from limr.data import PlainTemplate
from limr.tables import Columns, read_problem_rows
from limr.training.sampling_pass import SamplingPass
from limr.trajectories import problems_file, read_trajectories
from limr.types import Problem

PROBLEMS = [Problem(id=f"p{i}", prompt=f"{i}+1=", answer=str(i + 1)) for i in range(5)]


def build(**options):
    sizes = {"samples": 3, "max_response_tokens": 16, "batch_size": 2}
    return SamplingPass("embedded:tiny-base", template=PlainTemplate(), **sizes | options)


def test_every_problem_gets_its_samples_in_one_epoch(tmp_path):
    build().run(PROBLEMS, str(tmp_path))
    rows = read_trajectories(tmp_path).to_pydict()
    pairs = zip(rows["problem_id"], rows["sample"], rows["step"], strict=True)
    assert list(pairs) == [(f"p{i}", k, i // 2) for i in range(5) for k in range(3)]
    asked = read_problem_rows(problems_file(tmp_path), Columns())
    assert [row.id for row in asked] == [problem.id for problem in PROBLEMS]
    assert {*rows["epoch"]} == {*rows["policy_version"]} == {0}
    assert {*rows["run_id"]} == {"sampling-pass:embedded:tiny-base"}
    assert all(1 <= length <= 16 for length in rows["response_length"])
    for score, status in zip(rows["score"], rows["status"], strict=True):
        assert score == {"correct": 1.0, "wrong": -0.5, "malformed": -1.0}[status]


def test_the_seed_decides_the_draws(tmp_path):
    texts = []
    for name, seed in (("one", 0), ("again", 0), ("another", 1)):
        build(seed=seed).run(PROBLEMS, str(tmp_path / name))
        texts.append(read_trajectories(tmp_path / name, ["response"]).to_pydict()["response"])
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_a_store_is_not_sampled_into_again(tmp_path):
    build().run(PROBLEMS[:1], str(tmp_path))
    with pytest.raises(ValueError, match="holds trajectories already"):
        build().run(PROBLEMS, str(tmp_path))


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="batch_size must be >= 1"):
        build(batch_size=0)
    with pytest.raises(ValueError, match="samples_per_prompt"):
        build(samples=0)
