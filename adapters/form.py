"""Reading `application/x-www-form-urlencoded` bodies strictly, and only the fields asked for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from ussd_engine import WireError

FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 64


def read_form(body: bytes, content_type: str, known: Mapping[str, int]) -> dict[str, str]:
    """Decode the fields named in `known`; others are passed over.

    Args:
        body: as received.
        content_type: the header as received, parameters included; another type than a form's is refused.
        known: field name to the most characters it may hold.

    Raises:
        WireError: another content type (415), more than `FIELDS_MAX` fields, invalid UTF-8, a known field
            twice or over its limit. The message names the field, never what it holds: that may be a PIN.
    """
    if content_type != FORM and content_type.partition(";")[0].strip().lower() != FORM:
        raise WireError(f"send {FORM}", status=415)
    # Octets that are not UTF-8 pass here as lone surrogates; `_text` refuses them with the field's name.
    text = body.decode("utf-8", "surrogateescape").replace("+", " ")
    # What dial strings are made of, all at once: none of it could be taken for a sign of the form itself.
    text = text.replace("%2B", "+").replace("%2A", "*").replace("%23", "#")
    pairs = text.split("&", FIELDS_MAX)
    if len(pairs) > FIELDS_MAX:
        raise WireError(f"more than {FIELDS_MAX} fields")
    is_plain = "%" not in text and text.isascii()
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not is_plain:
            name = _text(name, "a field's name")
        limit = known.get(name)
        if limit is None:
            continue
        if not is_plain:
            value = _text(value, name)
        if name in found:
            raise WireError(f"{name} comes twice")
        if len(value) > limit:
            raise WireError(f"{name} is longer than {limit} characters")
        found[name] = value
    return found


def _text(raw: str, what: str) -> str:
    try:
        return unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        # `from None`: the cause would carry the bytes themselves into a log.
        raise WireError(f"{what} is not valid UTF-8") from None


def required(fields: Mapping[str, str], *names: str) -> None:
    """Refuse a form that lacks some of `names`, or holds them empty, naming all of them at once."""
    missing = [name for name in names if not fields.get(name)]
    if missing:
        raise WireError(f"missing: {', '.join(missing)}")


def msisdn(value: str, field: str) -> str:
    """The E.164 digits of `value`, its plus or 00 dropped (ITU-T E.164 §6: fifteen digits at most).

    A plus that nobody escaped in a query arrives as a blank.

    Raises:
        WireError: anything else; also a 0 in front, which no country's code has (§6.2.1): such a number would
            be somebody whom nobody knows.
    """
    digits = value.removeprefix(" ").removeprefix("+").removeprefix("00")
    if not (5 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()):
        raise WireError(f"{field} is not 5 to 15 digits after an optional plus")
    if digits[0] == "0":
        raise WireError(f"{field} begins with 0: a number has its country's code in front")
    return digits
