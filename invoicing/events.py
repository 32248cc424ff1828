"""What merchants' own systems and apps are told of an invoice: rows of the outbox, written with the change.

A webhook gets every event that its merchant asked for; a device, what its owner is waiting for. Each row
carries the invoice as it stood at that moment, so that a late delivery still tells what happened.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection

from invoicing.states import InvoiceState
from invoicing.storage import deliveries as storage
from invoicing.storage import invoices as invoice_rows
from invoicing.values import short_name

ISSUED: Final = "invoice.issued"
PING: Final = "ping"
EVENTS: Final = (
    ISSUED,
    "invoice.paid",
    "invoice.declined",
    "invoice.cancelled",
    "invoice.expired",
    "invoice.refunded",
)
PUSHED: Final = ("invoice.paid", "invoice.declined", "invoice.expired")

_OF_STATE: Final = {
    InvoiceState.PAID: "invoice.paid",
    InvoiceState.DECLINED: "invoice.declined",
    InvoiceState.CANCELLED: "invoice.cancelled",
    InvoiceState.EXPIRED: "invoice.expired",
    InvoiceState.REFUNDED: "invoice.refunded",
}


def moved(conn: Connection, now: datetime, invoice_id: int, merchant_id: int, to: InvoiceState) -> None:
    """Tell of a change of state, where it is one to be told."""
    event = _OF_STATE.get(to)
    if event is not None:
        tell(conn, now, invoice_id, merchant_id, event)


def tell(conn: Connection, now: datetime, invoice_id: int, merchant_id: int, event: str) -> None:
    """Queue an event for everyone who listens; nobody listens to most merchants."""
    listeners = storage.listeners(conn, merchant_id, event, pushed=event in PUSHED)
    if not listeners:
        return
    invoice = invoice_rows.by_id(conn, invoice_id)
    body = {
        "id": f"{event}:{invoice.id}",
        "type": event,
        "at": _moment(now),
        "invoice": {
            "id": str(invoice.id),
            "number": invoice.number,
            "merchant": invoice.merchant_name,
            "phone": invoice.customer_msisdn,
            "amount_tiyin": invoice.amount_tiyin,
            "issued_at": _moment(invoice.issued_at),
            "payment_number": invoice.payment_number,
            "paid_at": None if invoice.paid_at is None else _moment(invoice.paid_at),
        },
    }
    push = {
        "event": event,
        "id": str(invoice.id),
        "number": invoice.number,
        "amount_tiyin": invoice.amount_tiyin,
        "name": short_name(invoice.merchant_name),
        "phone": invoice.customer_msisdn,
    }
    for one in listeners:
        params = msgspec.json.encode(push if one.kind == "push" else body).decode()
        storage.add(conn, one, event_id=f"{event}:{invoice.id}", event=event, params=params, at=now)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
