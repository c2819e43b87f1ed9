from limr.report.text_tables import align, interval, natural, percent


def test_numbers_sort_by_their_size():
    assert sorted(["level 10", "level 9", "9", "a"], key=natural) == [
        "9",
        "a",
        "level 9",
        "level 10",
    ]


def test_the_first_column_is_to_the_left():
    assert align(["a", "b"], [["x", "10"], ["longer", "1"]]) == "a        b\nx       10\nlonger   1"


def test_shares_are_in_percent():
    assert (percent(0.4567), interval(0.0, 1.0)) == ("45.7", "[0.0, 100.0]")
