"""What the cabinet lists by: a merchant's invoices by status, by the day they were paid, his own payments."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_invoice_merchant_state", "invoice", ["merchant_id", "state", "issued_at"])
    op.create_index("ix_invoice_merchant_closed_at", "invoice", ["merchant_id", "closed_at"])
    own = sa.text("merchant_id IS NOT NULL")
    op.create_index(
        "ix_payment_merchant",
        "payment",
        ["merchant_id", "answered_at"],
        sqlite_where=own,
        postgresql_where=own,
    )


def downgrade() -> None:
    op.drop_index("ix_payment_merchant", "payment")
    op.drop_index("ix_invoice_merchant_closed_at", "invoice")
    op.drop_index("ix_invoice_merchant_state", "invoice")
