"""Metrics: one family a file. The file name is the registry."""
