"""Figures and tables for a paper."""
