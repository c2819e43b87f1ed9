"""The whole study, smaller than its smoke form: bases, runs, selections, reports, tables."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.study.__main__ import listing, publish, run
from benchmarks.study.plan import arms, make_plan, selection_file
from benchmarks.study.results import SHOWN_BENCHMARKS, read_csv, scopes
from benchmarks.study.settings import EXPERIMENTS, SMOKE, Settings
from benchmarks.study.tables import TABLES

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
BENCHMARKS = ("val", "test", "harder", "unseen")
TINY = {
    "data": {
        "init_args": {
            "problems": {"init_args": {"size": 24}},
            "benchmarks": {name: {"problems": {"init_args": {"size": 8}}} for name in BENCHMARKS},
            "rollout_batch_size": 8,
        }
    },
    "trainer": {"max_epochs": 3, "val_check_interval": 3},
}
"""Three steps an epoch for FULL, one for selections of eight."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    overlay = folder / "tiny.yaml"
    overlay.write_text(yaml.safe_dump(TINY))
    return Settings(
        root=folder / "runs",
        results=folder / "results",
        figures=folder / "figures",
        base_flags=SMOKE.base_flags,
        seeds=1,
        methods=("lim", "mean_band", "pass_rate", "random"),
        ablations=("many_mislabelled",),
        ablation_arms=("full", "lim", "base_mean_band"),
        actor_lrs=("1e-4",),
        tuning_seeds=(101,),
        early_step=3,
        top_k=8,
        samples=2,
        overlays=(EXPERIMENTS / "smoke.yaml", overlay),
    )


@pytest.fixture(scope="module")
def studied(toy):
    """The study, run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert run(toy, workers=2)
    return toy


def test_every_run_is_in_the_raw_numbers_at_every_measured_step(studied):
    rows = read_csv(studied.results / "study.csv")
    last = {}
    for row in rows:
        key = (row["base"], row["ablation"], row["arm"], row["benchmark"])
        last.setdefault(key, []).append(int(row["step"]))
    main = [(base, "none", arm) for base in studied.bases for arm in arms(studied)]
    changed = [("embedded", "many_mislabelled", arm) for arm in studied.ablation_arms]
    shown = {(*key, name) for key in main + changed for name in SHOWN_BENCHMARKS}
    assert {*last} == shown | {("embedded", "tuning", "full-lr-1e-4", "val")}
    assert last["embedded", "none", "full", "test"] == [0, 3, 6, 9]
    paid = {row["arm"]: float(row["selection_responses"]) for row in rows}
    assert (paid["lim-1-epoch"], paid["lim-2-epochs"], paid["lim"]) == (96, 192, 288)
    assert (paid["pass_rate"], paid["random"], paid["online"]) == (48, 0, 0)


def test_each_selection_has_its_size_and_is_counted(studied):
    for job in make_plan(studied):
        if job.kind == "select":
            lines = selection_file(studied, job.cell).read_text().splitlines()
            assert len({json.loads(line)["id"] for line in lines}) == studied.top_k
    rows = read_csv(studied.results / "study_selections.csv")
    picked = sum(int(row["picked"]) for row in rows)
    there = sum(int(row["problems"]) for row in rows)
    selections = 2 * (4 + 3) + 3  # of each base; of the ablation, with the sampling pass
    assert (picked, there) == (selections * 8, selections * 24)


def test_reports_figures_and_tables_are_made(studied, capsys):
    publish(studied)
    out = capsys.readouterr().out
    assert all(f"\n{name}\n" in out for name in TABLES)
    assert len(list(studied.root.glob("compare/*/index.html"))) == len(scopes(studied))
    assert len(list(studied.figures.glob("study_*.svg"))) == 2


def test_what_is_done_is_not_done_again(studied, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    made = {file: file.stat().st_mtime_ns for file in studied.root.glob("runs/**/last.ckpt")}
    assert run(studied, workers=2)
    assert {file: file.stat().st_mtime_ns for file in made} == made
    listing(studied, workers=2)
    lines = capsys.readouterr().out.splitlines()
    assert "nothing to do" in lines[-1]
    assert sum(line.startswith("done ") for line in lines) == len(make_plan(studied))
