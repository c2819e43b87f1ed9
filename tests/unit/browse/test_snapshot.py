import fsspec
import numpy as np
import pytest
from browse_toys import row, write_counted, wrong

from limr.browse.snapshot import STATUSES, Asked, Response, take_snapshot
from limr.selection import alignment_scores
from limr.trajectories import TrajectoryWriter, read_trajectories


@pytest.fixture
def snapshot(tmp_path):
    write_counted(tmp_path)
    return take_snapshot(str(tmp_path), None)


def values(snapshot, name):
    return dict(zip(snapshot.curves.problem_ids.tolist(), getattr(snapshot, name), strict=True))


def test_numbers_of_each_problem_are_those_counted_by_hand(snapshot):
    assert values(snapshot, "visits") == {"easy": 3, "middle": 3, "hard": 3, "late": 1}
    assert values(snapshot, "last_accuracy") == {"easy": 1, "middle": 1, "hard": 0, "late": 0.5}
    assert values(snapshot, "mean_score") == {
        "easy": pytest.approx((0.25 + 1 + 1) / 3),
        "middle": pytest.approx((-0.5 + 0.25 + 1) / 3),
        "hard": -0.5,
        "late": 0.25,
    }
    # without "late", which lacks an epoch
    np.testing.assert_allclose(snapshot.average, [0.5 / 3, 1.5 / 3, 2 / 3])


def test_scores_and_ranks(snapshot):
    scores = values(snapshot, "scores")
    room = (1 - 1 / 6) ** 2 + (1 / 2) ** 2 + (1 / 3) ** 2
    assert scores["middle"] == pytest.approx(1 - ((1 / 6) ** 2 + 0 + (1 / 3) ** 2) / room)
    assert np.isnan(scores["late"])
    ranks = values(snapshot, "ranks")
    assert ranks["middle"] == 1
    assert {ranks["easy"], ranks["hard"]} == {2, 3}


def test_equal_scores_share_a_rank(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    for epoch in (0, 1):
        rows = [row("a"), row("b"), wrong("c"), wrong("d"), row("e"), wrong("e", sample=1)]
        writer.append(rows, epoch=epoch, step=epoch, rank=0)
    # the average is 1/2 throughout: e follows it, the others are as far from it as can be
    assert values(take_snapshot(str(tmp_path), None), "ranks") == dict(
        zip("eabcd", [1, 2, 2, 2, 2], strict=True)
    )


def test_verdicts_are_counted_by_epoch(snapshot):
    correct, bad = (snapshot.verdicts[:, STATUSES.index(s)].tolist() for s in ("correct", "wrong"))
    assert (correct, bad) == ([1, 3, 5], [5, 3, 3])
    assert snapshot.verdicts.sum() == 20


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_responses_are_found_whichever_files_hold_them(tmp_path, place):
    """Random steps on two ranks; expected are the store's own rows."""
    folder = str(tmp_path) if place == "disk" else f"memory://{tmp_path.name}"
    rng = np.random.default_rng(0)
    writer = TrajectoryWriter(folder, "run")
    for step in range(8):
        for rank in (0, 1):
            ids = rng.choice(9, rng.integers(0, 5), replace=False)
            rows = [row(f"id {i}", sample=k, answer=f"{step} {rank}") for i in ids for k in (0, 1)]
            writer.append(rows, epoch=step // 3, step=step, rank=rank)
    snapshot = take_snapshot(folder, {"id 0": Asked(), "absent": Asked("?")})
    everything = read_trajectories(folder).to_pylist()
    for number, name in enumerate(snapshot.curves.problem_ids.tolist()):
        expected = [r for r in everything if r["problem_id"] == name]
        expected.sort(key=lambda r: (r["epoch"], r["step"], r["sample"]))
        found = [r._asdict() for r in snapshot.responses(number)]
        assert found == [{key: r[key] for key in Response._fields} for r in expected]
    if place == "memory":
        fsspec.filesystem("memory").rm(tmp_path.name, recursive=True)


@pytest.mark.parametrize("missing", ["backfill", "drop", "ignore"])
def test_who_lacks_an_epoch_has_no_score_and_nobody_else(tmp_path, missing):
    rng = np.random.default_rng(1)
    writer = TrajectoryWriter(tmp_path, "run")
    for epoch in range(4):
        ids = [i for i in range(60) if rng.random() < 0.7]
        writer.append([row(f"p{i}") for i in ids], epoch=2 * epoch, step=epoch, rank=0)
    snapshot = take_snapshot(str(tmp_path), {"absent": Asked()}, missing)
    scores = alignment_scores(snapshot.curves.accuracy, missing=missing)
    lacking = [snapshot.lacking(n) for n in range(len(scores))]
    assert [bool(epochs) for epochs in lacking] == np.isnan(scores).tolist()
    assert lacking[snapshot.row("absent")] == [0, 2, 4, 6]


def test_the_epochs_that_backfilling_cannot_fill(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    for epoch, names in enumerate(["a", "ab", "ab", "a", "a", "ab", "a"]):
        writer.append([row(name) for name in names], epoch=epoch, step=epoch, rank=0)
    snapshot = take_snapshot(str(tmp_path), None)
    assert [snapshot.lacking(n) for n in (0, 1)] == [[], [3, 6]]
    assert take_snapshot(str(tmp_path), None, "drop").lacking(1) == [0, 3, 4, 6]


def test_a_problem_is_known_by_its_id_alone(snapshot):
    assert snapshot.curves.problem_ids[snapshot.row("late")] == "late"
    assert [snapshot.row(key) for key in ("lat", "late2", "", "zzz")] == [None] * 4


def test_problems_that_were_asked_are_listed_whether_seen_or_not(tmp_path):
    write_counted(tmp_path)
    snapshot = take_snapshot(str(tmp_path), {"easy": Asked("?"), "never": Asked("!")})
    assert snapshot.curves.problem_ids.tolist() == ["easy", "hard", "late", "middle", "never"]
    assert [known.prompt for known in snapshot.asked] == ["?", "", "", "", "!"]
    assert (snapshot.seen, snapshot.unknown) == (4, 3)
    assert np.isnan(snapshot.mean_score[4])
    assert np.isnan(snapshot.last_accuracy[4])
