"""Metrics, logs, the request log, and the last minutes of the figures."""
