"""What a service is made of, checked before the first port is opened: settings, menus, actions, database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from app import bank, domain, plugins
from app.actions import wallet
from app.actions.invoices import InThread, MenuActions
from app.actions.push import PushActions
from app.lines.links import BadLink, Links
from app.lines.pushing import BadPush, Pushes, check_push
from app.menusets import files as menufiles
from app.money import CannotOpen, Money
from app.settings import Settings
from app.watching.board import Board
from ussd_engine import Action, MenuError, Service, compile_menus

P = ParamSpec("P")
R = TypeVar("R")

DEMO_TABLES: Mapping[str, Any] = {
    "menus": {"reload": True},
    "gateways": {"africastalking": {"name": "africastalking", "kind": "africastalking"}},
    # Whoever links a card of the sandbox can pay with it.
    "bank": {"sandbox_balance": 100_000},
    # A webhook may be tried out against a program on this machine.
    "cabinet": {"private_webhooks": True},
    # A day of trying things out is no attack.
    "limits": {
        "open_per_pair_a_day": 10_000,
        "issues_per_minute": 1_000,
        "issues_per_day": 100_000,
        "sms_per_pair_a_day": 10_000,
    },
}


class CannotStart(Exception):
    """The service can't be put together; the message says what to mend."""


@dataclass(frozen=True)
class Plan:
    """What all workers share, made before the first of them starts.

    Attributes:
        folder: where the SQLite database lies.
        key: the security key, from which every other key comes.
        texts: the sources of `service`.
        demo: shows inboxes and sessions.
        keeps_money: the menus or the settings ask for the money domain; else it is empty, in memory.
        worker: this process's number, from 0.
        line: which of the bank's lines is this process's own.
        does_chores: relays notices, expires invoices, recovers payments.
        board: where the worker with the lines says how they are.
        live: where the worker that does chores says how the engine does.
    """

    settings: Settings
    folder: Path
    key: bytes = field(repr=False)
    service: Service = field(repr=False)
    texts: Mapping[str, str] = field(repr=False)
    demo: bool = False
    keeps_money: bool = True
    does_chores: bool = True
    worker: int = 0
    line: int = 0
    board: Board = field(default_factory=Board, repr=False)
    live: Board = field(default_factory=Board, repr=False)


def prepare(settings: Settings, folder: Path, key: str, *, demo: bool) -> Plan:
    """Check everything that can be checked before a port is opened; bring the database up to date.

    Raises:
        CannotStart: the menus have mistakes, the database can't be used, a setting names nothing.
    """
    try:
        Links(settings, lambda _gateway, _outcome: None, "")
        _check_traces(settings)
        bank.check(settings.bank)
        texts = menufiles.read(menufiles.folder(settings.menus.path))
        service = compiled(texts)
        check_push(settings, service)
        keeps_money = domain.is_kept(settings, service, domains_actions())
        settings = settings if keeps_money else domain.in_memory(settings)
        with Money.open(settings, folder, key.encode(), line=bank.COMMANDS if demo else None) as money:
            money.upgrade()
            if demo and keeps_money:
                money.invoicing.seed_demo()
    except (BadLink, BadPush, bank.NoLine, CannotOpen, menufiles.NoMenus, plugins.UnknownPlugin) as error:
        raise CannotStart(str(error)) from None
    except MenuError as error:
        raise CannotStart(f"the menus have mistakes:\n{error}") from None
    return Plan(settings, folder, key.encode(), service, texts, demo, keeps_money)


def declared_actions() -> dict[str, Action]:
    """The actions as menus are checked against them; none of these can be called."""
    with Money.nowhere() as money:
        return actions_over(money, _unavailable)


def domains_actions() -> set[str]:
    """The names of our own actions: all of them but `push` are the money domain's."""
    return declared_actions().keys() - plugins.actions().keys() - {"push"}


def actions_over(money: Money, in_thread: InThread, pushes: Pushes | None = None) -> dict[str, Action]:
    """All actions; without `pushes` they are only declared."""
    table = MenuActions(money.invoicing, in_thread).table()
    table |= PushActions(pushes).table()
    table |= wallet.WalletActions(money.invoicing, in_thread).table()
    for name, action in plugins.actions().items():
        if name in table:
            raise CannotStart(f"the action '{name}' of an installed package has the name of one of ours")
        table[name] = action
    return table


def compiled(texts: Mapping[str, str]) -> Service:
    return compile_menus(texts, declared_actions())


def _check_traces(settings: Settings) -> None:
    if settings.traces.endpoint is None:
        return
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        raise CannotStart("[traces] needs OpenTelemetry: pip install 'ussd-engine[traces]'") from None


def _unavailable(call: Callable[P, R], /, *_args: P.args, **_kwargs: P.kwargs) -> Awaitable[R]:
    raise RuntimeError(f"{call!r} was only declared")
