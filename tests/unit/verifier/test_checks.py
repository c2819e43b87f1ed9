import random
import string
import time

import pytest

from limr.verifier import Checks, count_boxes, has_repetition, strange_share


def test_each_check_has_its_name():
    checks = Checks()
    assert checks.first_failure(r"\boxed{1}") == ""
    assert checks.first_failure(r"\boxed{1}", truncated=True) == "truncated"
    assert checks.first_failure("1") == "too_few_boxes"
    assert checks.first_failure(r"\boxed{1}" * 4) == ""
    assert checks.first_failure(r"\boxed{1} a" * 5) == "too_many_boxes"
    assert checks.first_failure(r"\boxed{1}" + "☃" * 9) == "strange_characters"
    assert checks.first_failure(r"\boxed{1}" + "abcde" * 5) == "repetition"


def test_each_check_can_be_switched_off():
    assert Checks(ended=False).first_failure(r"\boxed{1}", truncated=True) == ""
    assert Checks(min_boxes=None).first_failure("1") == ""
    assert Checks(max_boxes=None, repeat_times=None).first_failure(r"\boxed{1}" * 9) == ""
    assert Checks(max_strange_share=None).first_failure(r"\boxed{1}☃♞♜♝♛♚☂☁☀★☆") == ""
    assert Checks(repeat_times=None).first_failure(r"\boxed{1}" + "abcde" * 9) == ""


@pytest.mark.parametrize(
    "bad", [{"max_strange_share": 1.5}, {"repeat_times": 1}, {"repeat_chars": 0}]
)
def test_limits_are_checked(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Checks(**bad)


def test_boxes_counted_complete_or_not():
    assert count_boxes(r"\boxed{1} \fbox{2} \boxed{ \boxed 5 \boxedx") == 4


def test_strange_share():
    assert strange_share("") == 0
    assert strange_share("x² ≤ 3, \\frac{1}{2} \u222a 中文 é\n") == 0
    assert strange_share("ab☃★") == 0.5
    exactly = "a" * 7 + "☃" * 3
    assert Checks(min_boxes=None).first_failure(exactly) == ""
    assert Checks(min_boxes=None).first_failure(exactly + "☃") == "strange_characters"


@pytest.mark.parametrize("period", [5, 6, 17, 100])
def test_repetition_needs_five_in_a_row(period):
    unit = "".join(random.Random(period).sample(string.printable, min(period, 100)))
    for prefix in ("", "xyz", "q" * 24):
        assert has_repetition(prefix + unit * 5 + "end")
        assert not has_repetition(prefix + unit * 4 + unit[: period - 1] + "\u2603")


def test_short_units_and_limits():
    assert not has_repetition("abcd" * 6)  # the shortest unit is abcdabcd, three times
    assert has_repetition("abcd" * 10)
    assert has_repetition("-" * 25)
    assert not has_repetition("-" * 24)
    assert has_repetition("ab" * 3, min_chars=2, times=3)
    assert not has_repetition("ab" * 2 + "a", min_chars=2, times=3)


def test_repetition_agrees_with_the_definition():
    def plain(text, chars, times):
        return any(
            text[i : i + p] * times == text[i : i + p * times]
            for p in range(chars, len(text) // times + 1)
            for i in range(len(text) - p * times + 1)
        )

    rng = random.Random(0)
    found = 0
    for _ in range(3000):
        text = "".join(rng.choice("ab") for _ in range(rng.randint(0, 40)))
        chars, times = rng.randint(1, 5), rng.randint(2, 5)
        expected = plain(text, chars, times)
        found += expected
        assert has_repetition(text, chars, times) is expected, (text, chars, times)
    assert 300 < found < 2700


@pytest.mark.parametrize("alphabet", [string.printable, "ab", "a    "])
def test_near_linear_time(alphabet):
    rng = random.Random(1)
    text = "".join(rng.choice(alphabet) for _ in range(24_000))
    if len(alphabet) < 10:  # few letters repeat by chance: break every run
        text = "".join(text[i : i + 19] + chr(0x4E00 + i % 5000) for i in range(0, len(text), 19))

    def seconds(length):
        start = time.perf_counter()
        assert Checks(min_boxes=None).first_failure(text[:length]) == ""
        return time.perf_counter() - start

    short = min(seconds(6_000) for _ in range(3))
    long = min(seconds(24_000) for _ in range(3))
    assert long < 10 * short + 0.02  # 4 for linear, 16 for quadratic time
