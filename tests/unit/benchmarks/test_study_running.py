import json
import signal
import threading

import pytest

from benchmarks.study.plan import Job
from benchmarks.study.running import Pool, estimate, is_done, marker, missing


@pytest.fixture(autouse=True)
def importable(tmp_path, monkeypatch):
    """A module that runs its argument."""
    (tmp_path / "run_this.py").write_text("import sys\nexec(sys.argv[1])")
    monkeypatch.syspath_prepend(tmp_path)


def job(name, code, *, needs=(), fresh=()):
    return Job(name=name, kind="train", command=("run_this", code), needs=needs, fresh=fresh)


def append(folder, word):
    return f"open({str(folder / 'order.txt')!r}, 'a').write('{word} ')"


def order(folder):
    file = folder / "order.txt"
    return file.read_text().split() if file.exists() else []


def run(folder, jobs, workers=1):
    said = []
    pool = Pool(folder, workers, said.append)
    return [job.name for job in pool.run(jobs)], said


def test_jobs_run_in_order_and_never_again(tmp_path):
    jobs = [job("a", append(tmp_path, "a")), job("b", append(tmp_path, "b"), needs=("a",))]
    assert run(tmp_path, jobs) == ([], ["1/2  a\n", "2/2  b\n"])
    assert order(tmp_path) == ["a", "b"]
    assert missing(tmp_path, jobs) == []
    run(tmp_path, jobs)
    assert order(tmp_path) == ["a", "b"]
    assert json.loads(marker(tmp_path, jobs[0]).read_text())["command"][0] == "run_this"


def test_what_needs_a_failed_job_waits_and_the_rest_goes_on(tmp_path):
    jobs = [
        job("bad", "print('why'); raise SystemExit(3)"),
        job("child", append(tmp_path, "child"), needs=("bad",)),
        job("other", append(tmp_path, "other")),
    ]
    failed, said = run(tmp_path, jobs)
    assert failed == ["bad"]
    assert order(tmp_path) == ["other"]
    assert "failed (3)" in said[0]
    assert (tmp_path / "logs/bad.txt").read_text().startswith("why\n")
    assert [job.name for job in missing(tmp_path, jobs)] == ["bad", "child"]
    jobs[0] = job("bad", append(tmp_path, "mended"))
    assert run(tmp_path, jobs)[0] == []
    assert order(tmp_path) == ["other", "mended", "child"]


def test_independent_jobs_run_at_the_same_time(tmp_path):
    meet = (
        "import pathlib, time\n"
        "pathlib.Path({mine!r}).touch()\n"
        "end = time.time() + 60\n"
        "while not pathlib.Path({other!r}).exists():\n"
        "    assert time.time() < end\n"
        "    time.sleep(0.01)"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    jobs = [
        job("one", meet.format(mine=one, other=two)),
        job("two", meet.format(mine=two, other=one)),
    ]
    assert run(tmp_path, jobs, workers=2)[0] == []


def test_leftovers_of_an_interrupted_job_are_removed(tmp_path):
    leftover = tmp_path / "report"
    leftover.mkdir()
    code = f"import os; assert not os.path.exists({str(leftover)!r})"
    assert run(tmp_path, [job("a", code, fresh=(leftover,))])[0] == []


def test_another_command_under_the_same_name_is_refused(tmp_path):
    run(tmp_path, [job("a", "1")])
    with pytest.raises(ValueError, match="another command"):
        is_done(tmp_path, job("a", "2"))


def test_an_interruption_lets_runs_save(tmp_path):
    saving = (
        "import pathlib, signal, sys, time\n"
        "def save(*_):\n"
        "    pathlib.Path('saved').touch(); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "pathlib.Path('started').touch()\n"
        "time.sleep(60)"
    ).replace("'saved'", repr(str(tmp_path / "saved")))
    started = tmp_path / "started"
    jobs = [job("long", saving.replace("'started'", repr(str(started))))]

    def interrupt():
        while not started.exists():
            pass
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        Pool(tmp_path, 1, lambda text: None).run(jobs)
    assert (tmp_path / "saved").exists()
    assert [job.name for job in missing(tmp_path, jobs)] == ["long"]


def test_the_estimate_counts_what_is_left():
    cost = {"train": 120.0, "select": 6.0}
    assert estimate([], cost, 2).startswith("nothing to do: about 0 minutes")
    text = estimate([job("a", ""), job("b", ""), job("c", "")], cost, 2)
    assert text == "3 x train to do: about 3 minutes by 2 idle core(s)"
