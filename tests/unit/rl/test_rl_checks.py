import pytest
import torch
from rl_batches import ragged_mask

from limr.rl.checks import (
    check_mask,
    check_response_mask,
    check_same_shape,
    check_unit_interval,
)


def test_equal_shapes_pass():
    check_same_shape(a=torch.zeros(2, 3), b=torch.ones(2, 3), c=torch.ones(2, 3))


def test_the_message_lists_every_argument_and_shape():
    with pytest.raises(
        ValueError, match=r"a, b and c must share one shape, got \(2,\), \(3,\) and"
    ):
        check_same_shape(a=torch.zeros(2), b=torch.zeros(3), c=torch.zeros(2))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32])
def test_a_mask_of_another_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match=r"prompt_mask must be bool .* use prompt_mask.bool\(\)"):
        check_mask(torch.ones(2, dtype=dtype), "prompt_mask")


def test_right_padded_and_empty_rows_pass():
    check_response_mask(ragged_mask([3, 0, 1]))
    check_response_mask(torch.zeros(0, 4, dtype=torch.bool))
    check_response_mask(torch.zeros(2, 0, dtype=torch.bool))


@pytest.mark.parametrize("bad_row", [[True, False, True], [False, True, True]])
def test_a_hole_or_left_padding_is_refused_with_its_row(bad_row):
    with pytest.raises(ValueError, match="row 1 turns from False to True"):
        check_response_mask(torch.tensor([[True, True, False], bad_row]))


def test_a_flat_response_mask_is_refused():
    with pytest.raises(ValueError, match=r"must be \(B, T\), got shape \(3,\)"):
        check_response_mask(torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_numbers_outside_the_unit_interval_are_refused(value):
    check_unit_interval(gamma=0, gae_lambda=1.0)
    with pytest.raises(ValueError, match=r"gamma must be in \[0, 1\]"):
        check_unit_interval(gae_lambda=0.5, gamma=value)
