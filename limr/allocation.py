"""Whole numbers in given proportions."""

from collections.abc import Mapping


def shares(weights: Mapping[str, float], size: int) -> dict[str, int]:
    """`size` shared out by weight, largest remainders first, ties to the earlier name.

    Example:
        >>> shares({"gcd": 2.0, "lcm": 1.0}, 5)
        {'gcd': 3, 'lcm': 2}
    """
    total = sum(weights.values())
    exact = {name: weight / total * size for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: size - sum(counts.values())]:
        counts[name] += 1
    return counts
