import pytest

from limr.verifier.layout import plain_layout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"{7 \over 9}", r"\frac{7}{9}"),
        (r"x+1 \over x-1", r"\frac{x+1}{x-1}"),
        (r"{ {1 \over 2} \over 3}", r"\frac{{\frac{1}{2}}}{3}"),
        (r"m \choose 3", r"\binom{m}{3}"),
        (r"\mathbf{\frac{2}{7}}", r"\frac{2}{7}"),
        (r"\textcolor{red}{\boldsymbol{7}}", "7"),
        (r"\text{\textbf{green}}", r"\textbf{green}"),
        (r"\text{green}", r"\text{green}"),
        (r"\mathrm{cm}", r"\mathrm{cm}"),
        (r"3\mathbf{i}", "3 i"),
        (r"\left.7\right.", "7"),
        (r"a\\[2mm]b", r"a\\b"),
        (r"\phantom -1", "1"),
        ("{-}7", "-7"),
        (r"\overline{AB}", r"\overline{AB}"),
    ],
)
def test_layout_goes_and_meaning_stays(text, expected):
    assert plain_layout(text) == expected


def test_many_old_fractions_end():
    assert plain_layout(r"1 \over " * 200).count(r"\frac") == 200
