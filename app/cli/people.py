"""Operations on the database. PINs and card numbers come from stdin only."""

from __future__ import annotations

import csv
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.fail import fail

if TYPE_CHECKING:
    from app.money import Money
    from invoicing import Done, Refused

DEMO_DATA, DATA = Path(".data"), Path("data")
TIYIN = 100

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML)")]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder of the SQLite database; .data (the demo's) unless a security key is set"),
]
Phone = Annotated[str, typer.Argument(metavar="MSISDN", help="The phone, e.g. 998901234567")]
By = Annotated[str | None, typer.Option(help="Who does it, for the audit trail; else the login's name")]
Language = Annotated[str, typer.Option(help="ru, uz, uz-Cyrl or en")]

db = typer.Typer(help="The database.", no_args_is_help=True)
merchant = typer.Typer(help="Merchants, as their bank registers them.", no_args_is_help=True)
customer = typer.Typer(help="Customers.", no_args_is_help=True)
card = typer.Typer(help="Cards.", no_args_is_help=True)


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.add_typer(db, name="db")
    main.add_typer(merchant, name="merchant")
    main.add_typer(customer, name="customer")
    main.add_typer(card, name="card")
    main.command("import")(import_file)


@db.command("upgrade")
def db_upgrade(config: Config = None, data: Data = None) -> None:
    """Bring the tables up to date; nothing happens where they are."""
    with opened(config, data):
        typer.echo("the database is up to date")


@merchant.command("add")
def merchant_add(
    name: Annotated[str, typer.Argument(help="As customers know it")],
    msisdn: Phone,
    lang: Language = "ru",
    fee_bp: Annotated[int, typer.Option(help="The fee in hundredths of a percent")] = 0,
    account: Annotated[str | None, typer.Option(help="The bank account's reference")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Register a merchant and its owner's phone."""
    with opened(config, data) as money:
        done = money.invoicing.add_merchant(name, msisdn, lang=lang, fee_bp=fee_bp, bank_account_ref=account)
        report(done, f"merchant {name} added")


@merchant.command("block")
def merchant_block(msisdn: Phone, config: Config = None, data: Data = None) -> None:
    """Block the merchant that this phone belongs to."""
    with opened(config, data) as money:
        report(money.invoicing.block_merchant(msisdn), "merchant blocked")


@merchant.command("unblock")
def merchant_unblock(msisdn: Phone, config: Config = None, data: Data = None) -> None:
    """Let a blocked merchant work again."""
    with opened(config, data) as money:
        report(money.invoicing.unblock_merchant(msisdn), "merchant unblocked")


@merchant.command("list")
def merchant_list(config: Config = None, data: Data = None) -> None:
    """Print phone, role, state, service code and name of every merchant user."""
    with opened(config, data) as money:
        for one in money.invoicing.list_merchants():
            state = "active" if one.active else "blocked"
            typer.echo(f"{one.msisdn}\t{one.role}\t{state}\t{one.service_code}\t{one.name}")


@customer.command("add")
def customer_add(msisdn: Phone, lang: Language = "ru", config: Config = None, data: Data = None) -> None:
    """Connect a phone; the CLICK-PIN is read from stdin."""
    pin = secret("CLICK-PIN")
    with opened(config, data) as money:
        report(money.invoicing.add_customer(msisdn, pin, lang), "customer added")


@customer.command("unlock")
def customer_unlock(msisdn: Phone, config: Config = None, data: Data = None) -> None:
    """Open a PIN that wrong tries locked."""
    with opened(config, data) as money:
        report(money.invoicing.unlock_customer(msisdn), "PIN unlocked")


@customer.command("verify-sim")
def customer_verify_sim(msisdn: Phone, by: By = None, config: Config = None, data: Data = None) -> None:
    """Let a phone pay again whose SIM changed, once the bank has made sure who holds it."""
    with opened(config, data) as money:
        done = money.invoicing.verify_sim(msisdn, by=who(by))
        report(done, "SIM verified", not_found=f"nobody waits for the SIM of {msisdn} to be verified")


@card.command("add")
def card_add(
    msisdn: Phone,
    expiry: Annotated[str, typer.Argument(metavar="MMYY", help="Month and year of expiry")],
    balance: Annotated[
        int | None, typer.Option(min=0, metavar="SOUM", help="What the sandbox's card holds from now on")
    ] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Link a card; its number is read from stdin and kept nowhere."""
    pan = secret("Card number").replace(" ", "")
    tiyin = None if balance is None else balance * TIYIN
    with opened(config, data) as money:
        done = money.invoicing.add_card(msisdn, pan, expiry, balance_tiyin=tiyin)
        report(done, f"card *{pan[-4:]} added")


def import_file(
    file: Annotated[Path, typer.Argument(help="UTF-8, with a header line")],
    config: Config = None,
    data: Data = None,
) -> None:
    """Register many at once.

    Columns: kind, msisdn, and for a merchant name, lang, fee_bp, account; for a customer pin, lang;
    for a card pan, expiry. A refused row stops no other; exit 1 if there were any.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"{file}: {error.strerror if isinstance(error, OSError) else error}")
    with opened(config, data) as money:
        result = money.invoicing.import_csv(rows)
    for number, reason in result.refused:
        typer.echo(f"{file}: row {number} refused: {words(reason)}", err=True)
    typer.echo(f"{result.done} rows taken over, {len(result.refused)} refused")
    if result.refused:
        raise typer.Exit(1)


@contextmanager
def opened(config: Path | None, data: Path | None, *, new: bool = True) -> Iterator[Money]:
    """The money domain over the configured database, brought up to date; exit 2 where it can't be used.

    `new`: a database that is not there is made.
    """
    from app import plugins
    from app.bank import COMMANDS
    from app.configuring import SettingsError, load
    from app.handset import running
    from app.money import DATABASE, CannotOpen, Money

    try:
        settings = load(config)
        configured = settings.security.key
        folder = data or (DATA if configured else DEMO_DATA)
        if not new and settings.database.url is None and not (folder / DATABASE).exists():
            fail(f"{folder}: there is no {DATABASE}; name its folder by --data, or set [database] url")
        key = configured.get_secret_value() if configured else running.security_key(folder)
        with Money.open(settings, folder, key.encode(), line=COMMANDS) as money:
            money.upgrade()
            yield money
    except (SettingsError, CannotOpen, plugins.UnknownPlugin) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def secret(what: str) -> str:
    """A line of stdin, unseen on a terminal."""
    if sys.stdin.isatty():
        typed: str = typer.prompt(what, hide_input=True)
        return typed.strip()
    line = sys.stdin.readline().strip()
    if not line:
        fail(f"give the {what} on stdin")
    return line


def who(by: str | None) -> str:
    """The name that the audit trail keeps."""
    name = (by or getpass.getuser()).strip()
    if not name.isprintable() or not name:
        fail("--by: a name that can be printed")
    return name


def report(result: Done | Refused, done: str, *, not_found: str | None = None) -> None:
    """Say what was done, or leave with the reason; `not_found` says what there is none of."""
    from invoicing import Refusal, Refused

    if isinstance(result, Refused):
        if result.reason is Refusal.NOT_FOUND and not_found is not None:
            fail(not_found)
        fail(f"refused: {words(result.reason)}")
    typer.echo(done)


def words(reason: str) -> str:
    """A refusal's name as people read it."""
    return str(reason).replace("_", " ")
