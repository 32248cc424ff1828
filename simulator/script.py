"""Recording: what happened on handsets, kept without a secret, and written as a scenario or a transcript.

    recorder = Recorder(names={"998901112233": "shop"}, secrets={"pin": pin})
    recorder.dialled("998901112233", "*880#", reply)
    recorder.answered("998901112233", "1", reply)
    recorder.got_sms("998901234567", "CLICK: ...")
    recorder.hung_up("998901112233")
    script_file.scenario(recorder, "A walk")        # what `ussd test` plays
    transcript(recorder.moments, recorder.names)    # `> 1` typed, `< ...` shown

Pure: who carries the dialogues calls these methods; nothing here looks at a clock, a socket or a file.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from secrets import token_bytes
from typing import Final

from ussd_engine import Reply

MOMENTS_MAX: Final = 10_000
"""One recording holds no more: a handset that is left recording must not grow for ever."""

_ASKS: Final = re.compile(
    r"pin|пин|парол|parol|passw|passcode|secret|секрет|cvv|cvc|otp|\bкод|\bkod\b|\bcode"
    r"|номер карт|karta raqami|карта рақами|card number",
    re.IGNORECASE,
)
"""What a question for a secret says in the languages that are near; a question too many does no harm."""
_CARD: Final = re.compile(r"[0-9]{13,19}")
"""A card's number (ISO/IEC 7812-1: at most 19 digits; none in use has fewer than 13)."""
_CODE: Final = re.compile(
    r"((?:\bкод|\bkod|\bcode|парол|passw|\bparol|\bpin|\bпин)\D{0,24}?)(\d{4,8})(?!\d)", re.IGNORECASE
)
"""A one-time code or password in an SMS: as good as a PIN while it is valid."""


class What(Enum):
    """What happened on a handset."""

    DIAL = "dial"
    ANSWER = "answer"
    SMS = "sms"
    HANGS_UP = "hangs_up"
    TIMES_OUT = "times_out"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Attributes:
        phone: the handset's number, as the recorder was told it.
        text: what was dialled or typed, or the SMS, as scenarios write texts: `{name}` stands for a secret or
            a code, braces are doubled.
        secret: the name of the secret that was typed; there is no text then.
        reply: what the handset showed; None where it showed nothing.
    """

    phone: str
    what: What
    text: str = ""
    secret: str | None = None
    reply: Reply | None = None


class Recorder:
    """Keeps what happens on handsets from now on.

    Attributes:
        names: what the recording calls a handset, by its number; one that has no name is called phone,
            phone2, ...
        moments: what was kept, oldest first.
        full: `MOMENTS_MAX` were kept, and what came since was not.
    """

    def __init__(
        self, names: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        """Begin with nothing.

        Args:
            secrets: values by name, as `ussd test` knows them: what is typed and equal to one gets its name.
                Other secrets are called secret, secret2, ...; the same value is the same name. No value is
                kept: only digests under a key of this recorder.
        """
        self.names = dict(names or {})
        self.moments: list[Moment] = []
        self.full = False
        self._key = token_bytes(16)
        self._secrets = {self._digest(value): name for name, value in (secrets or {}).items()}
        self._codes: dict[bytes, str] = {}
        self._screens: dict[str, str] = {}
        self._dialogues: set[str] = set()

    def dialled(self, phone: str, code: str, reply: Reply | None) -> None:
        """A dialogue began; `reply` is None where nothing came back."""
        self._dialogues.add(phone)
        self._keep(Moment(phone, What.DIAL, self._without_secrets(code), reply=reply))

    def answered(self, phone: str, typed: str, reply: Reply | None, *, secret: bool | None = None) -> None:
        """Something was typed into the open dialogue.

        Args:
            secret: whether the menu asked for a secret: the demo's `/demo/session/NUMBER` tells it before the
                answer is sent. None: nobody knows; then the question is looked at (`looks_secret`), rather
                taking a number too many for a secret than one too few. A card's number always is one.
        """
        if phone not in self._dialogues:
            return  # its dialogue began before the recording did
        digest = self._digest(typed)
        guessed = looks_secret("" if secret is False else self._screens.get(phone, ""), typed)
        if digest in self._codes:
            self._keep(Moment(phone, What.ANSWER, f"{{{self._codes[digest]}}}", reply=reply))
        elif typed and (secret or guessed or digest in self._secrets):
            self._keep(Moment(phone, What.ANSWER, secret=self._named(typed), reply=reply))
        else:
            self._keep(Moment(phone, What.ANSWER, escaped(typed), reply=reply))

    def got_sms(self, phone: str, text: str) -> None:
        """An SMS arrived. To be told in the order in which they did; older ones are not of this recording."""
        self._keep(Moment(phone, What.SMS, _CODE.sub(self._code, escaped(text))))

    def hung_up(self, phone: str) -> None:
        """The subscriber left the open dialogue."""
        self._left(phone, What.HANGS_UP)

    def timed_out(self, phone: str) -> None:
        """The network's time for the open dialogue was up."""
        self._left(phone, What.TIMES_OUT)

    def clear(self) -> None:
        """Begin anew; the handsets' names stay."""
        self.moments.clear()
        self._dialogues.clear()
        self._screens.clear()
        self.full = False

    def _left(self, phone: str, what: What) -> None:
        if phone in self._screens:
            self._dialogues.discard(phone)
            self._keep(Moment(phone, what))

    def _keep(self, moment: Moment) -> None:
        if moment.what is not What.SMS:
            if moment.reply is not None and moment.reply.open:
                self._screens[moment.phone] = moment.reply.text
            else:
                self._screens.pop(moment.phone, None)
        self.full = self.full or len(self.moments) >= MOMENTS_MAX
        if not self.full:
            self._name(moment.phone)
            self.moments.append(moment)

    def _name(self, phone: str) -> None:
        if phone not in self.names:
            self.names[phone] = next(_fresh("phone", self.names.values()))

    def _without_secrets(self, dialled: str) -> str:
        """A dialled string with the names of the secrets that are among its fields."""
        return "".join(
            f"{{{self._named(field)}}}"
            if field and (is_card(field) or self._digest(field) in self._secrets)
            else escaped(field)
            for field in re.split(r"([*#])", dialled)
        )

    def _code(self, found: re.Match[str]) -> str:
        digest = self._digest(found[2])
        if digest not in self._codes:
            self._codes[digest] = f"code{len(self._codes) + 1}"
        return f"{found[1]}{{{self._codes[digest]}}}"

    def _named(self, value: str) -> str:
        digest = self._digest(value)
        if digest not in self._secrets:
            self._secrets[digest] = next(_fresh("secret", self._secrets.values()))
        return self._secrets[digest]

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")


def escaped(text: str) -> str:
    """A text as scenarios write it: braces doubled, and nothing in it that UTF-8 can't carry."""
    return text.encode("utf-8", "replace").decode().replace("{", "{{").replace("}", "}}")


def looks_secret(screen: str, typed: str) -> bool:
    """Guess whether an answer is a secret: digits typed where the screen speaks of a PIN, password, code or
    card, or a card's number anywhere."""
    digits = re.sub(r"[\s-]", "", typed)
    if is_card(digits):
        return True
    return len(digits) > 2 and _ASKS.search(screen) is not None


def is_card(digits: str) -> bool:
    """Whether `digits` can be a card's number (ISO/IEC 7812-1 annex B: the last is a check digit)."""
    if _CARD.fullmatch(digits) is None:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def transcript(moments: Sequence[Moment], names: Mapping[str, str] | None = None) -> str:
    """The moments as text, an empty line before each dialogue: `> 1` typed, `< ...` shown, `@ ...` an SMS.

    Args:
        names: what handsets are called, by number (`Recorder.names`); each line begins with it where several
            take part.
    """
    called = names or {}
    several = len({moment.phone for moment in moments}) > 1
    lines: list[str] = []
    for moment in moments:
        who = f"{called.get(moment.phone, moment.phone)} " if several else ""
        if moment.what is What.DIAL and lines:
            lines.append("")
        lines += [f"{who}{line}" for line in _told(moment)]
    return "".join(f"{line}\n" for line in lines)


def _told(moment: Moment) -> list[str]:
    # Only here: scenarios bring YAML and a schema's library along, which recording needs none of.
    from ussd_engine.scenarios.match import filled

    text = filled(moment.text, {})
    match moment.what:
        case What.SMS:
            return [f"@ {line}" for line in text.split("\n")]
        case What.HANGS_UP:
            return ["(hangs up)"]
        case What.TIMES_OUT:
            return ["(times out)"]
    typed = f"> {text}" if moment.secret is None else f"> <{moment.secret}>"
    if moment.reply is None:
        return [typed, "(nothing came)"]
    shown = [f"< {line}" for line in moment.reply.text.split("\n")]
    return [typed, *shown] if moment.reply.open else [typed, *shown, "(closed)"]


def _fresh(word: str, taken: Collection[str]) -> Iterator[str]:
    """Yield word, word2, word3, ... that are not taken."""
    names = (word if number == 1 else f"{word}{number}" for number in count(1))
    return (name for name in names if name not in taken)
