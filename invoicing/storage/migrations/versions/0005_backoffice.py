"""What operators look up: the audit trail of one object, however long the trail is."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_audit_object", "audit", ["object"])


def downgrade() -> None:
    op.drop_index("ix_audit_object", "audit")
