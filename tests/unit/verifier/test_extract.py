import time

import pytest

from limr.verifier import extract_boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{7}.", "7"),
        (r"\boxed{1} then \boxed{2}", "2"),
        (r"\boxed{\frac{a}{b+c}}", r"\frac{a}{b+c}"),
        (r"\fbox{4}", "4"),
        (r"\boxed {4}", "4"),
        (r"The answer is \boxed 5.", "5."),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\boxed{3}}", r"\boxed{3}"),
        (r"the roots are $\boxed{2}$ and $\boxed{3}$.", "2, 3"),
        (r"\[\boxed{1} \quad \text{or} \quad \boxed{4}\]", "1, 4"),
        (r"$\boxed{5}$, $\boxed{5}$", "5"),
        (r"\boxed{1}, not \boxed{2}", "2"),
        (r"\boxed{6} " * 9, "6"),
        (r"\boxed{3} and { unfinished", "3"),
        (r"\boxed{3} } stray", "3"),
        (r"\boxed{3} but \boxed{4", "3"),
        (r"\boxed{}", ""),
        (r"\boxed{4", None),
        (r"\boxed{\frac{4}{1}$", None),
        (r"boxed{4}", None),
        (r"\\boxed", None),
        ("", None),
    ],
)
def test_takes_the_last_complete_box(text, answer):
    assert extract_boxed(text) == answer


def test_any_depth():
    inner = "{" * 3000 + "5" + "}" * 3000
    assert extract_boxed(r"\boxed{" + inner + "}") == inner


@pytest.mark.parametrize(
    "unit", [r"\boxed{", r"\boxed ", r"\boxed", "{", "}", r"\{", r"\boxed{4} "]
)
def test_linear_on_repeated_pieces(unit):
    def seconds(times):
        text = unit * times
        start = time.perf_counter()
        extract_boxed(text)
        return time.perf_counter() - start

    short = min(seconds(10_000) for _ in range(3))
    long = min(seconds(80_000) for _ in range(3))
    assert long < 30 * short + 0.05  # 8 for linear, 64 for quadratic time
