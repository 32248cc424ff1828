"""Calls about who is told: webhooks of the merchant's own systems, web push, and the merchant's cashiers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from cabinet.api.registry import Call, Needs, Routes
from cabinet.api.shapes import Cursor, EventName, In, Label, Limit, Out, Phone, Query
from cabinet.api.signing import done
from invoicing.staff import CashierView
from invoicing.subscriptions import SubscriptionView
from invoicing.webhooks import Delivery as DeliveryView
from invoicing.webhooks import WebhookView

webhooks: Final = Routes("webhooks")
push: Final = Routes("web push")
staff: Final = Routes("cashiers")

Url = Annotated[
    str,
    Field(min_length=1, max_length=500, pattern=r"^https?://[!-~]+$", examples=["https://example.com/click"]),
]


# --- webhooks ---------------------------------------------------------------------------------------------


class NewWebhook(In):
    url: Url
    events: list[EventName] = Field(default=[], max_length=6, description="All of them if empty")


class Webhook(Out):
    id: str
    url: str
    events: list[EventName]
    active: bool
    created_at: datetime

    @classmethod
    def of(cls, view: WebhookView) -> Webhook:
        return cls.model_validate(
            {
                "id": view.id,
                "url": view.url,
                "events": view.events,
                "active": view.active,
                "created_at": view.created_at,
            }
        )


class WebhookWithKey(Out):
    """`key` signs what is sent (Standard Webhooks); it is shown this once."""

    webhook: Webhook
    key: str


class Webhooks(Out):
    webhooks: list[Webhook]


class ChangeWebhook(In):
    active: bool


class Attempt(Out):
    at: datetime
    status: int | None = Field(description="HTTP status of the answer")
    failure: str | None = Field(description="Why there was none")
    took_ms: int


class Delivery(Out):
    id: str
    event_id: str
    event: str
    state: Literal["queued", "sent", "failed"]
    created_at: datetime
    next_at: datetime | None
    delivered_at: datetime | None
    attempts: list[Attempt]

    @classmethod
    def of(cls, view: DeliveryView) -> Delivery:
        tries = [
            Attempt(at=one.at, status=one.status, failure=one.failure, took_ms=one.took_ms)
            for one in view.attempts
        ]
        return cls.model_validate(
            {
                "id": view.id,
                "event_id": view.event_id,
                "event": view.event,
                "state": view.state,
                "created_at": view.created_at,
                "next_at": view.next_at,
                "delivered_at": view.delivered_at,
                "attempts": tries,
            }
        )


class PageQuery(Query):
    cursor: Cursor | None = None
    limit: Limit = 50


class Deliveries(Out):
    deliveries: list[Delivery]
    next: str | None = None


@webhooks.get("/webhooks", needs=Needs.OWNER)
async def list_webhooks(call: Call) -> Webhooks:
    """List the merchant's webhooks."""
    found = await call.office.in_thread(call.office.webhooks.list, call.who)
    return Webhooks(webhooks=[Webhook.of(view) for view in found])


@webhooks.post("/webhooks", status=201, needs=Needs.OWNER, reasons=("bad_url", "bad_events", "too_many"))
async def add_webhook(call: Call, body: NewWebhook) -> WebhookWithKey:
    """Have events sent to a system of the merchant's own.

    Each is a POST of JSON with `Webhook-Id`, `Webhook-Timestamp` and `Webhook-Signature` (Standard Webhooks:
    HMAC-SHA256 over `id.timestamp.body`). Answer 2xx within ten seconds; else it is sent again with growing
    pauses for three days. The same event may come twice, with the same id, and events may change places.
    """
    made = done(
        await call.office.in_thread(
            call.office.webhooks.add,
            call.who,
            body.url,
            body.events,
            plain=call.office.options.private_webhooks,
        )
    )
    return WebhookWithKey(webhook=Webhook.of(made.webhook), key=made.key)


@webhooks.get("/webhooks/{id}", needs=Needs.OWNER)
async def read_webhook(call: Call) -> Webhook:
    """Read one webhook."""
    return Webhook.of(done(await call.office.in_thread(call.office.webhooks.one, call.who, call.id)))


@webhooks.patch("/webhooks/{id}", needs=Needs.OWNER)
async def change_webhook(call: Call, body: ChangeWebhook) -> Webhook:
    """Pause a webhook, or let it go on; events of the pause are not sent later."""
    changed = await call.office.in_thread(call.office.webhooks.change, call.who, call.id, active=body.active)
    return Webhook.of(done(changed))


@webhooks.delete("/webhooks/{id}", status=204, needs=Needs.OWNER)
async def remove_webhook(call: Call) -> None:
    """Remove a webhook."""
    done(await call.office.in_thread(call.office.webhooks.remove, call.who, call.id))


@webhooks.post("/webhooks/{id}/ping", status=202, needs=Needs.OWNER)
async def ping_webhook(call: Call) -> None:
    """Send a `ping` to try the webhook out; the log shows what became of it."""
    done(await call.office.in_thread(call.office.webhooks.ping, call.who, call.id))
    call.office.nudge()


@webhooks.get("/webhooks/{id}/deliveries", needs=Needs.OWNER)
async def deliveries(call: Call, query: PageQuery) -> Deliveries:
    """The delivery log of one webhook, newest first, with every attempt."""
    found = done(
        await call.office.in_thread(call.office.webhooks.log, call.who, call.id, query.cursor, query.limit)
    )
    return Deliveries(deliveries=[Delivery.of(one) for one in found.rows], next=found.after)


@webhooks.post("/webhooks/{id}/deliveries/{sub}/again", status=202, needs=Needs.OWNER)
async def send_again(call: Call) -> None:
    """Send one delivery once more, at once."""
    done(await call.office.in_thread(call.office.webhooks.send_again, call.who, call.id, call.sub))
    call.office.nudge()


# --- web push ---------------------------------------------------------------------------------------------


class PushKey(Out):
    """For `pushManager.subscribe({applicationServerKey})`: base64url of an uncompressed P-256 point."""

    key: str


class SubscriptionKeys(In):
    p256dh: Annotated[str, Field(min_length=80, max_length=100, pattern=r"^[A-Za-z0-9_-]+=*$")]
    auth: Annotated[str, Field(min_length=20, max_length=40, pattern=r"^[A-Za-z0-9_-]+=*$")]


class NewSubscription(In):
    """What `PushSubscription.toJSON()` gives."""

    endpoint: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^https?://[!-~]+$")]
    keys: SubscriptionKeys
    expirationTime: float | None = None  # noqa: N815 - the browser's own name


class Subscription(Out):
    id: str
    name: str
    last_seen: datetime

    @classmethod
    def of(cls, view: SubscriptionView) -> Subscription:
        return cls(id=view.id, name=view.label, last_seen=view.last_seen)


class Subscriptions(Out):
    subscriptions: list[Subscription]


@push.get("/push/key", needs=Needs.NOBODY)
async def push_key(call: Call) -> PushKey:
    """The key that a browser subscribes with."""
    return PushKey(key=call.office.push_key)


@push.get("/push/subscriptions")
async def subscriptions(call: Call) -> Subscriptions:
    """List the devices of this user that get push messages."""
    found = await call.office.in_thread(call.office.subscriptions.list, call.who)
    return Subscriptions(subscriptions=[Subscription.of(view) for view in found])


@push.post("/push/subscriptions", status=201, reasons=("bad_subscription", "too_many"))
async def subscribe(call: Call, body: NewSubscription) -> Subscription:
    """Have this device told when an invoice is paid, declined or expires."""
    kept = await call.office.in_thread(
        call.office.subscriptions.add,
        call.who,
        body.endpoint,
        body.keys.p256dh,
        body.keys.auth,
        call.origin.label,
        plain=call.office.options.private_webhooks,
    )
    return Subscription.of(done(kept))


@push.delete("/push/subscriptions/{id}", status=204)
async def unsubscribe(call: Call) -> None:
    """Tell this device nothing more."""
    done(await call.office.in_thread(call.office.subscriptions.remove, call.who, call.id))


# --- cashiers ---------------------------------------------------------------------------------------------


class NewCashier(In):
    phone: Phone
    name: Label


class ChangeCashier(In):
    active: bool


class Cashier(Out):
    """`signed_up`: has chosen a password."""

    id: str
    phone: str
    name: str
    active: bool
    signed_up: bool

    @classmethod
    def of(cls, view: CashierView) -> Cashier:
        return cls(
            id=view.id, phone=view.msisdn, name=view.name, active=view.active, signed_up=view.signed_up
        )


class Cashiers(Out):
    cashiers: list[Cashier]


@staff.get("/cashiers", needs=Needs.OWNER)
async def cashiers(call: Call) -> Cashiers:
    """List the merchant's cashiers."""
    found = done(await call.office.in_thread(call.office.staff.cashiers, call.who))
    return Cashiers(cashiers=[Cashier.of(view) for view in found])


_STAFF: Final = ("not_authenticated", "not_allowed")


@staff.post(
    "/cashiers",
    status=201,
    needs=Needs.OWNER,
    reasons=(*_STAFF, "bad_phone", "not_mobile", "bad_name", "phone_taken", "too_many"),
)
async def add_cashier(call: Call, body: NewCashier) -> Cashier:
    """Take a cashier on, after `POST /session/proof`; he gets his own password by a code to his phone."""
    added = await call.office.in_thread(call.office.staff.add_cashier, call.who, body.phone, body.name)
    return Cashier.of(done(added))


@staff.patch("/cashiers/{id}", needs=Needs.OWNER, reasons=_STAFF)
async def change_cashier(call: Call, body: ChangeCashier) -> Cashier:
    """Shut a cashier out, at once and everywhere, or let him in again; after `POST /session/proof`."""
    changed = await call.office.in_thread(call.office.staff.set_active, call.who, call.id, active=body.active)
    return Cashier.of(done(changed))
