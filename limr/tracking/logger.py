"""MLflow in one local file, where a run's status says how the run really ended."""

import sys
import time

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException
from mlflow.exceptions import MlflowException


class RunLogger(MLFlowLogger):
    """Lightning's MLflow logger with a database that works everywhere, and honest run statuses.

    Lightning marks every run that did not finish as failed. Here a run stopped by a person or by
    the machine (Ctrl-C, SIGTERM) ends as ``KILLED`` and only one that raised ends as ``FAILED``. A
    run that was given no chance to say goodbye (SIGKILL, power) stays ``RUNNING``.

    Args:
        experiment_name: MLflow experiment, created when absent.
        run_name: Name of the run; None takes the time it started. (MLflow would draw a name from
            the global random generator, so that all runs of one seed were namesakes.)
        tracking_uri: Where MLflow keeps metrics. Its plain folders are deprecated, hence sqlite.
        artifact_location: Where a new experiment keeps files. An existing experiment keeps its own.
        tags: Further tags of the run.
        run_id: An existing run to go on with; None starts a new one.
        synchronous: False logs metrics from a background thread.
    """

    def __init__(
        self,
        experiment_name: str = "limr",
        run_name: str | None = None,
        tracking_uri: str = "sqlite:///mlflow.db",
        artifact_location: str = "mlruns",
        tags: dict[str, str] | None = None,
        run_id: str | None = None,
        synchronous: bool | None = None,
    ) -> None:
        super().__init__(
            experiment_name=experiment_name,
            run_name=run_name or time.strftime("%Y-%m-%d %H:%M:%S"),
            tracking_uri=tracking_uri,
            artifact_location=artifact_location,
            tags=tags,
            run_id=run_id,
            synchronous=synchronous,
        )

    @rank_zero_only
    def go_on_with(self, run_id: str) -> None:
        """Log into an earlier run, which is running again; a `run_id` of the YAML has precedence.

        Raises:
            ValueError: If MLflow does not have that run.
        """
        self._run_id = self._run_id or run_id
        try:
            self.experiment.update_run(self._run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise ValueError(
                f"MLflow has no run {self._run_id} in {self._tracking_uri}, in which the "
                "checkpoint's run was logged; set the logger's tracking_uri to where it is"
            ) from error

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Set the run's final status; Lightning calls this while the exception is being handled."""
        stopped = isinstance(sys.exc_info()[1], KeyboardInterrupt | SIGTERMException)
        super().finalize("KILLED" if status == "failed" and stopped else status)
