"""What a device calls itself, in the two words that its owner knows it by."""

from __future__ import annotations

from typing import Final

_BROWSERS: Final = (
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("OPR/", "Opera"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""The first that is found: most call themselves Chrome and Safari as well."""
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def named(label: str) -> str:
    """`Chrome, Android`; what is no browser of these keeps its own words."""
    browser = next((name for mark, name in _BROWSERS if mark in label), "")
    system = next((name for mark, name in _SYSTEMS if mark in label), "")
    return ", ".join(part for part in (browser, system) if part) if browser else label
