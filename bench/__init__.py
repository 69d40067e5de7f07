"""Benchmarks: every figure is a ratio to bench/reference.py, measured in the same run."""
