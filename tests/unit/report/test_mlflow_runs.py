import pytest
from comparison_toys import STEPS, log_run, outcomes_of, write_run_folder
from mlflow import MlflowClient

from limr.report import mlflow_runs
from limr.report.mlflow_runs import experiment_of, read_mlflow_runs


@pytest.fixture
def client(mlflow_uri, logged_runs):
    return MlflowClient(mlflow_uri)


@pytest.fixture
def own_experiment(client, tmp_path):
    """The id of an empty experiment of the test's name."""
    return client.create_experiment(tmp_path.name, str(tmp_path / "artifacts"))


def test_runs_are_read_as_they_were_logged(logged_runs, mlflow_uri, tmp_path):
    experiment, ids = logged_runs
    found = read_mlflow_runs(mlflow_uri, tmp_path, experiment=experiment)
    assert found.notes == []
    runs = {run.id: run for run in found.runs}
    assert {*runs} == {*ids}
    run = runs[ids[-1]]
    assert (run.name, run.arm, run.seed, run.status) == ("lim-2", "lim", "2", "FINISHED")
    assert {name: (*steps,) for name, steps in run.measured.items()} == {
        "easy": STEPS,
        "hard": STEPS,
    }
    outcomes = outcomes_of("lim", 2, 4)
    shares = run.measured["easy"][4].shares
    assert shares.tolist() == [sum(outcomes[key]) / 2 for key in sorted(outcomes)]
    assert run.curves["response/length"] == {step: 12.0 + step for step in range(5)}
    assert run.progress["tokens"] == {step: 102.0 * step for step in range(5)}
    assert [*run.progress] == ["optimizer_steps", "responses", "tokens", "visits"]
    assert list(tmp_path.iterdir()) == []  # files on this machine are read where they lie


def test_a_filter_and_ids_choose_runs(logged_runs, mlflow_uri, tmp_path):
    experiment, ids = logged_runs
    found = read_mlflow_runs(
        mlflow_uri, tmp_path, experiment=experiment, filter_string="tags.seed = '2'"
    )
    assert sorted(run.name for run in found.runs) == ["full-2", "lim-2"]
    found = read_mlflow_runs(mlflow_uri, tmp_path, run_ids=ids[1:3])
    assert [run.id for run in found.runs] == ids[1:3]
    assert experiment_of(mlflow_uri, ids[0]) == experiment


def test_only_fits_are_arms(client, own_experiment, run_folders, mlflow_uri, tmp_path):
    folder = run_folders / "full-s1"
    fit = log_run(client, own_experiment, folder, "full", 1)
    for verb in ("compare", "validate", "select", None):
        other = log_run(client, own_experiment, folder, "full", 1, tags={"verb": verb})
    found = read_mlflow_runs(mlflow_uri, tmp_path, experiment=tmp_path.name)
    assert [run.id for run in found.runs] == [fit]
    with pytest.raises(ValueError, match="is no run of limr fit but of something else"):
        read_mlflow_runs(mlflow_uri, tmp_path, run_ids=[other])


def test_many_runs_are_found_page_by_page(logged_runs, mlflow_uri, tmp_path, monkeypatch):
    search = MlflowClient.search_runs
    monkeypatch.setattr(
        MlflowClient, "search_runs", lambda *args, **kwargs: search(*args, **kwargs, max_results=3)
    )
    found = read_mlflow_runs(mlflow_uri, tmp_path, experiment=logged_runs[0])
    assert len(found.runs) == 4


def test_without_tags_a_run_is_an_arm_of_its_own(
    client, own_experiment, run_folders, mlflow_uri, tmp_path
):
    tags = {"arm": None, "seed": "unset"}
    log_run(client, own_experiment, run_folders / "full-s1", "full", 1, name="mine", tags=tags)
    ((run,), _notes) = read_mlflow_runs(mlflow_uri, tmp_path, experiment=tmp_path.name)
    assert (run.arm, run.seed) == ("mine", "")


def test_of_a_step_logged_twice_the_later_value_counts(
    client, own_experiment, run_folders, mlflow_uri, tmp_path
):
    run_id = log_run(client, own_experiment, run_folders / "full-s1", "full", 1)
    later = client.get_metric_history(run_id, "progress/tokens")[2].timestamp + 1000
    client.log_metric(run_id, "progress/tokens", 7.0, timestamp=later, step=2)
    client.log_metric(run_id, "progress/tokens", 5.0, timestamp=1, step=2)
    ((run,), _notes) = read_mlflow_runs(mlflow_uri, tmp_path, experiment=tmp_path.name)
    assert run.progress["tokens"][2] == 7.0
    assert [*run.progress["tokens"]] == [0, 1, 2, 3, 4]


def test_a_run_without_responses_is_left_out_and_told(
    client, own_experiment, run_folders, mlflow_uri, tmp_path
):
    log_run(client, own_experiment, run_folders / "full-s1", "full", 1)
    client.create_run(own_experiment, tags={"verb": "fit"}, run_name="bare")
    found = read_mlflow_runs(mlflow_uri, tmp_path, experiment=tmp_path.name)
    assert [run.name for run in found.runs] == ["full-1"]
    (note,) = found.notes
    assert note.startswith("run 'bare' is left out: no evaluation responses")


def test_trajectories_are_those_of_the_run_itself(client, own_experiment, mlflow_uri, tmp_path):
    folder = write_run_folder(tmp_path / "run", "full", 1, benchmarks=("easy",))
    address = (folder / "trajectories").as_uri()
    tags = {"trajectories": address}
    run_id = log_run(client, own_experiment, folder, "full", 1, tags=tags)
    assert mlflow_runs._own_store(address, "full-1") == address
    ((run,), _notes) = read_mlflow_runs(mlflow_uri, tmp_path, run_ids=[run_id])
    assert run.trajectories is None  # another run's rows are in that folder by now
    assert mlflow_runs._own_store("s3://elsewhere/trajectories", "full-1") is None
    assert mlflow_runs._own_store((tmp_path / "gone").as_uri(), "full-1") is None


def test_what_is_not_there_is_told(logged_runs, mlflow_uri, tmp_path):
    with pytest.raises(ValueError, match=r"no experiment 'toy studi' in .*; there are .*toy study"):
        read_mlflow_runs(mlflow_uri, tmp_path, experiment="toy studi")
    with pytest.raises(ValueError, match=r"no runs of limr fit that match .tags.arm = 'x'"):
        read_mlflow_runs(
            mlflow_uri, tmp_path, experiment="toy study", filter_string="tags.arm = 'x'"
        )
    with pytest.raises(ValueError, match=r"MLflow at .*: .*abc"):
        read_mlflow_runs(mlflow_uri, tmp_path, run_ids=["abc"])
    with pytest.raises(ValueError, match=r"MLflow at .*: "):
        read_mlflow_runs(mlflow_uri, tmp_path, experiment="toy study", filter_string="arm == 1")
    with pytest.raises(ValueError, match=r"no MLflow database .*absent.db; set --tracking_uri"):
        read_mlflow_runs(f"sqlite:///{tmp_path}/absent.db", tmp_path, experiment="x")
    assert not (tmp_path / "absent.db").exists()
