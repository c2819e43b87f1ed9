"""Benchmarks, metrics with intervals, and the callback that reports them."""

from evaluators.callback import Evaluation
from evaluators.metrics import BenchmarkMetrics, Summary
from limr.report.intervals import Estimate, mean_interval, paired_change

__all__ = [
    "BenchmarkMetrics",
    "Estimate",
    "Evaluation",
    "Summary",
    "mean_interval",
    "paired_change",
]
