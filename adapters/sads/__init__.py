"""Eyeline SADS (MiniApps): GET in, an XML page out."""
