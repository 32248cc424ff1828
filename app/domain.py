"""Whether a service needs the money domain: where its menus never call it, no database, no cabinet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pydantic import SecretStr

from app.settings import Database, Settings
from ussd_engine import MenuError, Problem, Service
from ussd_engine.core.service import Do, Listing

IN_MEMORY = "sqlite://"

Compile = Callable[[Mapping[str, str]], Service]


def used(service: Service, domains: Collection[str]) -> list[str]:
    """The actions of the domain that the service's menus call."""
    called = {state.action for state in service.states.values() if isinstance(state, Do | Listing)}
    return sorted(called & set(domains))


def is_kept(settings: Settings, service: Service, domains: Collection[str]) -> bool:
    """Whether there is anything to keep: an action of `domains` is called, or a database is named."""
    return settings.database.url is not None or bool(used(service, domains))


def in_memory(settings: Settings) -> Settings:
    """The same settings with an empty domain that lives as long as the process."""
    database = Database(url=SecretStr(IN_MEMORY), threads=settings.database.threads)
    return settings.model_copy(update={"database": database})


def without(compile_: Compile, domains: Collection[str]) -> Compile:
    """`compile_`, refusing menus that need what this process was started without."""

    def compiled(texts: Mapping[str, str]) -> Service:
        service = compile_(texts)
        if called := used(service, domains):
            what = f"the menus now call '{called[0]}', and this process was started without its database."
            path = min(texts, default="menus")
            raise MenuError([Problem(path, 1, 1, "restart", what, "Start the service again.")])
        return service

    return compiled
