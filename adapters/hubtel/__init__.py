"""Hubtel, Ghana: JSON with a Type, both ways."""
