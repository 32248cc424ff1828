"""Airtel (Comviva Flares, pull): GET in, text and Freeflow headers out."""
