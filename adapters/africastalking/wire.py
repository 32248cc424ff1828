"""The form of Africa's Talking, both ways, without I/O.

Request (verified): POST, form, `sessionId`, `phoneNumber` (E.164, with or without plus), `networkCode`,
`serviceCode`, `text`: all inputs of the dialogue so far joined by `*`, empty at the start. Reply: text/plain
that begins `CON ` (the dialogue waits) or `END `. End of a dialogue: a second URL gets a form with `status`.

Where the digits of a deep dial arrive is not verified; both forms seen are read: the whole string in
`serviceCode`, or its rest in `text`. A `*` in the middle of `text` is ambiguous (typed, or a joint): the
accumulated text is passed on whole, and the session, which knows how much of it has been taken, splits it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from adapters.form import msisdn, read_form, required
from ussd_engine import Kind, Reply, Turn, WireError

TEXT_MAX = 4096
"""Characters: some forty answers of a full USSD string (3GPP TS 23.038 §5) or two thousand digits."""

_TURN = {"sessionId": 128, "serviceCode": 182, "phoneNumber": 16, "networkCode": 32, "text": TEXT_MAX}
_EVENT = {"sessionId": 128, "serviceCode": 182, "phoneNumber": 16, "status": 32, "errorMessage": 1024}


def decode(
    body: bytes,
    content_type: str,
    *,
    gateway: str,
    deep_in_text: bool = True,
    screen_octets: int = 160,
    deadline_s: float = 10.0,
) -> Turn:
    """Read one request.

    Args:
        gateway: the configured name, copied into the turn with `screen_octets` and `deadline_s`.
        deep_in_text: text in a dialogue not seen before is answers typed ahead, not a late answer.

    Raises:
        WireError: the request can't be read; `status` is 415 for another content type, else 400.
    """
    fields = read_form(body, content_type, _TURN)
    required(fields, "sessionId", "serviceCode", "phoneNumber")
    text = fields.get("text")
    if text is None:
        raise WireError("missing: text")
    dialogue = _dialogue(fields)
    code = fields["serviceCode"]
    return Turn(
        gateway=gateway,
        dialogue=dialogue,
        msisdn=msisdn(fields["phoneNumber"], "phoneNumber"),
        kind=Kind.ANSWER if text else Kind.BEGIN,
        text=_dialled(code, text) if text else code,
        service_code=code,
        accumulated=text,
        # An empty first field can only be a deep dial (`*880**0*…#`) where the dialogue is not known;
        # where it is, somebody answered the first screen with nothing.
        may_begin=bool(text) and (deep_in_text or text[0] == "*"),
        screen_octets=screen_octets,
        deadline_s=deadline_s,
    )


def encode(reply: Reply) -> bytes:
    """The body of the answer, UTF-8."""
    return (f"CON {reply.text}" if reply.open else f"END {reply.text}").encode()


def decode_event(body: bytes, content_type: str, *, gateway: str) -> Turn | None:
    """Read the notice that a dialogue is over.

    Returns:
        None where the dialogue ended as it should (`Success`). `Incomplete` and `Failed` are an abort, or a
        timeout where `errorMessage` says so.

    Raises:
        WireError: as `decode`.
    """
    fields = read_form(body, content_type, _EVENT)
    required(fields, "sessionId", "serviceCode", "phoneNumber", "status")
    status = fields["status"].lower()
    if status not in ("success", "incomplete", "failed"):
        raise WireError("status is none of Success, Incomplete, Failed")
    if status == "success":
        return None
    timed_out = "time" in fields.get("errorMessage", "").lower()
    return Turn(
        gateway=gateway,
        dialogue=_dialogue(fields),
        msisdn=msisdn(fields["phoneNumber"], "phoneNumber"),
        kind=Kind.TIMEOUT if timed_out else Kind.ABORT,
        service_code=fields["serviceCode"],
    )


def encode_request(*, dialogue: str, phone: str, code: str, text: str, network: str = "43400") -> bytes:
    """The network's half: the form of one request (43400: Uzbekistan's mobile country code, no network)."""
    fields = {"sessionId": dialogue, "serviceCode": code, "phoneNumber": phone, "networkCode": network}
    return urlencode({**fields, "text": text}).encode()


def encode_event(*, dialogue: str, phone: str, code: str, timed_out: bool) -> bytes:
    """The network's half: the notice that a dialogue is over before its last screen."""
    fields = {"sessionId": dialogue, "serviceCode": code, "phoneNumber": phone, "status": "Incomplete"}
    if timed_out:
        fields |= {"status": "Failed", "errorMessage": "The session timed out"}
    return urlencode(fields).encode()


def decode_reply(body: bytes) -> Reply:
    """The network's half: what the phone shows.

    Raises:
        WireError: not UTF-8, or it begins with neither `CON ` nor `END `; the gateway would close then.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise WireError("the answer is not valid UTF-8") from None
    if text[:4] not in ("CON ", "END "):
        raise WireError("the answer begins with neither CON nor END")
    return Reply(text[4:], open=text[0] == "C")


def _dialogue(fields: dict[str, str]) -> str:
    dialogue = fields["sessionId"]
    if not dialogue.isprintable():
        raise WireError("sessionId holds control characters")
    return dialogue


def _dialled(code: str, text: str) -> str:
    return f"{code.removesuffix('#')}*{text.removesuffix('#')}#"
