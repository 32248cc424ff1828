"""A service's files: read, checked for their form, and put together under the one that names the code."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from ussd_engine.compiler.draft import Draft
from ussd_engine.compiler.explain import explained
from ussd_engine.compiler.schema import MenuSpec
from ussd_engine.compiler.source import Source, read
from ussd_engine.core.errors import Problem

Menu = tuple[Source, MenuSpec]
"""A file and what it holds."""


def read_files(draft: Draft, files: Mapping[str, str]) -> tuple[list[Menu], Menu | None]:
    """Read the files; the second value is the one that names the service code.

    That is None where some file could not be read: only whole services are compiled on, for with a file
    missing every target in it would look lost.
    """
    menus = [menu for path, text in files.items() if (menu := _parsed(draft, path, text)) is not None]
    whole = len(menus) == len(files)
    _names_differ(draft, menus)
    roots = [menu for menu in menus if menu[1].service_code]
    for source, _ in roots[1:]:
        what = f"`service_code` is also in {roots[0][0].path}."
        draft.say(source, ("service_code",), "service-code", what, "One file of a service has it.")
    if not roots and whole:
        path = next(iter(files), "menus")
        what = "no file has a `service_code`."
        mend = 'Add `service_code: "*123#"` and `start: …` to the service\'s first file.'
        draft.problems.append(Problem(path, 1, 1, "service-code", what, mend))
    return menus, roots[0] if len(roots) == 1 and whole else None


def _parsed(draft: Draft, path: str, text: str) -> Menu | None:
    source = read(path, text)
    draft.problems += source.problems
    if not isinstance(source.data, dict) and any(not told.warning for told in source.problems):
        return None
    try:
        return source, MenuSpec.model_validate(source.data)
    except ValidationError as error:
        draft.problems += explained(source, error)
        return None


def _names_differ(draft: Draft, menus: list[Menu]) -> None:
    by_name: dict[str, str] = {}
    for source, menu in menus:
        if menu.menu in by_name:
            what = f"menu '{menu.menu}' is also in {by_name[menu.menu]}."
            draft.say(source, ("menu",), "duplicate-name", what, "Give each menu a name of its own.")
        by_name[menu.menu] = source.path
