import math

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

from limr.rl.kl import KL_ESTIMATORS, kl_k1, kl_k2, kl_k3

NATS = st.floats(-20, 0)


@given(logprob=NATS, ref_logprob=NATS)
def test_estimators_against_their_formulas(logprob, ref_logprob):
    p, q = torch.tensor([logprob]).double(), torch.tensor([ref_logprob]).double()
    d = p.item() - q.item()
    assert kl_k1(p, q).item() == d
    assert kl_k2(p, q).item() == pytest.approx(d * d / 2, abs=1e-12)
    assert kl_k3(p, q).item() == pytest.approx(math.exp(-d) - 1 + d, rel=1e-9, abs=1e-12)
    assert kl_k2(p, q).item() >= 0
    assert kl_k3(p, q).item() >= 0


def test_expectations_over_a_whole_vocabulary():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2, 50))
    log_p, log_q = scipy.special.log_softmax(logits, axis=1)
    p = np.exp(log_p)
    exact = float((p * (log_p - log_q)).sum())
    half_square = float((p * (log_p - log_q) ** 2).sum()) / 2

    def expected_value(estimator):
        return float((p * estimator(torch.tensor(log_p), torch.tensor(log_q)).numpy()).sum())

    assert expected_value(kl_k1) == pytest.approx(exact, rel=1e-12)
    assert expected_value(kl_k3) == pytest.approx(exact, rel=1e-12)
    assert expected_value(kl_k2) == pytest.approx(half_square, rel=1e-12)
    assert abs(half_square / exact - 1) > 0.01, "k2 is biased here, or the test shows nothing"


def test_k3_keeps_its_digits_near_zero():
    d = torch.tensor([1e-3], dtype=torch.float32)
    assert kl_k3(d, torch.zeros(1)).item() == pytest.approx(5e-7, rel=1e-3)


def test_every_estimator_is_found_by_name():
    p, q = torch.tensor([-1.0]), torch.tensor([-3.0])
    assert KL_ESTIMATORS["k1"](p, q).item() == 2.0
    assert KL_ESTIMATORS["k2"](p, q).item() == 2.0
    assert KL_ESTIMATORS["k3"](p, q).item() == pytest.approx(math.exp(-2) + 1)


@pytest.mark.parametrize("estimator", [kl_k1, kl_k2, kl_k3])
def test_shapes_are_not_broadcast(estimator):
    with pytest.raises(ValueError, match="logprobs and ref_logprobs must share one shape"):
        estimator(torch.zeros(2, 3), torch.zeros(2, 1))
