"""Processes and the one port: what serves, and how it ends."""
