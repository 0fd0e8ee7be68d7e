"""Leaderboards: their columns, rows and curves."""
