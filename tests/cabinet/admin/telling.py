"""A service that operators look at: a real journal of written dialogues, and figures that stand still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.watching.backoffice import JournalDialogues
from cabinet.admin.back import Back
from cabinet.running import GatewayState, LiveFigures, Menus, MenuVersion
from invoicing.backoffice import BackOffice
from tests.invoicing.world import CUSTOMER, STRANGER, World
from ussd_engine.core.events import Aborted, ActionDone, Answer, Begin, Event
from ussd_engine.core.masked import Masked
from ussd_engine.journal.files import JournalFiles
from ussd_engine.journal.lines import encoded
from ussd_engine.ports import Entry

HOME = "CLICK\n1.Счета\n2.Платежи\n3.Переводы\n4.Мои карты"
INVOICE = "№1001\nMAGAZIN-24\n50 000 сум\n1.Оплатить\n2.Отклонить\n0.Назад"
ASKED = "Счет №1001\n50 000 сум\nCLICK-PIN:\n00.Назад"
PAID = "Счет №1001 оплачен. Платеж №5000001"
PIN = "24680"

Shown = tuple[Event | None, tuple[str, ...], str, str, bool]


class Written:
    """A worker's journal; `say` writes a dialogue whose turns lie three seconds apart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = JournalFiles(folder)

    def say(
        self, name: int, at: float, turns: Sequence[Shown], *, caller: str = CUSTOMER, gateway: str = "ucell"
    ) -> str:
        entries = [
            Entry(
                dialogue=name.to_bytes(8, "big"),
                turn=place,
                at=at + 3 * place,
                gateway=gateway,
                msisdn=caller,
                menu=b"\x7a\x57\xd4\x88",
                screen_octets=160,
                event=event,
                heard=heard,
                done=(("subscribers.role", ActionDone(at, "customer")),) if place == 1 else (),
                state=state,
                language="ru",
                text=text,
                open=is_open,
            )
            for place, (event, heard, state, text, is_open) in enumerate(turns, 1)
        ]
        self._files.append([encoded(one) for one in entries], at)
        return name.to_bytes(8, "big").hex()


def dialled(at: float = 0.0) -> Shown:
    return Begin(at), (), "customer.home", HOME, True


def pressed(key: str, state: str, text: str, *, last: bool = False) -> Shown:
    return Answer(0.0, key), (key,), state, text, not last


def left(state: str) -> Shown:
    return Aborted(0.0), (), state, "", False


PAYING: Sequence[Shown] = (
    dialled(),
    pressed("1", "customer.invoice", INVOICE),
    pressed("1", "customer.pin", ASKED),
    (Answer(0.0, PIN), (Masked(len(PIN)),), "customer.paid", PAID, False),
)


class Standing:
    """`cabinet.running.Running`, with a real journal."""

    def __init__(self, world: World, folder: Path) -> None:
        self.dialogues = JournalDialogues(folder, lambda: "*880#", lambda: world.clock.now().timestamp())
        self.figures: LiveFigures | None = LiveFigures(
            at=world.clock.now(),
            seconds=60.0,
            open=17,
            by_gateway={"ucell": 12, "smsc1": 5},
            by_menu={"customer": 14, "merchant": 3},
            turns_a_second=12.25,
            errors_a_second=0.05,
            refused_a_second=0.0,
            median_ms=1.4,
            p99_ms=18.0,
            history=tuple(8.0 + place % 7 for place in range(60)),
            step_s=5.0,
        )
        self.mistakes: tuple[str, ...] = ()

    def live(self) -> LiveFigures | None:
        return self.figures

    def menus(self) -> Menus:
        since = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
        return Menus(
            version="7a57d488",
            since=since,
            languages=("ru", "uz", "uz-Cyrl", "en"),
            states={"customer": 95, "merchant": 17, "service": 2},
            problems=self.mistakes,
            refused_at=since if self.mistakes else None,
            versions=(MenuVersion("7a57d488", 15, current=True), MenuVersion("409f8265", 2, current=False)),
        )

    def gateways(self) -> Sequence[GatewayState]:
        since = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
        plain = GatewayState(
            "ucell",
            "africastalking",
            "/gateways/ucell",
            ("secret",),
            "serving",
            None,
            "",
            0,
            0,
            0,
            0,
            41_234,
            7,
        )
        line = GatewayState(
            "smsc1", "smpp", "192.0.2.7:2775", ("password", "TLS"), "down", since, "connection refused",
            3, 10, 2, 4, 812, 0,
        )  # fmt: skip
        return (plain, line)


def back_over(world: World, folder: Path) -> tuple[Back, Standing]:
    """What the operators' pages ask, over a world and a journal in `folder`."""
    running = Standing(world, folder)
    return Back(BackOffice(world.engine, clock=world.clock), running), running


def busy_hour(written: Written, now: float) -> str:
    """Somebody pays, others look, leave or go on being there; the id of the one that pays."""
    paid = written.say(0xA1B2C3D4E5F60718, now - 1_800, PAYING)
    for place in range(6):
        written.say(place + 1, now - 1_500 + place, (dialled(), left("customer.home")), caller=STRANGER)
    back = pressed("0", "customer.home", HOME)
    look = pressed("1", "customer.invoice", INVOICE)
    written.say(50, now - 1_000, (dialled(), look, back, look, left("customer.invoice")), gateway="smsc1")
    wrong = (Answer(0.0, "7"), (Masked(1, "unknown_option"),), "customer.home", HOME, True)
    written.say(51, now - 60, (dialled(), wrong))
    return paid
