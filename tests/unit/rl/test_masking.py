import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from hypothesis import given
from hypothesis import strategies as st
from rl_batches import POISONS, kept_rows, normal, poison, ragged_mask, random_lengths
from rl_ranks import whiten_a_share

from limr.rl.masking import masked_mean, masked_sum, moments, whiten

LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=6)


def variance(x, mask):
    return moments(x, mask)[1]


def batch(seed, rows=6, longest=9):
    rng = np.random.default_rng(seed)
    mask = ragged_mask(random_lengths(rng, rows, longest))
    return normal(rng, mask, scale=3.0) + 1.5, mask


@pytest.mark.parametrize("seed", range(5))
def test_reductions_are_those_of_the_kept_entries(seed):
    x, mask = batch(seed)
    kept = np.array([value for row in kept_rows(x, mask) for value in row])
    assert masked_sum(x, mask).item() == pytest.approx(kept.sum(), abs=1e-9)
    assert masked_mean(x, mask).item() == pytest.approx(kept.mean(), abs=1e-9)
    assert variance(x, mask).item() == pytest.approx(kept.var(ddof=0), abs=1e-9)


def test_moments_of_two_shares_are_those_of_the_whole():
    x, mask = batch(2)
    shares = [(x[::2], mask[::2]), (x[1::2], mask[1::2])]
    kept = [share.masked_fill(~keep, 0.0) for share, keep in shares]
    mean = moments(x, mask)[0]
    partial_sums = iter(
        [
            torch.stack([kept[1].sum(), shares[1][1].sum().double()]),
            (kept[1] - mean).masked_fill(~shares[1][1], 0.0).square().sum().reshape(1),
        ]
    )
    together = moments(*shares[0], reduce=lambda own: own + next(partial_sums))
    torch.testing.assert_close(together, moments(x, mask))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_reductions_along_a_dimension(dim):
    x, mask = batch(3)
    lines = kept_rows(x, mask) if dim != 0 else kept_rows(x.T, mask.T)
    for function, expected in [
        (masked_sum, [np.sum(line) for line in lines]),
        (masked_mean, [np.mean(line) for line in lines]),
    ]:
        torch.testing.assert_close(
            function(x, mask, dim=dim), torch.tensor(expected, dtype=torch.float64)
        )


@pytest.mark.parametrize("function", [masked_sum, masked_mean])
def test_an_empty_selection_gives_zero(function):
    x, mask = torch.tensor([[np.nan, np.inf], [3.0, 3.0]]), torch.tensor([[False] * 2, [True] * 2])
    assert moments(x, torch.zeros_like(mask)) == (0.0, 0.0)
    assert function(x, torch.zeros_like(mask)).item() == 0.0
    assert function(x, mask, dim=1)[0].item() == 0.0


def test_integers_and_half_precision_are_reduced_in_float32():
    mask = torch.ones(4096, dtype=torch.bool)
    assert masked_sum(torch.ones(4096, dtype=torch.bfloat16), mask).item() == 4096
    assert masked_mean(torch.ones(4096, dtype=torch.bool), mask).dtype == torch.float32


def test_variance_survives_a_large_mean():
    x = torch.tensor([[4096.0, 4097.0, 4098.0]])
    mask = torch.ones_like(x, dtype=torch.bool)
    assert variance(x, mask).item() == pytest.approx(2 / 3, rel=1e-6)
    torch.testing.assert_close(whiten(x, mask), torch.tensor([[-1.0, 0.0, 1.0]]) * 1.5**0.5)


@pytest.mark.parametrize("value", POISONS)
@pytest.mark.parametrize("function", [masked_sum, masked_mean, variance, whiten])
def test_what_lies_under_the_mask_is_never_read(function, value):
    x, mask = batch(7)
    weights = torch.linspace(-1, 2, x.numel(), dtype=x.dtype).reshape(x.shape)
    outcomes = []
    for start in (poison(x, mask, 0.0), poison(x, mask, value)):
        start.requires_grad_()
        result = function(start, mask)
        (result * (weights if result.ndim else 1.0)).sum().backward()
        outcomes.append((result.detach(), start.grad))
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=0, atol=0)
    assert not outcomes[1][1][~mask].any()


@pytest.mark.parametrize("shift_mean", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_whiten_against_numpy(seed, shift_mean):
    x, mask = batch(seed)
    kept = np.array([value for row in kept_rows(x, mask) for value in row])
    expected = (kept - kept.mean()) / np.sqrt(kept.var() + 1e-8)
    if not shift_mean:
        expected = expected + kept.mean()
    whitened = whiten(x, mask, shift_mean=shift_mean)
    flat = [value for row in kept_rows(whitened, mask) for value in row]
    np.testing.assert_allclose(flat, expected, rtol=0, atol=1e-9)
    assert not whitened[~mask].any()


def test_whiten_of_constant_or_missing_input_is_zero():
    mask = ragged_mask([2, 1])
    assert not whiten(torch.full((2, 2), 0.1), mask).any()
    assert not whiten(torch.full((2, 2), np.nan), torch.zeros_like(mask)).any()


@given(
    lengths=LENGTHS.filter(lambda lengths: sum(lengths) >= 2),
    scale=st.floats(0.01, 100),
    shift=st.floats(-100, 100),
    seed=st.integers(0, 2**32 - 1),
)
def test_whiten_forgets_scale_and_shift(lengths, scale, shift, seed):
    mask = ragged_mask(lengths)
    x = normal(np.random.default_rng(seed), mask)
    x[0] += 1.0
    whitened = whiten(scale * x + shift, mask)
    spread = variance(scale * x, mask).item()
    assert masked_mean(whitened, mask).item() == pytest.approx(0, abs=1e-6)
    assert variance(whitened, mask).item() == pytest.approx(spread / (spread + 1e-8), rel=1e-6)


def test_whiten_sums_over_the_parts_that_reduce_names():
    x, mask = batch(11)
    parts = [(x[:2], mask[:2]), (x[2:], mask[2:])]
    kept = np.array([value for row in kept_rows(x, mask) for value in row])
    squares = ((kept - kept.mean()) ** 2).sum()
    everyone = [torch.tensor([kept.sum(), kept.size]), torch.tensor([squares])]
    for part, part_mask in parts:
        sums = iter(everyone)
        torch.testing.assert_close(
            whiten(part, part_mask, reduce=lambda _, sums=sums: next(sums)),
            ((part - kept.mean()) / kept.std()).masked_fill(~part_mask, 0.0),
        )


@pytest.mark.integration
def test_whiten_on_two_ranks_is_whiten_of_everything(tmp_path):
    x, mask = batch(5)
    torch.save((x, mask), tmp_path / "batch.pt")
    mp.spawn(whiten_a_share, args=(str(tmp_path),), nprocs=2)
    shares = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]

    kept = x[mask].numpy()
    expected = torch.from_numpy((x.numpy() - kept.mean()) / kept.std()).masked_fill(~mask, 0.0)
    torch.testing.assert_close(torch.cat([shares[0][0], shares[1][0]]), expected)

    kept = x[2:][mask[2:]].numpy()
    expected = torch.from_numpy((x[2:].numpy() - kept.mean()) / kept.std())
    assert not shares[0][1].any(), "a rank without tokens takes part and stays zero"
    torch.testing.assert_close(shares[1][1], expected.masked_fill(~mask[2:], 0.0))


@pytest.mark.parametrize("function", [masked_sum, masked_mean, variance, whiten])
def test_shape_and_dtype_of_the_mask_are_checked(function):
    with pytest.raises(ValueError, match=r"x and mask must share one shape"):
        function(torch.zeros(2, 3), torch.ones(2, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="mask must be bool"):
        function(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.int64))
