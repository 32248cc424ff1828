"""The `ussd` command. Heavy modules are imported by the commands that need them, so that a dial is quick."""

from __future__ import annotations

import gc

import typer

from app.cli import (
    audit,
    authoring,
    cdr,
    dial,
    gateways,
    handset,
    load,
    menus,
    new,
    office,
    operators,
    people,
    push,
    scenarios,
    serve,
)
from app.cli.fail import Program

# What a command imports is there to stay: to look through it for garbage takes a tenth of a start.
gc.set_threshold(20_000, 20, 50)

main = typer.Typer(
    cls=Program,
    name="ussd",
    help="Run, check and call a USSD service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
serve.add_to(main)
dial.add_to(main)
handset.add_to(main)
load.add_to(main)
menus.add_to(main)
new.add_to(main)
authoring.add_to(main)
scenarios.add_to(main)
people.add_to(main)
office.add_to(main)
operators.add_to(main)
push.add_to(main)
audit.add_to(main)
cdr.add_to(main)
gateways.add_to(main)
