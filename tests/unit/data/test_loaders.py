from itertools import chain

import pytest
import torch

from limr.data.loaders import (
    BenchmarkLoader,
    Prompt,
    PromptLoader,
    collate,
    hashed_order,
    steps_per_epoch,
)
from limr.types import Problem, Sampling
from limr.verifier import RuleReward

PAD = 0
GRADER = RuleReward()
GREEDY = Sampling(temperature=0.0)


def prompts(n):
    """Prompt i has i % 3 + 1 tokens."""
    return [
        Prompt(problem=Problem(id=f"p{i}", prompt=str(i), answer="1"), ids=[7] * (i % 3 + 1))
        for i in range(n)
    ]


def loader(n=10, *, batch=4, coverage="exact", seed=3, **options):
    return PromptLoader(
        lambda epoch: prompts(n),
        pad_token_id=PAD,
        rollout_batch_size=batch,
        coverage=coverage,
        seed=seed,
        **options,
    )


def ids(batch):
    return [problem.id for problem in batch.problems]


def epoch_ids(loader, epoch):
    loader.set_epoch(epoch)
    return [ids(batch) for batch in loader]


def test_collate_pads_left_and_masks_by_length_even_where_a_prompt_holds_the_pad_token():
    problems = prompts(2)
    batch = collate([Prompt(problem=problems[0].problem, ids=[PAD, 5]), problems[0]], PAD, epoch=4)
    assert batch.prompt_ids.tolist() == [[0, 5], [0, 7]]
    assert batch.prompt_mask.tolist() == [[True, True], [False, True]]
    assert (batch.prompt_ids.dtype, batch.epoch) == (torch.int64, 4)
    assert (batch.benchmark, batch.sampling) == ("", None)


def test_exact_visits_each_problem_once_and_ends_short():
    batches = epoch_ids(loader(), 0)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert len(loader()) == 3
    assert sorted(chain.from_iterable(batches)) == sorted(f"p{i}" for i in range(10))


def test_drop_last_leaves_other_problems_out_each_epoch():
    dropping = loader(coverage="drop_last")
    assert len(dropping) == 2
    seen = [set(chain.from_iterable(epoch_ids(dropping, epoch))) for epoch in range(6)]
    assert {len(s) for s in seen} == {8}
    assert len({frozenset(s) for s in seen}) > 1


def test_the_paper_makes_eight_steps_of_its_problems():
    assert steps_per_epoch(8523, rollout_batch_size=1024, coverage="drop_last") == 8
    assert steps_per_epoch(8523, rollout_batch_size=1024, coverage="exact") == 9


def test_order_depends_on_seed_and_epoch_but_not_on_the_order_of_the_file():
    first, again, other = loader(), loader(), loader(seed=4)
    assert epoch_ids(first, 0) == epoch_ids(again, 0)
    assert epoch_ids(first, 0) != epoch_ids(first, 1)
    assert epoch_ids(first, 0) != epoch_ids(other, 0)
    names = [f"p{i}" for i in range(10)]
    assert hashed_order(names, 3, 0) == hashed_order(names[::-1], 3, 0)


def test_orders_are_uniform():
    """Each of the 6 orders of 3 ids, 3,000 keys: chi-squared with 5 degrees, 20.5 is p = 0.001."""
    counts = {}
    for key in range(3000):
        order = tuple(hashed_order(["a", "b", "c"], key))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert sum((n - 500) ** 2 / 500 for n in counts.values()) < 20.5


def test_batches_are_stamped_with_their_epoch():
    training = loader()
    training.set_epoch(5)
    assert {batch.epoch for batch in training} == {5}


@pytest.mark.parametrize("coverage", ["exact", "drop_last"])
def test_ranks_share_the_steps_of_one_rank(coverage):
    alone = epoch_ids(loader(coverage=coverage), 2)
    ranks = [epoch_ids(loader(coverage=coverage, rank=rank, world_size=2), 2) for rank in (0, 1)]
    for step, (left, right) in zip(alone, zip(*ranks, strict=True), strict=True):
        assert step[0::2] == left
        assert step[1::2] == right


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 5, "world_size": 2}, "rollout_batch_size 5 does not divide over 2 ranks"),
        ({"n": 9, "world_size": 2}, r"last step's 1 prompts .*set coverage: drop_last"),
        ({"n": 3, "coverage": "drop_last"}, "more than the 3 problems.*coverage: exact"),
    ],
)
def test_steps_that_cannot_be_shared_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        loader(**arguments)


def test_a_state_saved_after_any_step_goes_on_with_the_next():
    whole = [epoch_ids(loader(), epoch) for epoch in (0, 1)]
    for steps in range(4):
        saver = loader()
        iterator = iter(saver)
        taken = [ids(next(iterator)) for _ in range(steps)]
        resumed = loader()
        resumed.load_state_dict(saver.state_dict())
        assert len(resumed) == 3
        assert taken + [ids(batch) for batch in resumed] == whole[0]
        assert epoch_ids(resumed, 1) == whole[1]


def test_a_finished_epochs_state_starts_the_next_one_whole():
    saver, resumed = loader(), loader()
    assert len(list(saver)) == 3
    resumed.load_state_dict(saver.state_dict())
    assert epoch_ids(resumed, 1) == epoch_ids(loader(), 1)


def test_a_state_not_yet_taken_up_is_saved_as_it_came():
    saver, resumed = loader(), loader()
    next(iter(saver))
    resumed.load_state_dict(saver.state_dict())
    assert resumed.state_dict() == saver.state_dict()


def test_an_iterator_left_early_does_not_shorten_the_next():
    training = loader()
    next(iter(training))
    assert len(list(training)) == 3


@pytest.mark.parametrize("change", [{"n": 11}, {"batch": 5}, {"seed": 4}])
def test_resuming_mid_epoch_on_other_data_is_refused(change):
    saver, other = loader(), loader(**change)
    next(iter(saver))
    other.load_state_dict(saver.state_dict())
    with pytest.raises(ValueError, match="1 steps into epoch 0 of other problems"):
        next(iter(other))


@pytest.mark.parametrize(("n", "world_size", "batch"), [(9, 2, 4), (7, 3, 2), (30, 1, 64)])
def test_ranks_share_a_benchmark_in_equally_many_batches(n, world_size, batch):
    loaders = [
        BenchmarkLoader(
            prompts(n),
            name="b",
            sampling=GREEDY,
            grader=GRADER,
            pad_token_id=PAD,
            batch_size=batch,
            rank=rank,
            world_size=world_size,
        )
        for rank in range(world_size)
    ]
    batches = [list(one) for one in loaders]
    assert len({len(b) for b in batches}) == 1
    assert [len(one) for one in loaders] == [len(b) for b in batches]
    sizes = [len(b.problems) for share in batches for b in share]
    assert max(sizes) <= batch
    assert min(sizes) >= 1
    seen = [problem.id for share in batches for b in share for problem in b.problems]
    assert sorted(seen) == sorted(f"p{i}" for i in range(n))
    assert {(b.benchmark, b.sampling) for share in batches for b in share} == {("b", GREEDY)}


@pytest.mark.parametrize(("n", "batch"), [(1, 4), (9, 1)])
def test_a_rank_without_benchmark_work_is_refused(n, batch):
    with pytest.raises(ValueError, match=r"benchmark 'b': .* without work"):
        BenchmarkLoader(
            prompts(n),
            name="b",
            sampling=GREEDY,
            grader=GRADER,
            pad_token_id=PAD,
            batch_size=batch,
            world_size=2,
        )
