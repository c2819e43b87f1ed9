"""Benchmarks, metrics with intervals, and the callback that reports them."""
