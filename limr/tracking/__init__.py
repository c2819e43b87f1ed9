"""What is kept of a run: its metrics in MLflow, its resolved configuration, its circumstances."""

from limr.tracking.logger import RunLogger
from limr.tracking.run_info import RunInfo
from limr.tracking.save_config import MlflowSaveConfig

__all__ = ["MlflowSaveConfig", "RunInfo", "RunLogger"]
