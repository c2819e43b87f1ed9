from limr.data.messages import listing


def test_five_are_named_and_the_rest_counted():
    rows = [(f"row {i}", "empty") for i in range(1, 8)]
    five = "row 1: empty; row 2: empty; row 3: empty; row 4: empty; row 5: empty"
    assert listing(rows[:5]) == five
    assert listing(rows) == f"{five}; and 2 more"
