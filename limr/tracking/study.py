"""Runs that belong together: children of one parent run, by which MLflow's table groups them."""

from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID


def join_study(client: MlflowClient, experiment_id: str, run_id: str, study: str) -> None:
    """Make a run a child of the study's parent, which is made when there is none.

    Two processes may not be in here at once: MLflow's runs have no unique names, so that both
    would make a parent.

    Args:
        client: Of the server that has the run.
        experiment_id: The run's experiment, to which the study belongs.
        run_id: The child.
        study: The parent's name.
    """
    parent = _parent(client, experiment_id, study)
    tags = {MLFLOW_PARENT_RUN_ID: parent, "study": study}
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def _parent(client: MlflowClient, experiment_id: str, study: str) -> str:
    for run in client.search_runs([experiment_id], "tags.role = 'study'"):
        if run.info.run_name == study:
            return str(run.info.run_id)
    parent = client.create_run(experiment_id, tags={"role": "study"}, run_name=study).info.run_id
    client.set_terminated(parent)
    return str(parent)
