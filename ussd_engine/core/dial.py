"""Dial strings: `*880**0*901234567*50000#` is a service code and fields, empty ones kept.

3GPP TS 22.090 §4 lets a network take any string that ends in `#` and is no supplementary-service
code as USSD; an empty field is legal there and tells merchant commands from customer ones (domain.md S13a).
"""

from __future__ import annotations

from ussd_engine.core.errors import UssdEngineError

FIELDS_MAX = 16
"""More fields than this are no command of ours, whatever they hold."""


class DialError(UssdEngineError):
    """Not a dial string of this service."""


def parse(dialled: str, service_code: str) -> tuple[str, ...]:
    """Return the fields after `service_code`, `()` for the bare code.

    `*880*2#` gives `("2",)`; `*880**0*90*5#` gives `("", "0", "90", "5")`: a field that is empty stays.

    Raises:
        DialError: another code, or more than `FIELDS_MAX` fields. The text never repeats what was
            dialled: a card number or PIN may be in it (domain.md S7).
    """
    code = service_code.removesuffix("#")
    body = dialled.strip().removesuffix("#")
    if not body.startswith(code):
        raise DialError(f"the dialled string does not begin with {code}")
    rest = body[len(code) :]
    if not rest:
        return ()
    if rest[0] != "*":
        raise DialError(f"the dialled string goes on after {code} without a star")
    fields = tuple(rest[1:].split("*"))
    if len(fields) > FIELDS_MAX:
        raise DialError(f"the dialled string has more than {FIELDS_MAX} fields")
    return fields
