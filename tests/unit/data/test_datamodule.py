import json
import logging

import pytest
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningDataModule

from limr.data import (
    Benchmark,
    ChatTemplate,
    Columns,
    Exemplar,
    FileProblems,
    MathDataModule,
    PlainTemplate,
)
from limr.data.benchmarks import problems_digest
from limr.data.sources import ProblemSource
from limr.models.tiny import build_tokenizer
from limr.types import Problem, Sampling

GREEDY = Sampling(temperature=0.0)
UNREADABLE = r"\text{}"


class Listed(ProblemSource):
    """Problems p0, p1, ... whose prompts have as many bytes as their number says."""

    def __init__(self, n=10, answer="1"):
        self.problems = [Problem(id=f"p{i}", prompt="x" * (i + 1), answer=answer) for i in range(n)]

    def load(self):
        return self.problems


def module(tokenizer, source=None, *, connect=True, **options):
    options = {"template": PlainTemplate(), "rollout_batch_size": 4, **options}
    data = MathDataModule(source or Listed(), **options)
    if connect:
        data.connect(tokenizer)
    return data


def ids(batches):
    return [problem.id for batch in batches for problem in batch.problems]


def test_batches_hold_the_templates_tokens(tokenizer):
    data = module(tokenizer, template=ChatTemplate(system="Solve."))
    for batch in data.train_dataloader():
        assert batch.prompt_ids.shape == batch.prompt_mask.shape
        for row, problem in enumerate(batch.problems):
            text = tokenizer.decode(batch.prompt_ids[row][batch.prompt_mask[row]])
            assert text == f"<|system|>Solve.<|user|>{problem.prompt}<|assistant|>"


def test_the_runs_seed_decides_the_order_unless_one_is_given(tokenizer, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    seven = ids(module(tokenizer).train_dataloader())
    assert ids(module(tokenizer, seed=7).train_dataloader()) == seven
    monkeypatch.setenv("PL_GLOBAL_SEED", "8")
    assert ids(module(tokenizer).train_dataloader()) != seven
    assert ids(module(tokenizer, seed=7).train_dataloader()) == seven


def test_too_long_prompts_are_dropped_with_their_number(tokenizer, caplog):
    with caplog.at_level(logging.WARNING):
        data = module(tokenizer, max_prompt_tokens=4)
    assert [p.id for p in data.problems] == ["p0", "p1", "p2", "p3"]
    assert "dropped 6 of 10 training problems: prompts longer than max_prompt_tokens 4" in (
        caplog.text
    )


def test_a_limit_that_no_prompt_meets_is_refused(tokenizer):
    with pytest.raises(ValueError, match="at most 2 tokens; raise max_prompt_tokens"):
        module(tokenizer, template=ChatTemplate(), max_prompt_tokens=2)


def test_golds_the_verifier_cannot_read_are_refused_or_dropped(tokenizer, caplog):
    source = Listed()
    source.problems[3] = Problem(id="bad", prompt="?", answer=UNREADABLE)
    with pytest.raises(
        ValueError, match=r"1 gold answer\(s\) cannot be graded: bad: .*on_bad_gold"
    ):
        module(tokenizer, source)
    with caplog.at_level(logging.WARNING):
        data = module(tokenizer, source, on_bad_gold="drop")
    assert "dropped 1 problem(s) with ungradable golds: bad: " in caplog.text
    assert len(data.problems) == 9


def test_benchmarks_come_in_their_order_with_name_and_sampling(tokenizer):
    noisy = Sampling(temperature=0.4, samples_per_prompt=4)
    benchmarks = {
        "z": Benchmark(problems=Listed(5), sampling=GREEDY),
        "a": Benchmark(problems=Listed(2), sampling=noisy),
    }
    data = module(tokenizer, benchmarks=benchmarks, eval_batch_size=3)
    batches = [list(loader) for loader in data.val_dataloader()]
    assert [[len(b.problems) for b in one] for one in batches] == [[2, 3], [2]]
    assert [(b.benchmark, b.sampling) for one in batches for b in one] == [
        ("z", GREEDY),
        ("z", GREEDY),
        ("a", noisy),
    ]


def test_validation_alone_does_not_read_the_training_problems(tokenizer):
    benchmarks = {"b": Benchmark(problems=Listed(2), sampling=GREEDY)}
    data = module(tokenizer, FileProblems("absent.json"), benchmarks=benchmarks, connect=False)
    data.connect(tokenizer, train=False)
    assert len(data.val_dataloader()) == 1


def test_training_without_problems_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"data\.problems names nothing to train on"):
        MathDataModule().connect(tokenizer)


def test_a_random_subset_has_its_size_and_grows_by_nesting(tokenizer):
    def subset(n, seed=0):
        return {p.id for p in module(tokenizer, num_problems=n, sample_seed=seed).problems}

    assert [len(subset(n)) for n in (1, 5, 10)] == [1, 5, 10]
    assert subset(3) < subset(5)
    assert len({frozenset(subset(3, seed)) for seed in range(5)}) > 1
    with pytest.raises(ValueError, match="num_problems 11 is more than the 10 usable"):
        subset(11)


@pytest.mark.parametrize("content", ["p3\n\n p5 \n", '{"id": "p3", "score": 1}\n{"id": "p5"}\n'])
def test_an_ids_file_restricts_training(tokenizer, tmp_path, content):
    path = tmp_path / "ids"
    path.write_text(content)
    assert [p.id for p in module(tokenizer, ids_file=str(path)).problems] == ["p3", "p5"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("p3\nq1\n", "ids_file .* 1 of 2 ids are not among the training problems: q1"),
        ("\n", "holds no ids"),
        ('{"name": "p3"}', "line 1: expected an object with an id"),
    ],
)
def test_an_unusable_ids_file_is_refused(tokenizer, tmp_path, content, message):
    path = tmp_path / "ids"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        module(tokenizer, ids_file=str(path))


def test_train_on_waits_for_the_next_epoch(tokenizer):
    data = module(tokenizer)
    loader = data.train_dataloader()
    batches = iter(loader)
    next(batches)
    data.train_on(["p1", "p2"])
    assert len(list(batches)) == 2
    loader.set_epoch(1)
    assert sorted(ids(loader)) == ["p1", "p2"]
    assert len(loader) == 1


def test_train_on_before_training_holds_from_the_start(tokenizer):
    data = module(tokenizer)
    data.train_on({"p1", "p2"})
    assert sorted(ids(data.train_dataloader())) == ["p1", "p2"]
    assert len(data.problems) == 10


def test_train_on_refuses_unknown_ids_and_none(tokenizer):
    data = module(tokenizer)
    with pytest.raises(ValueError, match="train_on: 1 of 2 ids are not among"):
        data.train_on(["p1", "q"])
    with pytest.raises(ValueError, match="train_on: no ids were given"):
        data.train_on([])


def test_state_restores_selection_and_position(tokenizer):
    saver = module(tokenizer)
    loader = saver.train_dataloader()
    batches = iter(loader)
    first = ids([next(batches)])
    saver.train_on(["p1", "p2"])
    state = json.loads(json.dumps(saver.state_dict()))

    for built_before_loading in (False, True):
        resumed = module(tokenizer)
        if built_before_loading:
            resumed_loader = resumed.train_dataloader()
        resumed.load_state_dict(state)
        if not built_before_loading:
            resumed_loader = resumed.train_dataloader()
        assert first + ids(resumed_loader) == ids(module(tokenizer).train_dataloader())
        resumed_loader.set_epoch(1)
        assert sorted(ids(resumed_loader)) == ["p1", "p2"]


def test_a_selection_of_other_problems_is_refused_on_resume(tokenizer):
    saver = module(tokenizer)
    saver.train_on(["p9"])
    resumed = module(tokenizer, Listed(5))
    resumed.load_state_dict(saver.state_dict())
    with pytest.raises(ValueError, match="the checkpoint's selection: 1 of 1 ids"):
        resumed.train_dataloader()


def test_digest_names_the_training_set(tokenizer):
    shuffled = Listed()
    shuffled.problems.reverse()
    digest = module(tokenizer).digest()
    assert len(digest) == 64
    assert module(tokenizer, shuffled, template=ChatTemplate()).digest() == digest
    assert module(tokenizer, Listed(answer="2")).digest() != digest
    assert module(tokenizer, Listed(9)).digest() != digest


def test_a_benchmark_is_named_as_a_training_set_is(tokenizer):
    data = module(tokenizer, benchmarks={"b": Benchmark(problems=Listed(), sampling=GREEDY)})
    assert data.benchmarks.problems("b") == Listed().problems
    assert problems_digest(data.benchmarks.problems("b")) == data.digest()


def test_what_could_be_trained_on_is_counted_without_what_nobody_could(tokenizer, tmp_path):
    (tmp_path / "ids").write_text("p1\np2\np7\n")  # p7 is too long
    options = {"max_prompt_tokens": 6}
    assert module(tokenizer, **options).problems_available == 6
    assert module(tokenizer, num_problems=2, **options).problems_available == 6
    chosen = module(tokenizer, ids_file=str(tmp_path / "ids"), **options)
    assert (len(chosen.problems), chosen.problems_available) == (2, 2 + 7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rollout_batch_size": 0}, "rollout_batch_size must be >= 1, got 0"),
        ({"num_problems": 0}, "num_problems must be >= 1"),
    ],
)
def test_bad_arguments_are_refused(tokenizer, options, message):
    with pytest.raises(ValueError, match=message):
        module(tokenizer, connect=False, **options)


def test_a_tokenizer_without_pad_token_is_refused(tokenizer):
    unpadded = build_tokenizer(["1"], 262)
    unpadded.pad_token = None
    with pytest.raises(ValueError, match="no pad token"):
        module(unpadded)


YAML = r"""
data:
  class_path: limr.data.MathDataModule
  init_args:
    problems:
      class_path: limr.data.FileProblems
      init_args: {path: problems.json, on_bad_row: skip, sha256: null}
    benchmarks:
      amc23:
        problems:
          class_path: limr.data.FileProblems
          init_args: {path: amc.jsonl, columns: {id: null, prompt: question}, id_prefix: amc23-}
        sampling: {temperature: 0.4, samples_per_prompt: 4}
      gym:
        problems:
          class_path: limr.data.ReasoningGymProblems
          init_args: {tasks: {gcd: 2, lcm: 1}, size: 100, split: test}
        sampling: {temperature: 0.0}
      hub:
        problems:
          class_path: limr.data.HubProblems
          init_args: {name: owner/set, split: test, revision: abc}
        sampling: {}
    template:
      class_path: limr.data.ChatTemplate
      init_args:
        system: Put your final answer within \boxed{}.
        exemplars: [{prompt: 1+1, response: "\\boxed{2}"}]
    rollout_batch_size: 1024
    coverage: drop_last
    num_problems: 1389
"""


def test_a_configuration_file_makes_the_whole_module():
    parser = ArgumentParser()
    parser.add_subclass_arguments(LightningDataModule, "data")
    config = parser.parse_string(YAML)
    data = parser.instantiate(config).data
    assert (data.rollout_batch_size, data.coverage, data.num_problems) == (1024, "drop_last", 1389)
    amc = data.benchmarks["amc23"]
    assert amc.problems.columns == Columns(id=None, prompt="question", answer="answer")
    assert amc.sampling == Sampling(temperature=0.4, samples_per_prompt=4)
    assert data.benchmarks["gym"].problems.weights == {"gcd": 2.0, "lcm": 1.0}
    assert data.benchmarks["hub"].problems.revision == "abc"
    assert data.template.system == r"Put your final answer within \boxed{}."
    assert data.template.exemplars == [Exemplar(prompt="1+1", response=r"\boxed{2}")]
    dumped = parser.dump(config, skip_unset=False)
    assert parser.dump(parser.parse_string(dumped), skip_unset=False) == dumped


def test_the_papers_data_fill_eight_steps(shared_data, tokenizer):
    questions = Columns(id=None, prompt="question")
    benchmarks = {
        name: Benchmark(
            problems=FileProblems(
                str(shared_data / "benchmarks" / f"{name}.jsonl"), columns=questions
            ),
            sampling=GREEDY,
        )
        for name in ("aime24", "amc23", "math500")
    }
    data = MathDataModule(
        FileProblems(str(shared_data / "limr" / "math.8k.json"), on_bad_row="skip"),
        benchmarks,
        rollout_batch_size=1024,
        coverage="drop_last",
        max_prompt_tokens=4096,
    )
    data.connect(tokenizer)
    assert [len(batch.problems) for batch in data.train_dataloader()] == [1024] * 8
    sizes = [len(ids(loader)) for loader in data.val_dataloader()]
    assert sizes == [30, 40, 500]
