"""Menus as pictures: SVG to look at, Mermaid and DOT to paste."""
