"""The web: who is signed in, failed tries, operators, subscriptions to web push, merchants' webhooks.

`web_session` and `device` were made with the first data model and nothing ever wrote to them: they are made
anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_table("web_session")
    op.drop_table("device")
    op.add_column("merchant_user", sa.Column("name", sa.String(length=60), nullable=True))
    op.create_table(
        "device",
        sa.Column("id", ID, nullable=False),
        sa.Column("merchant_user_id", ID, nullable=False),
        sa.Column("push_token", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.String(length=100), nullable=True),
        sa.Column("auth", sa.String(length=40), nullable=True),
        sa.Column("label", sa.String(length=120), nullable=True),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_user_id"], ["merchant_user.id"], name=op.f("fk_device_merchant_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("push_token", name=op.f("uq_device_push_token")),
    )
    op.create_index("ix_device_user", "device", ["merchant_user_id"])
    op.create_table(
        "operator",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("state IN ('active', 'blocked')", name=op.f("ck_operator_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "web_session",
        sa.Column("id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("operator_id", ID, nullable=True),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("idle_until", MOMENT, nullable=False),
        sa.Column("absolute_until", MOMENT, nullable=False),
        sa.Column("proved_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('web', 'app', 'api', 'grant', 'admin')", name=op.f("ck_web_session_kind_known")
        ),
        sa.CheckConstraint(
            "(user_id IS NULL) <> (operator_id IS NULL)", name=op.f("ck_web_session_one_owner")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["merchant_user.id"], name=op.f("fk_web_session_user_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_web_session_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_web_session_token_hash")),
    )
    op.create_index("ix_web_session_user", "web_session", ["user_id"])
    op.create_index("ix_web_session_absolute_until", "web_session", ["absolute_until"])
    op.create_table(
        "known_browser",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["merchant_user.id"], name=op.f("fk_known_browser_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browser")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_known_browser_token_hash")),
    )
    op.create_index("ix_known_browser_user", "known_browser", ["user_id"])
    op.create_table(
        "signin_try",
        sa.Column("id", ID, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signin_try")),
    )
    op.create_index("ix_signin_try_subject", "signin_try", ["subject", "at"])
    op.create_index("ix_signin_try_address", "signin_try", ["address", "at"])
    op.create_table(
        "webhook",
        sa.Column("id", ID, nullable=False),
        sa.Column("merchant_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.String(length=200), nullable=False),
        sa.Column("key_salt", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("state IN ('active', 'paused', 'removed')", name=op.f("ck_webhook_state_known")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_webhook_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index("ix_webhook_merchant", "webhook", ["merchant_id"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("outbox_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(length=120), nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_webhook_attempt_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    op.create_index("ix_webhook_attempt_outbox", "webhook_attempt", ["outbox_id"])
