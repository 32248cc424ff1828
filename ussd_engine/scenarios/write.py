"""Scenario files as text: what `read` reads, in the order and the style of files written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def dumped(data: Mapping[str, Any]) -> str:
    """Write a scenario, or several under `scenarios`, as YAML; texts of several lines stay on one."""
    text: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    return text


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Texts of several lines in double quotes, everything else quoted where YAML needs it."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None)


_Dumper.add_representer(str, _text)
