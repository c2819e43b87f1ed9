"""Lightning modules and callbacks: how a run learns."""

from limr.training.checkpoint import RunCheckpoint
from limr.training.export import HuggingFaceExport
from limr.training.placement import FSDP2
from limr.training.ppo_config import PPOConfig
from limr.training.ppo_module import PPOModule
from limr.training.preflight import Preflight
from limr.training.progress import PPOProgress
from limr.training.recorder import TrajectoryRecorder
from limr.training.supervised_module import SupervisedModule
from limr.training.watchdog import Watchdog

__all__ = [
    "FSDP2",
    "HuggingFaceExport",
    "PPOConfig",
    "PPOModule",
    "PPOProgress",
    "Preflight",
    "RunCheckpoint",
    "SupervisedModule",
    "TrajectoryRecorder",
    "Watchdog",
]
