import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rl_batches import POISONS, kept_rows, normal, poison, ragged_mask, random_lengths

from limr.rl.aggregation import loss_denominator
from limr.rl.losses import explained_variance, kl_loss, policy_loss, value_loss

MODES = [("token", None), ("sequence", None), ("constant", 7.0)]
SEEDS = st.integers(0, 2**32 - 1)


def weights_by_hand(mask, aggregate, normalizer):
    lengths = [int(row.sum()) for row in mask]
    responses = sum(length > 0 for length in lengths)
    return {
        "token": [1 / sum(lengths) for _ in lengths],
        "sequence": [1 / (responses * length) if length else 0.0 for length in lengths],
        "constant": [1 / (responses * (normalizer or 1)) for _ in lengths],
    }[aggregate]


def weighted(terms, mask, aggregate="token", normalizer=None):
    weights = weights_by_hand(mask, aggregate, normalizer)
    return math.fsum(w * term for w, row in zip(weights, terms, strict=True) for term in row)


def policy_batch(seed, rows=6, longest=8, scale=0.3):
    rng = np.random.default_rng(seed)
    mask = ragged_mask(random_lengths(rng, rows, longest))
    logprobs = -normal(rng, mask).abs() - 0.1
    return logprobs + normal(rng, mask, scale), logprobs, normal(rng, mask), mask


def value_batch(seed, rows=6, longest=8):
    rng = np.random.default_rng(seed)
    mask = ragged_mask(random_lengths(rng, rows, longest))
    values = normal(rng, mask)
    return values + normal(rng, mask, 0.4), values, normal(rng, mask), mask


def policy_terms(new, old, advantages, mask, low, high):
    """Per token: loss, whether the clip bit, k3, ratio; scalar arithmetic only."""
    terms = []
    rows = [kept_rows(x, mask) for x in (new, old, advantages)]
    for row in zip(*rows, strict=True):
        terms.append([])
        for new_logprob, logprob, advantage in zip(*row, strict=True):
            ratio = math.exp(new_logprob - logprob)
            bounded = min(max(ratio, 1 - low), 1 + high)
            gain = min(ratio * advantage, bounded * advantage)
            bites = bounded * advantage < ratio * advantage
            terms[-1].append((-gain, bites, ratio - 1 - math.log(ratio), ratio))
    return terms


def value_terms(new, old, returns, mask, clip):
    terms = []
    rows = [kept_rows(x, mask) for x in (new, old, returns)]
    for row in zip(*rows, strict=True):
        terms.append([])
        for value, old_value, target in zip(*row, strict=True):
            bounded = old_value + min(max(value - old_value, -clip), clip)
            errors = (value - target) ** 2, (bounded - target) ** 2
            terms[-1].append((0.5 * max(errors), errors[1] > errors[0]))
    return terms


def column(terms, k):
    return [[term[k] for term in row] for row in terms]


@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
@pytest.mark.parametrize(("low", "high"), [(0.2, None), (0.2, 0.28), (0.05, 0.4), (1.0, 3.0)])
def test_policy_loss_token_by_token(low, high, aggregate, normalizer):
    new, old, advantages, mask = policy_batch(0)
    result = policy_loss(
        new,
        old,
        advantages,
        mask,
        clip_range=low,
        clip_range_high=high,
        aggregate=aggregate,
        normalizer=normalizer,
    )
    terms = policy_terms(new, old, advantages, mask, low, low if high is None else high)
    expected_loss = weighted(column(terms, 0), mask, aggregate, normalizer)
    assert result.loss.item() == pytest.approx(expected_loss, abs=1e-9)
    for k, statistic in enumerate((result.clip_fraction, result.approx_kl, result.ratio_mean), 1):
        assert statistic.item() == pytest.approx(weighted(column(terms, k), mask), abs=1e-6)
    assert bool(result.clip_fraction) == (low < 1)


@given(seed=SEEDS, scale=st.floats(0, 2))
def test_policy_loss_properties(seed, scale):
    new, old, advantages, mask = policy_batch(seed, scale=scale)
    result = policy_loss(new, old, advantages, mask)
    unclipped = [
        [-math.exp(n - o) * a for n, o, a in zip(*row, strict=True)]
        for row in zip(*(kept_rows(x, mask) for x in (new, old, advantages)), strict=True)
    ]
    assert result.loss.item() >= weighted(unclipped, mask) - 1e-9, "the clip is pessimistic"
    assert 0 <= result.clip_fraction.item() <= 1
    assert result.approx_kl.item() >= 0


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.5, 1.0, -1.2, 0.0),
        (1.5, -1.0, 1.5, 1.5),
        (0.5, 1.0, -0.5, -0.5),
        (0.5, -1.0, 0.8, 0.0),
        (1.1, 2.0, -2.2, -2.2),
        (1.0, 3.0, -3.0, -3.0),
    ],
)
def test_policy_loss_of_one_token_by_hand(ratio, advantage, loss, slope):
    new = torch.tensor([[math.log(ratio)]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    result = policy_loss(new, zero, zero + advantage, ragged_mask([1]), clip_range=0.2)
    result.loss.backward()
    assert result.loss.item() == pytest.approx(loss)
    assert new.grad.item() == pytest.approx(slope)
    assert result.clip_fraction.item() == float(slope == 0)
    assert not any(x.requires_grad for x in result[1:])


def test_an_unchanged_policy_has_the_policy_gradient():
    _, old, advantages, mask = policy_batch(3)
    new = old.clone().requires_grad_()
    result = policy_loss(new, old, advantages, mask)
    result.loss.backward()
    expected = torch.where(mask, -advantages / int(mask.sum()), 0.0)
    torch.testing.assert_close(new.grad, expected)
    assert (result.approx_kl.item(), result.ratio_mean.item()) == (0.0, 1.0)
    assert result.clip_fraction.item() == 0.0


@pytest.mark.parametrize("clip", [None, 0.2, 0.5])
@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
def test_value_loss_token_by_token(clip, aggregate, normalizer):
    new, old, returns, mask = value_batch(1)
    result = value_loss(
        new, old, returns, mask, clip_range_vf=clip, aggregate=aggregate, normalizer=normalizer
    )
    terms = value_terms(new, old, returns, mask, math.inf if clip is None else clip)
    expected = weighted(column(terms, 0), mask, aggregate, normalizer)
    assert result.loss.item() == pytest.approx(expected, abs=1e-9)
    expected_fraction = weighted(column(terms, 1), mask)
    assert result.clip_fraction.item() == pytest.approx(expected_fraction, abs=1e-6)
    assert bool(result.clip_fraction) == (clip is not None)
    assert not result.clip_fraction.requires_grad


def test_value_loss_without_a_clip_is_half_the_mean_squared_error():
    new, old, returns, mask = value_batch(2)
    expected = 0.5 * torch.nn.functional.mse_loss(new[mask], returns[mask])
    result = value_loss(new, old, returns, mask, clip_range_vf=None)
    torch.testing.assert_close(result.loss, expected)


@pytest.mark.parametrize(
    ("new", "old", "target", "loss", "slope"),
    [
        (1.0, 0.0, 1.0, 0.5 * 0.8**2, 0.0),
        (1.0, 0.0, 0.0, 0.5, 1.0),
        (0.1, 0.0, 1.0, 0.5 * 0.9**2, -0.9),
    ],
)
def test_value_loss_of_one_token_by_hand(new, old, target, loss, slope):
    value = torch.tensor([[new]], requires_grad=True)
    result = value_loss(value, torch.tensor([[old]]), torch.tensor([[target]]), ragged_mask([1]))
    result.loss.backward()
    assert result.loss.item() == pytest.approx(loss, rel=1e-6)
    assert value.grad.item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("estimator", ["k2", "k3"])
@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
def test_kl_loss_token_by_token(estimator, aggregate, normalizer):
    new, ref, _, mask = policy_batch(4)
    formula = {"k2": lambda d: d * d / 2, "k3": lambda d: math.exp(-d) - 1 + d}[estimator]
    rows = zip(kept_rows(new, mask), kept_rows(ref, mask), strict=True)
    terms = [[formula(n - r) for n, r in zip(*row, strict=True)] for row in rows]
    result = kl_loss(
        new, ref, mask, estimator=estimator, aggregate=aggregate, normalizer=normalizer
    )
    assert result.item() == pytest.approx(weighted(terms, mask, aggregate, normalizer), abs=1e-9)


def expected_kl_gradient(logits, reference, estimator):
    """Sum over the whole vocabulary of probability times the token's gradient."""
    logits = logits.clone().requires_grad_()
    logprobs = logits.log_softmax(0)
    losses = [
        kl_loss(new.reshape(1, 1), ref.reshape(1, 1), ragged_mask([1]), estimator=estimator)
        for new, ref in zip(logprobs, reference, strict=True)
    ]
    (logprobs.exp().detach() * torch.stack(losses)).sum().backward()
    return logits.grad


def test_the_expected_gradients_are_those_of_the_two_divergences():
    rng = np.random.default_rng(5)
    logits = torch.tensor(rng.standard_normal(7))
    reference = torch.tensor(rng.standard_normal(7)).log_softmax(0)
    p, q = logits.softmax(0), reference.exp()
    forward = p * (p.log() - reference - (p * (p.log() - reference)).sum())
    torch.testing.assert_close(expected_kl_gradient(logits, reference, "k2"), forward)
    torch.testing.assert_close(expected_kl_gradient(logits, reference, "k3"), p - q)


@pytest.mark.parametrize("seed", range(3))
def test_explained_variance_against_numpy(seed):
    values, _, returns, mask = value_batch(seed)
    v, r = values[mask].numpy(), returns[mask].numpy()
    expected = 1 - np.var(r - v) / np.var(r)
    assert explained_variance(values, returns, mask).item() == pytest.approx(expected, abs=1e-9)


def test_explained_variance_of_a_perfect_a_constant_and_a_hopeless_critic():
    returns, mask = torch.tensor([[1.0, 2.0, 3.0, 9.0]]), ragged_mask([3], width=4)
    assert explained_variance(returns, returns, mask).item() == 1.0
    assert explained_variance(torch.full((1, 4), 5.0), returns, mask).item() == 0.0
    assert explained_variance(-returns, returns, mask).item() == -3.0
    assert explained_variance(returns, torch.ones(1, 4), mask).isnan()
    assert explained_variance(returns, returns, torch.zeros_like(mask)).isnan()


def losses(kind, tensors, mask, **options):
    if kind == "policy":
        return policy_loss(*tensors, mask, **options)
    if kind == "value":
        return value_loss(*tensors, mask, **options)
    return (kl_loss(*tensors[:2], mask, **options),)


@pytest.mark.parametrize("kind", ["policy", "value", "kl"])
@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
def test_micro_batches_add_up_to_the_minibatch_in_value_and_gradient(kind, aggregate, normalizer):
    *tensors, mask = policy_batch(6, rows=7)
    mask[2] = False
    options = {"aggregate": aggregate, "normalizer": normalizer}
    whole = tensors[0].clone().requires_grad_()
    loss = losses(kind, (whole, *tensors[1:]), mask, **options)[0]
    loss.backward()

    parts = tensors[0].clone().requires_grad_()
    options["denominator"] = loss_denominator(mask, aggregate)
    total = 0.0
    for rows in (slice(0, 2), slice(2, 3), slice(3, 7)):
        inputs = parts[rows], *(x[rows] for x in tensors[1:])
        part = losses(kind, inputs, mask[rows], **options)[0]
        part.backward()
        total += part.item()
    assert total == pytest.approx(loss.item(), abs=1e-12)
    torch.testing.assert_close(parts.grad, whole.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["policy", "value", "kl"])
@pytest.mark.parametrize("value", POISONS)
def test_what_lies_under_the_mask_is_never_read(kind, value):
    *tensors, mask = policy_batch(7)
    outcomes = []
    for fill in (0.0, value):
        filled = [poison(x, mask, fill) for x in tensors]
        filled[0].requires_grad_()
        result = losses(kind, filled, mask)
        result[0].backward()
        outcomes.append(([x.detach() for x in result], filled[0].grad))
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=0, atol=0)
    assert not outcomes[1][1][~mask].any()


@pytest.mark.parametrize("kind", ["policy", "value", "kl"])
@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
def test_gradients_by_finite_differences(kind, aggregate, normalizer):
    new, *rest, mask = policy_batch(8, rows=3, longest=4)
    options = {"aggregate": aggregate, "normalizer": normalizer}
    assert torch.autograd.gradcheck(
        lambda x: losses(kind, (x, *rest), mask, **options)[0], new.clone().requires_grad_()
    )


@pytest.mark.parametrize("kind", ["policy", "value", "kl"])
def test_half_precision_inputs_are_computed_in_float32(kind):
    *tensors, mask = policy_batch(9)
    halves = [x.bfloat16() for x in tensors]
    expected = losses(kind, [x.double() for x in halves], mask)[0]
    result = losses(kind, halves, mask)[0]
    assert result.dtype == torch.float32
    assert result.item() == pytest.approx(expected.item(), rel=1e-5)


def test_arguments_are_checked():
    new, old, advantages, mask = policy_batch(0)
    with pytest.raises(ValueError, match="new_logprobs, logprobs, advantages and response_mask"):
        policy_loss(new, old, advantages[:, :1], mask)
    with pytest.raises(ValueError, match="new_values, values, returns and response_mask"):
        value_loss(new, old[:1], advantages, mask)
    with pytest.raises(ValueError, match="mask must be bool"):
        policy_loss(new, old, advantages, mask.long())
    for low, high in [(0.0, None), (1.5, None), (0.2, 0.0), (0.2, -1.0)]:
        with pytest.raises(ValueError, match=r"clip_range must be in \(0, 1\]"):
            policy_loss(new, old, advantages, mask, clip_range=low, clip_range_high=high)
    for clip in (0.0, -0.2):
        with pytest.raises(ValueError, match="clip_range_vf must be > 0, or None"):
            value_loss(new, old, advantages, mask, clip_range_vf=clip)
    with pytest.raises(ValueError, match="estimator must be k2 or k3, got 'k1'"):
        kl_loss(new, old, mask, estimator="k1")
    with pytest.raises(ValueError, match="values, returns and response_mask must share one shape"):
        explained_variance(new, old[:1], mask)
