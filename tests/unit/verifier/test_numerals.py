import pytest

from limr.verifier.numerals import join_groups, spell_numbers


@pytest.mark.parametrize("text", [r"3\,400", "3{,}400", "3{ , }400", r"3,\!400", "3 400"])
def test_groups_of_digits_are_joined(text):
    assert join_groups(text) == "3400"


def test_other_numbers_side_by_side_are_left():
    assert join_groups("3 40") == "3 40"
    assert join_groups("3400, 500") == "3400, 500"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 2/7", r"4\frac{2}{7}"),
        ("4 9/7", "4 9/7"),
        (r"0.\dot{4}5\dot{7}", r"0.\overline{457}"),
        ("0.2(45)", r"0.2\overline{45}"),
        (r"0.777\dots", r"0.\overline{7}"),
        (r"22^{\text{nd}}", "22"),
        (r"11\text{th}", "11"),
        ("(231)_5", "231_5"),
        (r"231_{\text{base }5}", "231_{5}"),
        ("6C2", r"\binom{6}{2}"),
        (r"4\text{ to }9", "4:9"),
    ],
)
def test_one_spelling_for_a_number(text, expected):
    assert spell_numbers(text) == expected
