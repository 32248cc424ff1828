"""`ussd settlement`, `ussd payment`: what an operator does with money, on the record."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.fail import fail
from app.cli.people import TIYIN, By, Config, Data, opened, report, who, words

if TYPE_CHECKING:
    from invoicing import Settled

settlement = typer.Typer(help="Business days, as they are settled with the bank.", no_args_is_help=True)
payment = typer.Typer(help="Payments that need a person.", no_args_is_help=True)


def add_to(main: typer.Typer) -> None:
    """Name the commands."""
    main.add_typer(settlement, name="settlement")
    main.add_typer(payment, name="payment")


@settlement.command("close")
def settlement_close(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in Tashkent that is over; yesterday")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The bank's file of totals (CSV); stdout")] = None,
    by: By = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Close a business day once: what the merchants are owed moves to the bank.

    A day that is closed already is told again, and nothing moves.
    """
    from invoicing import Refusal, Refused
    from invoicing.values import tashkent_day

    with opened(config, data) as money:
        closed = tashkent_day(money.clock.now()) - timedelta(days=1) if day is None else day.date()
        settled = money.invoicing.settle(closed, by=who(by))
    if isinstance(settled, Refused):
        if settled.reason is Refusal.DAY_NOT_OVER:
            fail(f"{closed} is not over yet in Tashkent")
        if settled.reason is Refusal.DAY_CLOSED:
            fail(f"{closed} has no settlement of its own: a later day is closed, and holds its money")
        fail(f"refused: {words(settled.reason)}")
    _write(settled, out)
    paid_out = sum(total.paid_out_tiyin for total in settled.totals)
    told = "closed" if settled.fresh else "was closed already"
    sums = f"{len(settled.totals)} merchants, {paid_out // TIYIN}.{paid_out % TIYIN:02d} soums paid out"
    typer.echo(f"{closed} {told}: {sums}", err=True)


def _write(settled: Settled, out: Path | None) -> None:
    from invoicing import write_totals

    try:
        with nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="") as file:
            write_totals(settled, file)
    except OSError as error:
        # The day is closed by now; the same command tells its totals again.
        fail(f"{settled.day} is closed, but {out} cannot be written: {error.strerror}; give another --out")


@payment.command("close-reversal")
def payment_close_reversal(
    number: Annotated[int, typer.Argument(min=1, help="The payment's number")],
    reason: Annotated[str, typer.Option(help="How you know that the money is back, e.g. the bank's paper")],
    by: By = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Close a reversal that the bank never acknowledged, after you saw that the money is back.

    The invoice may be paid again. Who closed it and why are kept in the audit trail.
    """
    why = reason.strip()
    if not why or not why.isprintable():
        fail("--reason: say on one line how you know that the money is back")
    with opened(config, data) as money:
        done = money.invoicing.close_reversal(number, by=who(by), reason=why)
        report(done, f"the reversal of payment {number} is closed", not_found=_none_left(number))


def _none_left(number: int) -> str:
    return f"no reversal of payment {number} is left to people: it is done, or still sent by itself"
