import numpy as np
import pytest
import yaml
from comparison_toys import STEPS, write_run_folder

from limr.report.folder_runs import read_folder_runs


def test_folders_are_runs_with_arm_and_seed_from_their_configuration(run_folders):
    runs, notes = read_folder_runs(run_folders)
    assert notes == []
    assert [(run.name, run.arm, run.seed) for run in runs] == [
        ("full-s1", "full", "1"),
        ("full-s2", "full", "2"),
        ("lim-s1", "lim", "1"),
        ("lim-s2", "lim", "2"),
    ]
    assert all((*steps,) == STEPS for run in runs for steps in run.measured.values())


def test_curves_and_progress_come_from_the_trajectories(run_folders):
    run = read_folder_runs(run_folders).runs[0]
    assert run.curves["response/length"] == {step: 10 + step for step in range(4)}
    # Of problems 0 and 1 at step 0 (2 and 3 at step 1): 1 and 2 of 4 samples are correct.
    reward = np.mean([1, -0.5, -0.5, -0.5, 1, 1, -0.5, -0.5])
    assert run.curves["reward/score_mean"][0] == run.curves["reward/score_mean"][1] == reward
    assert run.progress["responses"] == {step: 8 * step for step in range(5)}
    assert run.progress["tokens"] == dict(enumerate(np.cumsum([0, 80, 88, 96, 104]).tolist()))
    assert run.progress["visits"] == {step: step / 2 for step in range(5)}
    assert run.progress["optimizer_steps"] == {step: 3 * step for step in range(5)}


def test_visits_count_the_problems_that_were_never_drawn_too(tmp_path):
    folder = write_run_folder(tmp_path / "run", "full", 1, benchmarks=("easy",))
    (folder / "trajectories/_problems.jsonl").write_text('{"id": "p"}\n' * 8)
    (run,) = read_folder_runs(tmp_path).runs
    assert run.progress["visits"] == {step: step / 4 for step in range(5)}


def test_a_folder_with_responses_alone_is_a_run(tmp_path):
    folder = write_run_folder(tmp_path / "study/mine", "full", 1, benchmarks=("easy",))
    (folder / "config.yaml").unlink()
    for file in (folder / "trajectories").iterdir():
        file.unlink()
    (run,) = read_folder_runs(tmp_path).runs
    assert (run.name, run.arm, run.seed) == ("study/mine", "study/mine", "")
    assert (run.curves, run.progress, run.trajectories) == ({}, {}, None)
    (run,) = read_folder_runs(folder).runs
    assert run.name == "mine"


@pytest.mark.parametrize("logger", [True, None, [{"init_args": {"tags": {"arm": "a"}}}], "text"])
def test_any_logger_will_do(tmp_path, logger):
    folder = write_run_folder(tmp_path / "run", "full", 1, benchmarks=("easy",))
    (folder / "config.yaml").write_text(yaml.safe_dump({"trainer": {"logger": logger}}))
    (run,) = read_folder_runs(tmp_path).runs
    assert run.arm == ("a" if isinstance(logger, list) else "run")


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*absent; relative paths start at"):
        read_folder_runs(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"no run in .*: nothing matches \*/responses/fit-"):
        read_folder_runs(tmp_path)
    folder = write_run_folder(tmp_path / "run", "full", 1, benchmarks=("easy",))
    (folder / "config.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"config.yaml is no YAML file"):
        read_folder_runs(tmp_path)
