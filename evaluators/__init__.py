"""Benchmarks, metrics with intervals, and the callback that reports them."""

from evaluators.callback import Evaluation
from evaluators.metrics import BenchmarkMetrics, Summary, accuracy_interval

__all__ = ["BenchmarkMetrics", "Evaluation", "Summary", "accuracy_interval"]
