"""Clip pages: previews side by side, frame by frame."""
