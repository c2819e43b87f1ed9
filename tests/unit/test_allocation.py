from limr.allocation import shares


def test_shares_are_largest_remainders():
    assert shares({"a": 1.0, "b": 1.0, "c": 1.0}, 4) == {"a": 2, "b": 1, "c": 1}
    # 2.5, 1.5 and 1: the tie goes to the earlier name
    assert shares({"a": 0.5, "b": 0.3, "c": 0.2}, 5) == {"a": 3, "b": 1, "c": 1}


def test_any_scale_gives_the_same_shares_that_sum_to_the_size():
    weights = {"a": 3, "b": 1, "c": 2}
    for size in range(50):
        counts = shares(weights, size)
        assert sum(counts.values()) == size
        assert counts == shares({name: 64 * weight for name, weight in weights.items()}, size)
