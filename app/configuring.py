"""Reads the settings: a TOML file, over it the environment; what can't be is told all at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError as Unreadable

from app import plugins
from app.settings import NESTED, PREFIX, SHARED, NotJson, Settings, findings


class SettingsError(Exception):
    """What is wrong with the settings, one finding a line, each with its file or variable."""


def load(path: Path | None = None, *, defaults: Mapping[str, Any] | None = None) -> Settings:
    """Read `path` (TOML) and the environment.

    Args:
        path: the file; None reads the environment only.
        defaults: tables as in the file, for what neither says (the demo's).

    Raises:
        SettingsError: the file can't be read, a key is unknown, a value doesn't fit. Never shows a value.
    """
    tables = _merged(defaults or {}, _read(path) if path else {})
    where = str(path) if path else "settings"
    problems = [*_unknown(tables, where), *_unknown_variables(tables)]
    if problems:
        raise SettingsError("\n".join(problems))
    try:
        return Settings(**tables)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{where}: {finding}" for finding in findings(error))) from None
    except Unreadable as error:
        raise SettingsError(_not_json(error)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    listed = tables.get("gateways", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise SettingsError(f"{path}: gateways are written as [[gateways]] tables, one for each")
    by_name: dict[str, Any] = {}
    for number, one in enumerate(listed, start=1):
        name = one.get("name")
        if not isinstance(name, str):
            raise SettingsError(f'{path}: gateway {number} has no name. Add name = "..."')
        spelt = name.replace("-", "_")
        if spelt in by_name:
            raise SettingsError(f"{path}: two gateways are named '{name}'. Their paths would be the same")
        by_name[spelt] = one
    return {**tables, "gateways": by_name} if listed else tables


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(lower, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(lower, value) if both and lower is not None else value
    return merged


def _not_json(error: Unreadable) -> str:
    key = error.__cause__.key if isinstance(error.__cause__, NotJson) else ""
    ends = f"{PREFIX}{key}".upper(), f"{NESTED}{key}".upper()
    named = [name for name in sorted(os.environ) if name.upper() == ends[0] or name.upper().endswith(ends[1])]
    which = " or ".join(name for name in named if name.upper().startswith(PREFIX))
    return f'environment: {which}: not valid JSON. Write a list as \'["...", "..."]\''


def _known(section: str) -> tuple[str, ...]:
    return _keys_of(Settings.model_fields[section].annotation)


def _table_in(section: str, key: str) -> tuple[str, ...]:
    """The keys of a table that is a key itself, as `bank.link` is; none where it is none."""
    kind = Settings.model_fields[section].annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields):
        return ()
    kinds = get_args(kind.model_fields[key].annotation)
    return next((_keys_of(one) for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), ())


def _keys_of(kind: Any) -> tuple[str, ...]:
    if isinstance(kind, type) and is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    return tuple(kind.model_fields)


def _unknown(tables: Mapping[str, Any], where: str) -> Iterator[str]:
    for section, table in tables.items():
        if section not in Settings.model_fields:
            yield f"{where}: unknown table '{section}'. {_nearest(section, Settings.model_fields)}"
        elif not isinstance(table, Mapping):
            yield f"{where}: '{section}' is a table: write [{section}] and its keys below"
        elif section == "gateways":
            for gateway in table.values():
                yield from _unknown_in_gateway(gateway, where)
        else:
            for key in table:
                if key not in _known(section):
                    yield f"{where}: unknown key '{section}.{key}'. {_nearest(key, _known(section))}"


def _unknown_in_gateway(gateway: Mapping[str, Any], where: str) -> Iterator[str]:
    name, kind = gateway.get("name"), gateway.get("kind")
    if not isinstance(kind, str):
        yield f"{where}: gateway '{name}' has no kind. Add kind = \"africastalking\" or another"
        return
    try:
        known = (*SHARED, *(field.name for field in fields(plugins.adapter(kind).options_type)))
    except plugins.UnknownPlugin as error:
        yield f"{where}: gateway '{name}': no kind '{kind}' is installed. {_nearest(kind, error.known)}"
        return
    for key in gateway:
        if key not in known:
            yield f"{where}: gateway '{name}': unknown key '{key}'. {_nearest(key, known)}"


def _unknown_variables(tables: Mapping[str, Any]) -> Iterator[str]:
    """Variables with our prefix that set nothing."""
    for variable in sorted(os.environ):
        if not variable.startswith(PREFIX) or NESTED not in variable:
            continue
        section, _, key = variable.removeprefix(PREFIX).lower().partition(NESTED)
        where = f"environment: unknown {variable}"
        if section not in Settings.model_fields:
            yield f"{where}. {_nearest(section, Settings.model_fields)}"
        elif section == "gateways":
            name, _, option = key.partition(NESTED)
            gateways = tables.get("gateways", {})
            if name not in gateways:
                yield f"{where}: no gateway has that name. {_nearest(name, gateways)}"
            elif not option:
                yield f"{where}: name the key too, {variable}{NESTED}SECRET"
        else:
            yield from _unknown_below(section, key, where)


def _unknown_below(section: str, key: str, where: str) -> Iterator[str]:
    key, nested, inner = key.partition(NESTED)
    table = _table_in(section, key) if nested else ()
    if key not in _known(section):
        yield f"{where}. {_nearest(key, _known(section))}"
    elif nested and not table:
        above = f"{PREFIX}{section.upper()}{NESTED}{key.upper()}"
        yield f"{where}: nothing lies below {above}; a table there is JSON"
    elif nested and inner not in table:
        yield f"{where}. {_nearest(inner, table)}"


def _nearest(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
