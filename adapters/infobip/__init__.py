"""Infobip: JSON on a path for each session."""
