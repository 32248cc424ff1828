"""Webhooks: signed, logged, tried again, and never into a private network; against a real receiver."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from cabinet import courier as couriers
from invoicing import Refusal, Refused, SessionKind
from invoicing.events import EVENTS
from tests.cabinet.web import Api
from tests.invoicing.world import CUSTOMER, FIFTY, OTHER_SHOP


@dataclass
class Receiver:
    """A merchant's own system on this machine: keeps what it is sent, and answers as it is told."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    patience_s: float = 0.0

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(
            ({name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        await asyncio.sleep(self.patience_s)
        moved = {"Location": self.url + "/elsewhere"} if self.status == 307 else {}
        return web.Response(status=self.status, headers=moved, text="thanks")

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    served = web.Application()
    served.router.add_post("/{any:.*}", receiver.take)
    async with TestServer(served) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def carry(api: Api, *, private: bool = True) -> int:
    """Let the courier do one round, in a thread as the program does."""
    return await asyncio.to_thread(api.people.courier(private=private).run_once)


async def hooked(owner: Api, receiver: Receiver, *events: str) -> tuple[str, bytes]:
    """Register the receiver; the webhook's id and its key."""
    made = await owner.post("/webhooks", {"url": receiver.url, "events": list(events)})
    assert made.status == 201, made.body
    return made.body["webhook"]["id"], base64.b64decode(made.body["key"].removeprefix("whsec_"))


async def log(owner: Api, hook: str) -> list[dict[str, Any]]:
    answer = await owner.get(f"/webhooks/{hook}/deliveries")
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["deliveries"]
    return found


async def test_a_paid_invoice_is_told_with_number_sum_and_payment(owner: Api, receiver: Receiver) -> None:
    await hooked(owner, receiver)
    invoice = owner.people.world.issue()
    owner.people.world.pay(invoice)

    assert await carry(owner) == 2
    told = {json.loads(body)["type"]: json.loads(body)["invoice"] for _, body in receiver.got}
    assert set(told) == {"invoice.issued", "invoice.paid"}
    assert told["invoice.issued"]["payment_number"] is None
    assert told["invoice.paid"] == {
        "id": invoice.id,
        "number": 1001,
        "merchant": "MAGAZIN-24",
        "phone": CUSTOMER,
        "amount_tiyin": FIFTY,
        "issued_at": "2026-11-24T02:20:00Z",
        "payment_number": 5_000_001,
        "paid_at": "2026-11-24T02:20:00Z",
    }
    assert await carry(owner) == 0


async def test_every_change_of_an_invoice_is_an_event(owner: Api, receiver: Receiver) -> None:
    await hooked(owner, receiver)
    world = owner.people.world
    paid, declined, cancelled, _expired = (world.issue() for _ in range(4))
    world.pay(paid)
    world.service.refund(world.key(), "998901112233", paid.id, reauthenticated=True)
    world.service.decline(world.key(), CUSTOMER, declined.id)
    world.service.cancel(world.key(), "998901112233", cancelled.id)
    world.clock.advance(hours=25)
    world.workers.expire_due()
    while await carry(owner):
        pass

    assert sorted(receiver.events) == sorted([*EVENTS, *["invoice.issued"] * 3])


async def test_asvs_4_1_5_a_delivery_is_signed_over_id_time_and_body(owner: Api, receiver: Receiver) -> None:
    _, key = await hooked(owner, receiver)
    owner.people.world.issue()
    await carry(owner)
    ((headers, body),) = receiver.got

    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert int(headers["webhook-timestamp"]) == int(owner.people.world.clock.now().timestamp())
    assert headers["webhook-id"] == json.loads(body)["id"] == "invoice.issued:1"
    assert headers["content-type"] == "application/json"


async def test_the_key_is_shown_once_and_kept_nowhere(owner: Api, receiver: Receiver) -> None:
    hook, key = await hooked(owner, receiver)
    shown = [(await owner.get("/webhooks")).octets, (await owner.get(f"/webhooks/{hook}")).octets]
    kept = owner.people.world.everything_kept()

    for form in (base64.b64encode(key), key.hex().encode()):
        assert all(form not in octets for octets in (*shown, kept))


async def test_only_the_events_asked_for_are_told(owner: Api, receiver: Receiver) -> None:
    await hooked(owner, receiver, "invoice.declined", "invoice.paid")
    owner.people.world.pay(owner.people.world.issue())
    await carry(owner)

    assert receiver.events == ["invoice.paid"]


async def test_anothers_invoices_are_told_to_nobody_here(owner: Api, other: Api, receiver: Receiver) -> None:
    await hooked(owner, receiver)
    async with receiving() as theirs:
        await hooked(other, theirs)
        owner.people.world.issue(shop=OTHER_SHOP)
        await carry(owner)

        assert receiver.events == []
        assert theirs.events == ["invoice.issued"]


async def test_what_is_not_taken_is_sent_again_with_growing_pauses_under_the_same_id(
    owner: Api, receiver: Receiver
) -> None:
    hook, _ = await hooked(owner, receiver)
    receiver.status = 503
    world = owner.people.world
    world.issue()
    began, pauses = world.clock.now(), []
    for _ in range(5):
        assert await carry(owner) == 1
        (delivery,) = await log(owner, hook)
        due = (await _next_at(owner, hook)) - world.clock.now()
        pauses.append(due.total_seconds())
        world.clock.advance(seconds=due.total_seconds() - 1)
        assert await carry(owner) == 0, "not before its time"
        world.clock.advance(seconds=1)
    receiver.status = 204
    assert await carry(owner) == 1

    (delivery,) = await log(owner, hook)
    assert pauses == [5, 10, 20, 40, 80]
    assert [one["status"] for one in delivery["attempts"]] == [503] * 5 + [204]
    assert delivery["state"] == "sent"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert world.clock.now() - began == timedelta(seconds=155)


async def _next_at(owner: Api, hook: str) -> Any:
    signed = owner.people.accounts.session(owner.token)
    assert signed is not None
    rows = owner.people.webhooks.log(signed, hook)
    assert not isinstance(rows, Refused)
    return rows.rows[0].next_at


async def test_after_three_days_a_delivery_is_given_up_and_may_still_be_sent_by_hand(
    owner: Api, receiver: Receiver
) -> None:
    receiver.status = 500
    hook, _ = await hooked(owner, receiver)
    world = owner.people.world
    world.issue()
    await carry(owner)
    world.clock.advance(days=3)
    again = owner.as_(owner.people.sign_in(kind=SessionKind.APP))
    await carry(owner)
    (failed,) = await log(again, hook)
    assert failed["state"] == "failed"

    receiver.status = 200
    sent = await again.post(f"/webhooks/{hook}/deliveries/{failed['id']}/again")
    assert sent.status == 202
    assert await carry(owner) == 1
    assert (await log(again, hook))[0]["state"] == "sent"


async def test_one_receiver_that_hangs_holds_up_no_other(
    owner: Api, other: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "TIMEOUT_S", 0.5)
    hook, _ = await hooked(owner, receiver)
    receiver.patience_s = 3
    async with receiving() as quick:
        await hooked(other, quick)
        owner.people.world.issue()
        owner.people.world.issue(shop=OTHER_SHOP)
        await carry(owner)

        assert quick.events == ["invoice.issued"]
    (delivery,) = await log(owner, hook)
    assert delivery["attempts"][0]["failure"] == "no answer in time"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_answer_of_200_to_299_is_a_delivery(owner: Api, receiver: Receiver, status: int) -> None:
    receiver.status = status
    hook, _ = await hooked(owner, receiver)
    owner.people.world.issue()
    await carry(owner)

    assert (await log(owner, hook))[0]["state"] == "sent"


async def test_a_redirect_is_not_followed(owner: Api, receiver: Receiver) -> None:
    receiver.status = 307
    hook, _ = await hooked(owner, receiver)
    owner.people.world.issue()
    await carry(owner)

    assert len(receiver.got) == 1
    assert (await log(owner, hook))[0]["attempts"][0]["status"] == 307


async def test_a_ping_shows_whether_a_webhook_works(owner: Api, receiver: Receiver) -> None:
    hook, _ = await hooked(owner, receiver, "invoice.paid")
    assert (await owner.post(f"/webhooks/{hook}/ping")).status == 202
    await carry(owner)

    assert receiver.events == ["ping"]
    assert [(one["event"], one["state"]) for one in await log(owner, hook)] == [("ping", "sent")]


async def test_a_paused_webhook_is_told_nothing_and_a_removed_one_is_gone(
    owner: Api, receiver: Receiver
) -> None:
    hook, _ = await hooked(owner, receiver)
    paused = await owner.send("PATCH", f"/webhooks/{hook}", {"active": False})
    assert (paused.status, paused.body["active"]) == (200, False)
    owner.people.world.issue()
    await owner.send("PATCH", f"/webhooks/{hook}", {"active": True})
    owner.people.world.issue()
    removed = await owner.send("DELETE", f"/webhooks/{hook}")
    await carry(owner)

    assert removed.status == 204
    assert receiver.got == [], "what waited went nowhere either"
    assert (await owner.get(f"/webhooks/{hook}")).status == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "http://localhost:{port}/hook",
        "http://[::1]:{port}/hook",
        "http://[::ffff:127.0.0.1]:{port}/hook",
        "http://2130706433:{port}/hook",
        "http://0.0.0.0:{port}/hook",
        "http://10.0.0.1:{port}/hook",
        "http://169.254.169.254:{port}/latest/meta-data",
        "http://[fe80::1]:{port}/hook",
        "http://100.64.0.1:{port}/hook",
        "http://224.0.0.1:{port}/hook",
    ],
)
async def test_a_webhook_never_reaches_this_machine_or_a_private_network(
    owner: Api, receiver: Receiver, url: str
) -> None:
    receiver.url = url.format(port=receiver.url.rpartition(":")[2].partition("/")[0])
    hook, _ = await hooked(owner, receiver)
    owner.people.world.issue()
    await carry(owner, private=False)

    assert receiver.got == []
    (delivery,) = await log(owner, hook)
    assert delivery["attempts"][0]["status"] is None
    refused = ("private address", "ClientConnectorDNSError", "InvalidUrlClientError")
    assert delivery["attempts"][0]["failure"] in refused
    assert delivery["state"] == "queued"


async def test_a_name_that_leads_here_is_found_out_when_the_socket_is_made(
    owner: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may change its address after it was looked at: what counts is where the socket goes."""
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_named: here)
    receiver.url = f"http://merchant.example:{port}/hook"
    hook, _ = await hooked(owner, receiver)
    owner.people.world.issue()
    await carry(owner, private=False)
    monkeypatch.undo()

    assert receiver.got == []
    assert (await log(owner, hook))[0]["attempts"][0]["failure"] == "private address"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:password@example.com/",
        "https:///nowhere",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/ a",
        "https://пример.рф/",
        "javascript:alert(1)",
        "https://example.com/" + "x" * 500,
    ],
)
def test_an_address_must_be_https_and_plain(owner: Api, url: str) -> None:
    signed = owner.people.accounts.session(owner.token)
    assert signed is not None

    assert owner.people.webhooks.add(signed, url, []) == Refused(Refusal.BAD_URL)


async def test_a_merchant_has_ten_webhooks_at_most(owner: Api, receiver: Receiver) -> None:
    for _ in range(10):
        await hooked(owner, receiver)
    eleventh = await owner.post("/webhooks", {"url": receiver.url})

    assert (eleventh.status, eleventh.code) == (409, "too_many")


async def test_an_event_no_webhook_wants_leaves_nothing_behind(owner: Api) -> None:
    before = owner.people.world.count("outbox")
    owner.people.world.issue()

    assert owner.people.world.count("outbox") == before + 1, "the customer's SMS alone"


async def test_waiting_webhooks_hold_up_no_sms(owner: Api, receiver: Receiver) -> None:
    await hooked(owner, receiver)
    owner.people.world.issue()

    assert len(owner.people.world.texts(CUSTOMER)) == 1
    assert owner.people.world.relay.depth() == 0, "only SMS are counted there"
