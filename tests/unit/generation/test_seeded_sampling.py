import pytest
import torch

from limr.generation.seeded_sampling import draw, uniforms
from limr.types import Sampling


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_inverse_distribution_function_at_its_steps():
    logits = torch.tensor([0.125, 0.5, 0.0, 0.375]).log().expand(6, 4)
    u = numbers(0.0, 0.12, 0.13, 0.62, 0.63, 0.999)
    assert draw(logits, u, Sampling()).tolist() == [0, 0, 1, 1, 3, 3]


def test_temperature_flattens_before_drawing():
    # probabilities 1/5 and 4/5 become 1/3 and 2/3 at temperature 2
    logits = torch.tensor([[0.2, 0.8]]).log().expand(2, 2)
    u = numbers(0.32, 0.34)
    assert draw(logits, u, Sampling(temperature=2.0)).tolist() == [0, 1]
    assert draw(logits, u, Sampling(temperature=1.0)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("top_p", "expected"), [(0.5, [1, 1, 1]), (0.51, [1, 1, 3]), (1.0, [0, 1, 3])]
)
def test_the_nucleus_is_the_fewest_tokens_that_reach_its_mass(top_p, expected):
    logits = torch.tensor([0.125, 0.5, 0.0, 0.375]).log().expand(3, 4)
    sampling = Sampling(top_p=top_p)
    assert draw(logits, numbers(0.0, 0.5, 0.9), sampling).tolist() == expected


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_logits_without_a_distribution_are_refused(bad):
    logits = torch.tensor([[0.0, 1.0], [bad, 1.0]])
    with pytest.raises(ValueError, match="logits are not finite"):
        draw(logits, numbers(0.5, 0.5), Sampling())


def test_uniforms_of_a_row_depend_on_its_seed_alone_and_do_not_end_with_the_batch():
    one = uniforms([3], 5)
    assert torch.equal(uniforms([1, 3, 2], 5)[1], one[0])
    assert torch.equal(uniforms([3], 4)[0], one[0, :4])
    assert len(set(uniforms(range(100), 3).flatten().tolist())) == 300
    assert ((one >= 0) & (one < 1)).all()
