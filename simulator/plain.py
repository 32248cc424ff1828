"""The handset of a plain terminal: a line in, a screen out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.phone import NoService, Phone, Server
from ussd_engine import WireError

HELP = """\
  *880#      dial (any string that ends with #)
  1, 0, ...  answer the screen
  sms        read this phone's messages
  as 998...  take another phone
  off        hang up
  quit       leave"""


def run(server: Server, number: str, lines: Iterable[str], show: Callable[[str], None]) -> None:
    """Play a phone until `quit` or the end of `lines`; `show` gets whole texts."""
    phone = Phone(server, number)
    show(f"Phone {phone.number}. Dial *880#; ? for help.")
    for line in lines:
        typed = line.rstrip("\r\n")
        word, _, rest = typed.strip().partition(" ")
        if word in ("quit", "exit"):
            return
        try:
            if word == "as":
                phone = Phone(server, rest.strip())
                show(f"Phone {phone.number}.")
            elif word == "sms":
                show(_messages(server, phone.number))
            elif word == "off":
                phone.open = False
                show("(hung up)")
            elif word in ("?", "help"):
                show(HELP)
            else:
                show(_dialogue(phone, typed))
        except (NoService, WireError) as error:
            show(f"! {error}")


def _dialogue(phone: Phone, typed: str) -> str:
    if typed.startswith(("*", "#")) and typed.endswith("#"):
        reply = phone.dial(typed)
    elif phone.open:
        reply = phone.answer(typed)
    else:
        return "No dialogue is open: dial *880#, or ? for help." if typed.strip() else ""
    return _framed(reply.text) + ("" if reply.open else "\n(closed)")


def _framed(text: str) -> str:
    width = max(24, *(len(line) for line in text.split("\n")))
    edge = "-" * (width + 2)
    body = "\n".join(f"| {line:<{width}} |" for line in text.split("\n"))
    return f"+{edge}+\n{body}\n+{edge}+"


def _messages(server: Server, number: str) -> str:
    inbox = server.inbox(number)
    if not inbox:
        return "(no messages)"
    return "\n".join(f"[{one['at']}] {one['from']}: {one['text']}" for one in inbox)
