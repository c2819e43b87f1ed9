import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from limr.rl import logprobs as module
from limr.rl.logprobs import response_entropy, response_logprobs

TEMPERATURES = [1.0, 0.4, 1.2]


def batch(seed=0, rows=5, tokens=4, vocabulary=11, scale=3.0):
    rng = np.random.default_rng(seed)
    logits = scale * rng.standard_normal((rows, tokens, vocabulary))
    ids = rng.integers(0, vocabulary, size=(rows, tokens))
    return torch.tensor(logits), torch.tensor(ids)


def scipy_logprobs(logits, ids, temperature):
    table = scipy.special.log_softmax(logits.double().numpy() / temperature, axis=-1)
    return np.take_along_axis(table, ids.numpy()[..., None], axis=-1)[..., 0]


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_logprobs_against_scipy(temperature):
    logits, ids = batch()
    result = response_logprobs(logits, ids, temperature=temperature)
    np.testing.assert_allclose(result, scipy_logprobs(logits, ids, temperature), atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-6)])
def test_half_precision_logits_give_float32_logprobs(dtype, tolerance):
    logits, ids = batch(vocabulary=1000)
    logits = logits.to(dtype)
    result = response_logprobs(logits, ids, temperature=1.2)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result, scipy_logprobs(logits, ids, 1.2), rtol=tolerance)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_entropy_against_scipy(temperature):
    logits, _ = batch(1)
    probabilities = scipy.special.softmax(logits.numpy() / temperature, axis=-1)
    expected = scipy.stats.entropy(probabilities, axis=-1)
    np.testing.assert_allclose(response_entropy(logits, temperature=temperature), expected)


def test_entropy_closed_forms():
    uniform = torch.zeros(1, 1, 64)
    assert response_entropy(uniform).item() == pytest.approx(math.log(64), rel=1e-6)
    certain = torch.tensor([[[0.0, -math.inf, -math.inf]]], requires_grad=True)
    entropy = response_entropy(certain)
    assert entropy.item() == 0.0
    entropy.sum().backward()
    assert certain.grad.isfinite().all()


def test_huge_logits_do_not_overflow():
    logits = torch.tensor([[[1e4, 1e4, 0.0]]])
    assert response_logprobs(logits, torch.tensor([[1]])).item() == pytest.approx(-math.log(2))
    assert response_entropy(logits).item() == pytest.approx(math.log(2))


def test_a_temperature_is_a_scaling_of_the_logits():
    logits, ids = batch(2)
    torch.testing.assert_close(
        response_logprobs(logits, ids, temperature=0.5), response_logprobs(2 * logits, ids)
    )


@pytest.mark.parametrize("temperature", [1.0, 1.2])
def test_gradients_by_finite_differences(temperature):
    logits, ids = batch(3, rows=2, tokens=2, vocabulary=4)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: response_logprobs(x, ids, temperature=temperature), logits
    )
    assert torch.autograd.gradcheck(lambda x: response_entropy(x, temperature=temperature), logits)


@pytest.mark.parametrize("elements", [1, 2 * 4 * 11, 3 * 4 * 11 + 1])
def test_chunks_change_neither_values_nor_gradients(monkeypatch, elements):
    logits, ids = batch(4)

    def run():
        x = logits.clone().requires_grad_()
        results = response_logprobs(x, ids, temperature=1.2), response_entropy(x)
        (results[0].square().sum() + results[1].square().sum()).backward()
        return (*(r.detach() for r in results), x.grad)

    whole = run()
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", elements)
    torch.testing.assert_close(run(), whole, rtol=0, atol=1e-12)


def test_autograd_keeps_nothing_the_size_of_the_logits_but_the_logits(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", 100)
    logits, ids = batch(5, rows=3, tokens=2, vocabulary=50)
    logits.requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        response_logprobs(logits.bfloat16(), ids, temperature=1.2)
    assert all(t.numel() < logits.numel() for t in kept if t.dtype == torch.float32)


def test_empty_batches_pass_through():
    assert response_logprobs(torch.zeros(0, 3, 5), torch.zeros(0, 3).long()).shape == (0, 3)
    assert response_entropy(torch.zeros(2, 0, 5)).shape == (2, 0)


def test_arguments_are_checked():
    logits, ids = batch()
    with pytest.raises(ValueError, match=r"ids must be int64 of shape \(5, 4\)"):
        response_logprobs(logits, ids[:, 1:])
    with pytest.raises(ValueError, match="ids must be int64"):
        response_logprobs(logits, ids.int())
    with pytest.raises(ValueError, match=r"logits must be float \(B, T, V\)"):
        response_entropy(logits[0])
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="temperature must be > 0"):
            response_logprobs(logits, ids, temperature=temperature)
