"""Datasets: one a file; `synthetic` is the embedded default."""
