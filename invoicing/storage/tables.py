"""The data model (domain.md 4): every table, constraint and index, portable between SQLite and PostgreSQL.

Ids are 64-bit integers made by the database; sums are tiyin in 64 bits; moments are UTC. There is no column
for a card number or a PIN. `migrations/` holds the same model as steps; a test keeps the two equal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    text,
)

from invoicing.states import LIVE


class UtcTime(TypeDecorator[datetime]):
    """A moment, always aware and UTC in Python; `timestamptz` on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone; pass an aware datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only under exactly INTEGER PRIMARY KEY.
Id: Final = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _ref(name: str, target: str, *, null: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=null)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


sequence = Table(
    "sequence",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("next", BigInteger, nullable=False),
)

# PostgreSQL numbers these two without holding anybody up; on SQLite they are rows of `sequence`.
for _name, _start in (("invoice", 1001), ("payment", 5_000_001)):
    Sequence(f"{_name}_number", start=_start, metadata=metadata)

merchant = Table(
    "merchant",
    metadata,
    _id(),
    Column("name", String(60), nullable=False),
    Column("name_sms", String(14), nullable=False),
    Column("bank_account_ref", String(64)),
    Column("state", String(10), nullable=False),
    Column("lang", String(8), nullable=False),
    Column("fee_bp", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    _one_of("state", "active", "blocked"),
    CheckConstraint("fee_bp >= 0 AND fee_bp <= 10000", name="fee_bp_range"),
)

merchant_user = Table(
    "merchant_user",
    metadata,
    _id(),
    _ref("merchant_id", "merchant.id"),
    Column("msisdn", String(12), nullable=False, unique=True),
    Column("role", String(10), nullable=False),
    Column("lang", String(8)),
    Column("password_hash", Text),
    Column("pwd_set_at", UtcTime),
    Column("state", String(10), nullable=False),
    Column("failed", Integer, nullable=False),
    Column("locked_until", UtcTime),
    Column("imsi_hash", String(64)),
    Column("imsi_changed_at", UtcTime),
    Column("name", String(60)),
    _one_of("role", "owner", "cashier"),
    _one_of("state", "active", "blocked"),
    Index("ix_merchant_user_merchant", "merchant_id"),
)

customer = Table(
    "customer",
    metadata,
    _id(),
    Column("msisdn", String(12), nullable=False, unique=True),
    Column("lang", String(8), nullable=False),
    Column("pin_hash", Text),
    Column("pin_failed", Integer, nullable=False),
    Column("pin_tried_at", UtcTime),
    Column("pin_locked", Boolean, nullable=False),
    Column("imsi_hash", String(64)),
    Column("imsi_changed_at", UtcTime),
    Column("state", String(10), nullable=False),
    _one_of("state", "guest", "active", "blocked"),
)

card = Table(
    "card",
    metadata,
    _id(),
    _ref("customer_id", "customer.id"),
    Column("token", String(64), nullable=False, unique=True),
    Column("bin6", String(6), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("exp_yymm", String(4), nullable=False),
    Column("scheme", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    _one_of("state", "active", "unlinked"),
    Index("ix_card_customer", "customer_id"),
)

# Cards that money was sent to: their tokens, so that a number is turned into one in the turn it is typed.
recipient_card = Table(
    "recipient_card",
    metadata,
    _id(),
    Column("token", String(64), nullable=False, unique=True),
    Column("last4", String(4), nullable=False),
)

invoice = Table(
    "invoice",
    metadata,
    _id(),
    Column("number", BigInteger, nullable=False, unique=True),
    _ref("merchant_id", "merchant.id"),
    _ref("issued_by", "merchant_user.id"),
    Column("channel", String(10), nullable=False),
    Column("customer_msisdn", String(12), nullable=False),
    Column("amount_tiyin", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("version", Integer, nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    CheckConstraint("amount_tiyin > 0", name="amount_positive"),
    _one_of("state", "issued", "paying", "paid", "declined", "cancelled", "expired", "refunded"),
    Index("ix_invoice_merchant", "merchant_id", "id"),
    Index("ix_invoice_merchant_issued_at", "merchant_id", "issued_at"),
    Index("ix_invoice_pair", "merchant_id", "customer_msisdn", "id"),
    Index("ix_invoice_customer", "customer_msisdn", "id"),
    # The cabinet's lists by status, and its reports by the day of payment.
    Index("ix_invoice_merchant_state", "merchant_id", "state", "issued_at"),
    Index("ix_invoice_merchant_closed_at", "merchant_id", "closed_at"),
)
Index(
    "ix_invoice_due",
    invoice.c.expires_at,
    sqlite_where=invoice.c.state == text("'issued'"),
    postgresql_where=invoice.c.state == text("'issued'"),
)

payment = Table(
    "payment",
    metadata,
    _id(),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    # Who pays; of a refund, who is paid.
    _ref("customer_id", "customer.id"),
    _ref("invoice_id", "invoice.id", null=True),
    _ref("merchant_id", "merchant.id", null=True),
    _ref("refund_of", "payment.id", null=True),
    # What is paid without an invoice: the shop and the client's account there, a phone, a card's token.
    Column("target", String(120)),
    Column("payee", String(60)),
    _ref("card_id", "card.id"),
    Column("amount_tiyin", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("stan", String(6), nullable=False),
    Column("rrn", String(12), nullable=False, unique=True),
    Column("terminal", String(8), nullable=False),
    Column("business_day", Date, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("response_code", String(2)),
    Column("auth_code", String(6)),
    # The request that made the attempt, so that recovery can close its answer after a crash.
    Column("request_scope", String(80), nullable=False),
    Column("request_key", String(255), nullable=False),
    # When that request came: with its scope and key it names one row of `request_log`. Never empty, though
    # the column may be: SQLite adds no other kind to rows that are there.
    Column("request_at", UtcTime),
    UniqueConstraint("stan", "business_day", "terminal"),
    CheckConstraint("amount_tiyin > 0", name="amount_positive"),
    _one_of(
        "state",
        "created",
        "sent",
        "approved",
        "declined",
        "unknown",
        "reversing",
        "reversed",
        "refunding",
        "refunded",
    ),
    _one_of("kind", "invoice", "service", "transfer", "topup", "refund"),
    CheckConstraint("(kind = 'invoice') = (invoice_id IS NOT NULL)", name="invoice_of_its_kind"),
    CheckConstraint("(kind = 'refund') = (refund_of IS NOT NULL)", name="refund_of_its_kind"),
    Index("ix_payment_invoice", "invoice_id"),
    Index("ix_payment_customer", "customer_id", "id"),
    Index("ix_payment_request", "request_scope", "request_key"),
)
_to_merchant = text("merchant_id IS NOT NULL")
Index(
    "ix_payment_merchant",
    payment.c.merchant_id,
    payment.c.answered_at,
    sqlite_where=_to_merchant,
    postgresql_where=_to_merchant,
)
_live = text("state IN (" + ", ".join(f"'{state}'" for state in LIVE) + ")")
Index(
    "uq_payment_live",
    payment.c.invoice_id,
    unique=True,
    sqlite_where=_live,
    postgresql_where=_live,
)
_undecided = text("state IN ('created', 'sent', 'unknown', 'reversing') AND kind <> 'refund'")
Index(
    "uq_payment_target_live",
    payment.c.customer_id,
    payment.c.kind,
    payment.c.target,
    unique=True,
    sqlite_where=_undecided,
    postgresql_where=_undecided,
)
_refund_live = text("state IN ('created', 'sent', 'unknown', 'reversing', 'approved')")
Index(
    "uq_payment_refund_live",
    payment.c.refund_of,
    unique=True,
    sqlite_where=_refund_live,
    postgresql_where=_refund_live,
)
_in_flight = text("state IN ('created', 'sent')")
Index(
    "ix_payment_in_flight",
    payment.c.created_at,
    sqlite_where=_in_flight,
    postgresql_where=_in_flight,
)

reversal = Table(
    "reversal",
    metadata,
    _id(),
    Column("payment_id", Id, ForeignKey("payment.id"), nullable=False, unique=True),
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    _one_of("state", "queued", "sent", "done", "manual"),
)

account = Table(
    "account",
    metadata,
    _id(),
    Column("kind", String(20), nullable=False),
    # 0 for the service's own accounts: NULL would escape the unique constraint.
    Column("owner_id", Id, nullable=False),
    UniqueConstraint("kind", "owner_id"),
    _one_of(
        "kind",
        "acquirer_receivable",
        "merchant_payable",
        "fee_income",
        "transfer_payable",
        "topup_payable",
    ),
)

settlement = Table(
    "settlement",
    metadata,
    _id(),
    Column("business_day", Date, nullable=False, unique=True),
    Column("closed_at", UtcTime, nullable=False),
)

settlement_line = Table(
    "settlement_line",
    metadata,
    _id(),
    _ref("settlement_id", "settlement.id"),
    _ref("merchant_id", "merchant.id"),
    Column("paid_tiyin", BigInteger, nullable=False),
    Column("fee_tiyin", BigInteger, nullable=False),
    Column("refunded_tiyin", BigInteger, nullable=False),
    Column("paid_out_tiyin", BigInteger, nullable=False),
    UniqueConstraint("settlement_id", "merchant_id"),
    CheckConstraint("paid_out_tiyin >= 0", name="paid_out_not_negative"),
    Index("ix_settlement_line_merchant", "merchant_id"),
)

transfer = Table(
    "transfer",
    metadata,
    _id(),
    Column("kind", String(10), nullable=False),
    _ref("ref_payment", "payment.id", null=True),
    _ref("ref_settlement", "settlement.id", null=True),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("kind", "ref_payment"),
    UniqueConstraint("ref_settlement"),
    _one_of("kind", "payment", "refund", "settlement"),
    CheckConstraint("(ref_payment IS NULL) <> (ref_settlement IS NULL)", name="one_cause"),
)

entry = Table(
    "entry",
    metadata,
    _id(),
    _ref("transfer_id", "transfer.id"),
    _ref("account_id", "account.id"),
    Column("side", String(1), nullable=False),
    Column("amount_tiyin", BigInteger, nullable=False),
    CheckConstraint("amount_tiyin > 0", name="amount_positive"),
    _one_of("side", "D", "C"),
    Index("ix_entry_transfer", "transfer_id"),
    Index("ix_entry_account", "account_id"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("event_id", String(60), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("recipient", String(120), nullable=False),
    Column("template", String(40), nullable=False),
    Column("lang", String(8), nullable=False),
    Column("params", Text, nullable=False),
    # A one-time code: it goes out at once, past whatever else the phone is still to be told.
    Column("urgent", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("provider_id", String(120)),
    Column("failure", String(120)),
    # What the operator reported of the whole message, all parts taken together, and when.
    Column("delivery", String(10)),
    Column("delivered_at", UtcTime),
    UniqueConstraint("event_id", "kind", "recipient", "template"),
    _one_of("kind", "sms", "push", "webhook"),
    _one_of("state", "queued", "sent", "failed"),
)
_queued = text("state = 'queued'")
Index(
    "ix_outbox_queued",
    outbox.c.kind,
    outbox.c.recipient,
    outbox.c.id,
    sqlite_where=_queued,
    postgresql_where=_queued,
)

# The parts of sent SMS, by the ids their provider gave them. A report may come before the answer to the
# sending is kept: then it waits here, without a row of the outbox.
receipt = Table(
    "receipt",
    metadata,
    _id(),
    Column("provider", String(40), nullable=False),
    Column("message_id", String(65), nullable=False),
    _ref("outbox_id", "outbox.id", null=True),
    Column("state", String(10)),
    Column("reported_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("provider", "message_id"),
    Index("ix_receipt_outbox", "outbox_id"),
    Index("ix_receipt_created_at", "created_at"),
)

request_log = Table(
    "request_log",
    metadata,
    Column("scope", String(80), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("status", String(40), nullable=False),
    Column("answer", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("valid_until", UtcTime, nullable=False),
    Index("ix_request_log_valid_until", "valid_until"),
)

otp = Table(
    "otp",
    metadata,
    _id(),
    Column("msisdn", String(12), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("request_ref", String(64), nullable=False, unique=True),
    Column("address", String(45)),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used_at", UtcTime),
    Index("ix_otp_msisdn", "msisdn", "purpose", "id"),
    Index("ix_otp_address", "address", "created_at"),
    Index("ix_otp_created_at", "created_at"),
)

pin_change = Table(
    "pin_change",
    metadata,
    Column("customer_id", Id, ForeignKey("customer.id"), primary_key=True, autoincrement=False),
    # The PIN typed once; `NULL` while only the permission to choose one is there.
    Column("pin_hash", Text),
    Column("expires_at", UtcTime, nullable=False),
)

pair_block = Table(
    "pair_block",
    metadata,
    Column("merchant_id", Id, ForeignKey("merchant.id"), primary_key=True, autoincrement=False),
    Column("customer_msisdn", String(12), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

device = Table(
    "device",
    metadata,
    _id(),
    _ref("merchant_user_id", "merchant_user.id"),
    # A web-push subscription: its endpoint, and the keys a message to it is sealed with (RFC 8291).
    Column("push_token", Text, nullable=False, unique=True),
    Column("p256dh", String(100)),
    Column("auth", String(40)),
    Column("label", String(120)),
    Column("last_seen", UtcTime, nullable=False),
    Index("ix_device_user", "merchant_user_id"),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("ip", String(45)),
    Column("action", String(40), nullable=False),
    Column("object", String(60), nullable=False),
    Column("before", Text),
    Column("after", Text),
    # The place in the hash chain; rows commit without one and the sealer gives it (decisions 6).
    Column("seal", BigInteger, unique=True),
    Column("prev_hash", LargeBinary(32)),
    Column("hash", LargeBinary(32)),
    Index("ix_audit_object", "object"),
)
_unsealed = text("seal IS NULL")
Index("ix_audit_unsealed", audit.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    # The relay may send a message twice after a crash; the demo's inbox, as a good provider, keeps one.
    Column("notice_id", Id, nullable=False, unique=True),
    Column("at", UtcTime, nullable=False),
    Column("msisdn", String(12), nullable=False),
    Column("sender", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("parts", Integer, nullable=False),
    Index("ix_inbox_msisdn", "msisdn", "id"),
)

sandbox_account = Table(
    "sandbox_account",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("balance_tiyin", BigInteger, nullable=False),
    Column("behaviour", String(20), nullable=False),
)

sandbox_operation = Table(
    "sandbox_operation",
    metadata,
    Column("rrn", String(12), primary_key=True),
    Column("token", String(64), ForeignKey("sandbox_account.token"), nullable=False),
    Column("stan", String(6), nullable=False),
    Column("amount_tiyin", BigInteger, nullable=False),
    Column("response_code", String(2), nullable=False),
    Column("auth_code", String(6)),
    Column("reversed", Boolean, nullable=False),
    # Who was given what the card lost: a card's token, or a phone; empty where the service itself was.
    Column("credit_token", String(64)),
)

# The books only grow (domain.md 3.3): the database itself refuses to change or drop a line.
_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
"""
event.listen(metadata, "before_create", DDL(_REFUSE).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
for _table in (transfer, entry):
    for _verb in ("UPDATE", "DELETE"):
        _name = f"{_table.name}_no_{_verb.lower()}"
        _triggers = {
            "sqlite": f"CREATE TRIGGER {_name} BEFORE {_verb} ON {_table.name} "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
            "postgresql": f"CREATE TRIGGER {_name} BEFORE {_verb} ON {_table.name} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        }
        for _dialect, _ddl in _triggers.items():
            event.listen(_table, "after_create", DDL(_ddl).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
