"""Cellulant: GET in, six fields between bars out."""
