"""Gateway families. Each folder holds a pure codec (`wire.py`) and the thin shell that does its I/O."""
