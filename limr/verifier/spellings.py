"""Tables of spellings: Unicode characters and LaTeX commands, each to the one kept."""

from __future__ import annotations

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
PLAIN_SUPERSCRIPTS = str.maketrans(SUPERSCRIPTS, "0123456789+-n")
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
PLAIN_SUBSCRIPTS = str.maketrans(SUBSCRIPTS, "0123456789")
_GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_CHARACTERS = {
    **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011\u2012\ufe63\uff0d", "-"),
    "\u00d7": r"\times ",
    "⋅": r"\cdot ",
    "·": r"\cdot ",
    "∙": r"\cdot ",
    "÷": r"\div ",
    "\u2217": "*",
    "±": r"\pm ",
    "∓": r"\mp ",
    "∞": r"\infty ",
    "√": r"\sqrt ",
    "∛": r"\sqrt[3] ",
    "\u2215": "/",
    "…": r"\dots ",
    "\u2228": r"\text{ or }",
    "∧": r"\text{ and }",
    "€": r"\text{ euro }",
    "£": r"\text{ gbp }",
    "¥": r"\text{ yen }",
    "¢": r"\text{ cents }",
    "≤": r"\le ",
    "⩽": r"\le ",
    "≥": r"\ge ",
    "⩾": r"\ge ",
    "≠": r"\ne ",
    "≈": r"\approx ",
    "\u222a": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    "∅": r"\emptyset ",
    "°": r"\degree ",
    "\u211d": r"\R ",
    "⟨": "(",
    "⟩": ")",
    "\u2044": "/",
    **{greek: f"\\{name} " for greek, name in zip(_GREEK, _GREEK_NAMES.split(), strict=True)},
}
TRANSLATION = str.maketrans(_CHARACTERS)
COMMANDS = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"), r"\frac"),
    **dict.fromkeys(("dbinom", "tbinom"), r"\binom"),
    **dict.fromkeys(("leq", "leqslant", "leqq"), r"\le"),
    **dict.fromkeys(("geq", "geqslant", "geqq"), r"\ge"),
    **dict.fromkeys(("neq",), r"\ne"),
    **dict.fromkeys(("lt",), "<"),
    **dict.fromkeys(("gt",), ">"),
    **dict.fromkeys(("varnothing", "O"), r"\emptyset"),
    **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    **dict.fromkeys(("langle", "lparen", "lgroup"), "("),
    **dict.fromkeys(("rangle", "rparen", "rgroup"), ")"),
    **dict.fromkeys(("lbrack",), "["),
    **dict.fromkeys(("rbrack",), "]"),
    **dict.fromkeys(("lbrace",), r"\{"),
    **dict.fromkeys(("rbrace",), r"\}"),
    **dict.fromkeys(("mathbb R", "reals", "Reals"), r"\R"),
    **dict.fromkeys(("backslash",), r"\setminus"),
    **dict.fromkeys(("colon",), ":"),
    **dict.fromkeys(("quad", "qquad", "thinspace", "enspace", "ldotp"), " "),
    **dict.fromkeys(("ldots", "cdots", "dotsc", "dotsb"), r"\dots "),
    **dict.fromkeys(("lor", "vee"), r"\text{ or }"),
    **dict.fromkeys(("land", "wedge"), r"\text{ and }"),
    **dict.fromkeys(("simeq", "approxeq", "thickapprox"), r"\approx"),
    **dict.fromkeys(("circ", "deg", "degrees"), r"\degree"),
    **dict.fromkeys(("left", "right", "middle", "big", "Big", "bigg", "Bigg"), ""),
    **dict.fromkeys(("bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr"), ""),
    **dict.fromkeys(("textnormal", "textbf", "textit", "textrm", "textsf", "texttt"), r"\text"),
    **dict.fromkeys(("mbox", "hbox", "mathrm", "mathbf", "mathit", "mathsf"), r"\text"),
    **dict.fromkeys(("mathcal", "boldsymbol", "bm", "emph"), r"\text"),
    "overrightarrow": r"\vec",
    "bar": r"\overline",
    "infinity": r"\infty",
    "lim": r"\lim",
}
FUNCTION_WORDS = (
    "sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|ln|lg|log|exp|gcd|lcm|cis"
)
"""Names read as functions also where they are set as text."""
PREFIX_CURRENCIES = "euro|gbp|yen|USD|EUR|GBP|Rs|RM"
"""Currencies that may stand before the amount."""
