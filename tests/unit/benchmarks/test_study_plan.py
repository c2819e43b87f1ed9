from dataclasses import replace

import pytest
from study_toys import TOY

from benchmarks.study.plan import make_plan, run_folder, selection_file
from benchmarks.study.settings import ABLATIONS, FULL_STUDY, METHODS, SMOKE, Settings
from benchmarks.study.settings import BASE_MEAN_BAND as BAND


def named(jobs, kind):
    return [job.cell.name if job.cell else job.name for job in jobs if job.kind == kind]


def flag(job, name):
    """The value behind a flag; the last counts."""
    return [after for arg, after in zip(job.command, job.command[1:], strict=False) if arg == name][
        -1
    ]


@pytest.mark.parametrize("settings", [TOY, SMOKE, FULL_STUDY])
def test_every_job_stands_behind_what_it_needs_and_once(settings):
    jobs = make_plan(settings)
    seen = set()
    for job in jobs:
        assert seen.issuperset(job.needs)
        assert job.name not in seen
        seen.add(job.name)


def test_the_full_study_has_the_runs_it_promises():
    jobs = make_plan(FULL_STUDY)
    main = [job.cell for job in jobs if job.kind == "train" and job.cell.ablation == "none"]
    arms = {"full", *METHODS, "base_mean_band", "lim-1-epoch", "lim-2-epochs", "online"}
    assert {cell.arm for cell in main} == arms
    for base, seeds in (("embedded", {1, 2, 3, 4, 5}), ("warm-start-1", {11, 12, 13, 14, 15})):
        for arm in arms:
            assert {cell.seed for cell in main if (cell.base, cell.arm) == (base, arm)} == seeds
    trained = [job.cell for job in jobs if job.kind == "train"]
    changed = [cell for cell in trained if cell.ablation in FULL_STUDY.ablations]
    assert len(changed) == 5 * len(ABLATIONS) * len(FULL_STUDY.ablation_arms) == 80
    assert named(jobs, "base") == ["base warm-start-1"]
    tuned = [cell for cell in trained if cell.ablation == "tuning"]
    assert len(tuned) == 6
    assert len(trained) == len(main) + len(changed) + len(tuned)
    assert not {cell.seed for cell in tuned} & {cell.seed for cell in main + changed}


def test_no_two_runs_share_arm_and_seed_where_they_are_compared():
    cells = [job.cell for job in make_plan(FULL_STUDY) if job.kind == "train"]
    keys = [(cell.ablation, cell.arm, cell.seed) for cell in cells]
    assert len(keys) == len({*keys})


def test_a_selected_arm_trains_on_the_file_that_its_selection_writes():
    jobs = {job.name: job for job in make_plan(TOY)}
    train, select = jobs["train second/lim-seed11"], jobs["select second/lim-seed11"]
    assert train.needs == (select.name,)
    assert select.needs == ("train second/full-seed11",)
    assert flag(train, "--data.init_args.ids_file") == flag(select, "--output")
    assert flag(select, "--output") == str(selection_file(TOY, train.cell))
    assert flag(select, "--trajectories") == str(
        run_folder(TOY, jobs["train second/full-seed11"].cell) / "trajectories"
    )
    assert flag(train, "--data.init_args.problems.init_args.seed") == "11"
    assert flag(train, "--seed_everything") == "11"
    assert flag(train, "--ckpt_path") == "last"


def test_each_method_reads_what_it_says():
    jobs = {job.name: job for job in make_plan(TOY)}
    early = jobs["select embedded/lim-1-epoch-seed2"]
    assert (flag(early, "--method"), flag(early, "--epochs")) == ("lim", "1")
    assert "--epochs" not in jobs["select embedded/lim-seed2"].command
    sampled = jobs["select second/pass_rate-seed12"]
    assert "--trajectories" not in sampled.command
    assert flag(sampled, "--model") == "toy/bases/second/model"
    band = jobs["select embedded/base_mean_band-seed2"]
    assert flag(band, "--method") == "mean_band"
    assert flag(band, "--trajectories") == "toy/selections/embedded/pass_rate-seed2/trajectories"
    assert "select embedded/pass_rate-seed2" in band.needs
    assert flag(jobs["select embedded/pass_rate-seed2"], "--model") == "embedded:tiny-base"
    assert flag(jobs["select embedded/random-seed2"], "--method.seed") == "2"


def test_an_ablation_samples_the_base_for_the_arm_that_reads_the_samples():
    jobs = {job.name: job for job in make_plan(replace(TOY, ablation_arms=("full", "lim", BAND)))}
    sampled = "select embedded/many_solved/pass_rate-seed1"
    assert sampled in jobs[f"select embedded/many_solved/{BAND}-seed1"].needs
    assert f"train embedded/many_solved/{BAND}-seed1" in jobs
    assert "train embedded/many_solved/pass_rate-seed1" not in jobs


def test_bases_start_before_the_runs_that_need_them():
    jobs = {job.name: job for job in make_plan(TOY)}
    assert jobs["train second/full-seed11"].needs == ("base second",)
    assert jobs["train second/online-seed11"].needs == ("base second",)
    assert jobs["train embedded/full-seed1"].needs == ()


def test_an_ablation_lies_between_the_run_and_its_arm():
    job = next(j for j in make_plan(TOY) if j.name == "train embedded/many_solved/lim-seed1")
    files = [
        after.rpartition("/")[2]
        for arg, after in zip(job.command, job.command[1:], strict=False)
        if arg == "--config"
    ]
    assert files == ["full.yaml", "many_solved.yaml", "selected.yaml"]
    assert '"ablation": "many_solved"' in flag(job, "--trainer.logger.init_args.tags")


@pytest.mark.parametrize(
    "wrong", [{"seeds": 0}, {"top_k": 0}, {"bases": {}}, {"methods": ("random",)}]
)
def test_settings_that_make_no_study_are_refused(wrong):
    with pytest.raises(ValueError, match=r"a study needs|must be"):
        replace(TOY, **wrong)
    assert Settings().root != SMOKE.root
