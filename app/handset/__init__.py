"""The demo and its handsets."""
