import pytest
from browse_toys import write_counted

from limr.browse.library import Library
from limr.browse.listing import Query, find, whole_number


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    write_counted(folder)
    return Library(str(folder)).current()


def names(snapshot, **options):
    found = find(snapshot, Query(**options))
    return snapshot.curves.problem_ids[found].tolist()


@pytest.mark.parametrize(
    ("sort", "falling", "rising"),
    [
        ("id", ["easy", "hard", "late", "middle", "unvisited"], None),
        # those without a value are last either way, equal ones by id
        ("reward", ["easy", "late", "middle", "hard", "unvisited"],
         ["hard", "late", "middle", "easy", "unvisited"]),
        ("accuracy", ["easy", "middle", "late", "hard", "unvisited"],
         ["hard", "late", "easy", "middle", "unvisited"]),
        ("visits", ["easy", "hard", "middle", "late", "unvisited"],
         ["unvisited", "late", "easy", "hard", "middle"]),
    ],
)  # fmt: skip
def test_every_order(snapshot, sort, falling, rising):
    assert names(snapshot, sort=sort) == falling
    assert names(snapshot, sort=sort, reverse=True) == (rising or falling[::-1])


def test_the_best_score_is_first_and_none_last(snapshot):
    assert names(snapshot)[0] == "middle"
    assert names(snapshot)[3:] == ["late", "unvisited"]
    assert names(snapshot, reverse=True)[2:] == ["middle", "late", "unvisited"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"q": "MIDDLE"}, ["middle"]),
        ({"q": "of  PROMPT hard"}, ["hard"]),
        ({"q": "prompt 8"}, []),
        ({"q": "7"}, ["easy", "hard", "late", "middle", "unvisited"]),
        ({"family": "kind 1"}, ["late", "middle"]),
        ({"family": "kind 1", "q": "late"}, ["late"]),
        ({"family": "none such"}, []),
        ({"accuracy": "none"}, ["hard"]),
        ({"accuracy": "few"}, []),
        ({"accuracy": "many"}, ["late"]),
        ({"accuracy": "all"}, ["easy", "middle"]),
        ({"accuracy": "unseen"}, ["unvisited"]),
    ],
)
def test_filters(snapshot, options, found):
    assert names(snapshot, sort="id", **options) == found


def test_an_address_gives_back_its_query():
    args = {"q": "a/b?&#", "family": " ", "sort": "visits", "reverse": "1", "page": "3"}
    assert Query.of(args | {"other": "x"}).args() == args
    assert Query.of(args).args(page=1, reverse=False) == {
        name: args[name] for name in ("q", "family", "sort")
    }
    assert Query().args() == {}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"sort": "size"}, "sort is none of score, reward"),
        ({"sort": ""}, "sort is none of"),
        ({"accuracy": "half"}, "accuracy is none of none, few"),
        ({"page": "-1"}, "page must be a whole number"),
        ({"page": "٣"}, "page must be"),
        ({"page": "9" * 5000}, "page must be"),
    ],
)
def test_an_address_that_is_none_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        Query.of(args)


def test_a_whole_number_may_be_nought():
    assert whole_number("0", "epoch") == 0
