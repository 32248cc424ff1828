"""Web push (A34, A38; RFC 8291, RFC 8292): a real endpoint on this machine opens what it is sent."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import http_ece  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02  # type: ignore[import-untyped]

from cabinet.courier import PushKey
from tests.cabinet.api.test_webhooks import carry
from tests.cabinet.web import PEPPER, Api
from tests.invoicing.world import CUSTOMER, OTHER_SHOP, SHOP, SOUM


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass
class Browser:
    """A push service and the browser behind it, which has the keys."""

    url: str = ""
    status: int = 201
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = field(default_factory=lambda: os.urandom(16))
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(
            ({name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        return web.Response(status=self.status)

    @property
    def subscription(self) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": b64(point), "auth": b64(self.secret)}
        return {"endpoint": self.url, "expirationTime": None, "keys": keys}

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [
            json.loads(
                http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret, version="aes128gcm")
            )
            for _, body in self.got
        ]


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    made = Browser()
    served = web.Application()
    served.router.add_post("/push/{any:.*}", made.take)
    async with TestServer(served) as server:
        made.url = str(server.make_url("/push/abc"))
        yield made


async def subscribed(api: Api, browser: Browser) -> str:
    answer = await api.post("/push/subscriptions", browser.subscription, User_Agent="Chrome on a phone")
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


async def test_a38_a_paid_invoice_is_pushed_with_its_number_and_sum_and_the_sms_goes_too(
    owner: Api, browser: Browser
) -> None:
    await subscribed(owner, browser)
    world = owner.people.world
    invoice = world.issue(45_000 * SOUM)
    world.pay(invoice)
    await carry(owner)

    assert browser.messages == [
        {
            "title": "CLICK",
            "body": "Оплата по счету №1001 на сумму 45 000 сум успешно произведена",
            "event": "invoice.paid",
            "invoice": 1001,
            "id": invoice.id,
            "amount_tiyin": 45_000 * SOUM,
            "lang": "ru",
        }
    ]
    assert world.texts(SHOP)[-1] == "Оплата по счету №1001 на сумму 45 000 сум успешно произведена"


async def test_a_message_is_signed_with_our_own_key_which_is_the_same_after_a_restart(
    owner: Api, browser: Browser
) -> None:
    await subscribed(owner, browser)
    owner.people.world.pay(owner.people.world.issue())
    await carry(owner)
    ((headers, _),) = browser.got

    key = (await owner.get("/push/key")).body["key"]
    assert key == PushKey(PEPPER).public
    assert len(base64.urlsafe_b64decode(key + "=")) == 65
    scheme, _, rest = headers["authorization"].partition(" ")
    told = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, told["k"]) == ("vapid", key)
    assert Vapid02.verify(headers["authorization"])
    claims = json.loads(base64.urlsafe_b64decode(told["t"].split(".")[1] + "=="))
    assert claims["sub"] == "mailto:ops@example.com"
    assert browser.url.startswith(claims["aud"])
    assert (headers["ttl"], headers["urgency"]) == ("86400", "high")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_removed_and_the_payment_stands(
    owner: Api, browser: Browser, status: int
) -> None:
    await subscribed(owner, browser)
    browser.status = status
    world = owner.people.world
    world.pay(world.issue())
    await carry(owner)

    assert (await owner.get("/push/subscriptions")).body["subscriptions"] == []
    world.pay(world.issue(5_000 * SOUM))
    assert await carry(owner) == 0
    assert len(browser.got) == 1
    assert len(world.texts(SHOP)) >= 2, "the SMS alone"


async def test_a38_a_push_service_in_trouble_is_asked_again_later(owner: Api, browser: Browser) -> None:
    await subscribed(owner, browser)
    browser.status = 503
    owner.people.world.pay(owner.people.world.issue())
    assert await carry(owner) == 1
    assert await carry(owner) == 0

    browser.status = 201
    owner.people.world.clock.advance(seconds=5)
    assert await carry(owner) == 1
    assert len(browser.messages) == 2
    assert len((await owner.get("/push/subscriptions")).body["subscriptions"]) == 1


async def test_a_push_is_in_its_owners_language(owner: Api, browser: Browser) -> None:
    await subscribed(owner, browser)
    await owner.send("PATCH", "/me", {"language": "en"})
    invoice = owner.people.world.issue()
    owner.people.world.service.decline(owner.people.world.key(), CUSTOMER, invoice.id)
    await carry(owner)

    assert browser.messages[0]["body"] == f"Customer {CUSTOMER} declined invoice No 1001 for 50 000 UZS"


async def test_another_merchant_is_pushed_nothing(owner: Api, other: Api, browser: Browser) -> None:
    await subscribed(other, browser)
    owner.people.world.pay(owner.people.world.issue())

    assert await carry(owner) == 0
    owner.people.world.pay(owner.people.world.issue(5_000 * SOUM, shop=OTHER_SHOP))
    assert await carry(owner) == 1


async def test_a_browser_that_subscribes_twice_is_one_device_and_unsubscribes_itself(
    owner: Api, other: Api, browser: Browser
) -> None:
    first, again = await subscribed(owner, browser), await subscribed(owner, browser)
    assert first == again
    assert (await other.send("DELETE", f"/push/subscriptions/{first}")).status == 404

    assert (await owner.send("DELETE", f"/push/subscriptions/{first}")).status == 204
    owner.people.world.pay(owner.people.world.issue())
    assert await carry(owner) == 0


async def test_s8_a_sim_swap_unlinks_the_devices(owner: Api, browser: Browser) -> None:
    await subscribed(owner, browser)
    owner.people.world.service.see_sim(SHOP, "a" * 64)
    owner.people.world.service.see_sim(SHOP, "b" * 64)

    assert (await owner.get("/push/subscriptions")).body["subscriptions"] == []


async def test_a_subscription_into_a_private_network_is_not_served(owner: Api, browser: Browser) -> None:
    await subscribed(owner, browser)
    owner.people.world.pay(owner.people.world.issue())
    await carry(owner, private=False)

    assert browser.got == []


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "http://[::1/"},
        {"keys": {"p256dh": "A" * 87, "auth": "A" * 30}},
        {"keys": {"p256dh": "A" * 90, "auth": "A" * 22}},
    ],
)
async def test_keys_of_another_length_are_refused(
    owner: Api, browser: Browser, changes: dict[str, Any]
) -> None:
    answer = await owner.post("/push/subscriptions", browser.subscription | changes)

    assert (answer.status, answer.code) == (422, "bad_subscription")


async def test_keys_that_are_no_point_of_the_curve_fail_alone(owner: Api, browser: Browser) -> None:
    spoilt = browser.subscription | {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}}
    await owner.post("/push/subscriptions", spoilt | {"endpoint": browser.url + "2"})
    await subscribed(owner, browser)
    owner.people.world.pay(owner.people.world.issue())

    assert await carry(owner) == 2
    assert len(browser.messages) == 1
