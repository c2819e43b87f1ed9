import pytest

from limr.verifier.numerals import read_based, read_clock
from limr.verifier.values import Based, Clock


@pytest.mark.parametrize(
    "text", ["231_5", "231_{5}", r"(231)_{\text{five}}", r"231\text{ base five}", "0231 base 5"]
)
def test_one_number_in_one_base(text):
    assert read_based(text) == Based("231", "5")


def test_digits_belong_to_their_base():
    assert read_based("1b_{16}") == Based("1B", "16")
    assert read_based("BE_{16}") == Based("BE", "16")
    assert read_based("0.11_2") == Based(".11", "2")
    assert read_based("291_8") is None
    assert read_based("a_1") is None
    assert read_based("25_b") == Based("25", "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7:05", Clock((7, 5))),
        (r"7:40 \text{ p.m.}", Clock((7, 40), "p")),
        ("07:40 AM", Clock((7, 40), "a")),
        ("7:40:15", Clock((7, 40, 15))),
        ("7:40", None),
        ("7:5", None),
        ("7:75 pm", None),
        ("30:05", None),
        ("2:03:70", None),
    ],
)
def test_times_are_told_from_ratios(text, expected):
    assert read_clock(text) == expected
