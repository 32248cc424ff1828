"""When a payment was asked for, what became of each SMS, and whom the sandbox bank credits.

SQLite adds no column that is NOT NULL to rows that are there: `payment.request_at` is one by habit only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("payment", sa.Column("request_at", MOMENT, nullable=True))
    # Until now an attempt was never made before its request; the request itself may be forgotten by now.
    op.execute(
        "UPDATE payment SET request_at = coalesce((SELECT max(log.created_at) FROM request_log AS log "
        "WHERE log.scope = payment.request_scope AND log.key = payment.request_key "
        "AND log.created_at <= payment.created_at AND log.valid_until > payment.created_at), created_at)"
    )
    op.add_column("outbox", sa.Column("delivery", sa.String(length=10), nullable=True))
    op.add_column("outbox", sa.Column("delivered_at", MOMENT, nullable=True))
    op.create_table(
        "receipt",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("message_id", sa.String(length=65), nullable=False),
        sa.Column("outbox_id", ID, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=True),
        sa.Column("reported_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_receipt_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("provider", "message_id", name=op.f("uq_receipt_provider_message_id")),
    )
    op.create_index("ix_receipt_outbox", "receipt", ["outbox_id"])
    op.create_index("ix_receipt_created_at", "receipt", ["created_at"])
    op.add_column("sandbox_operation", sa.Column("credit_token", sa.String(length=64), nullable=True))
