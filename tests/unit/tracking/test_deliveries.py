"""Files in MLflow's runs: where they go, which become tables, what does not stop a run."""

import json
import logging

import pytest
from mlflow import MlflowException

from limr.tracking.deliveries import deliver_file

TABLE = {"columns": ["question"], "data": [["1+1"]]}


@pytest.fixture
def client(run_logger):
    return run_logger.experiment


def write(path, content=TABLE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def tables(client, run_id):
    return json.loads(client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])


def deliver(run_logger, path, folder="responses", *, table=False):
    row = {"path": str(path), "folder": folder, "table": table}
    deliver_file(run_logger.experiment, run_logger.run_id, row)


def test_a_file_lies_in_its_folder_and_is_a_table_where_asked(run_logger, client, tmp_path):
    first, second = (write(tmp_path / "here" / f"{name}.json") for name in ("one", "two"))
    deliver(run_logger, first, table=True)
    deliver(run_logger, first, table=True)
    deliver(run_logger, second)
    deliver(run_logger, second, folder="", table=True)
    found = {f.path for f in client.list_artifacts(run_logger.run_id, "responses")}
    assert found == {"responses/one.json", "responses/two.json"}
    assert tables(client, run_logger.run_id) == [
        {"path": "responses/one.json", "type": "table"},
        {"path": "two.json", "type": "table"},
    ]


def test_mlflow_itself_reads_the_table_back(run_logger, client, tmp_path):
    deliver(run_logger, write(tmp_path / "one.json"), table=True)
    run_id = run_logger.run_id
    loaded = client.load_table(run_logger.experiment_id, "responses/one.json", [run_id])
    assert loaded.to_dict("records") == [{"question": "1+1"}]


def test_a_full_tag_forgets_the_oldest_tables(run_logger, client, tmp_path):
    path = write(tmp_path / f"{'x' * 200}.json")
    for number in range(40):  # of about 240 characters each; MLflow's limit is 8,000
        deliver(run_logger, path, folder=f"{number:03d}", table=True)
    found = [row["path"][:3] for row in tables(client, run_logger.run_id)]
    assert found == [f"{number:03d}" for number in range(40 - len(found), 40)]
    assert len(found) > 30


def test_a_file_that_is_gone_is_named(run_logger, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        deliver(run_logger, tmp_path / "gone.json")
    assert f"{tmp_path / 'gone.json'} is gone" in caplog.text


def test_a_file_that_mlflow_refuses_is_named(client, tmp_path, caplog):
    row = {"path": str(write(tmp_path / "one.json")), "folder": "", "table": False}
    with caplog.at_level(logging.WARNING):
        deliver_file(client, "0123abcd", row)  # no such run
    assert f"{tmp_path / 'one.json'}: MLflow does not take it" in caplog.text


def test_a_store_of_files_that_fails_is_absent(run_logger, tmp_path):
    (tmp_path / "artifacts").write_text("a file where MLflow wants a folder")
    with pytest.raises(MlflowException) as raised:
        deliver(run_logger, write(tmp_path / "one.json"))
    assert raised.value.get_http_status_code() == 500
