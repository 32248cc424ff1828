"""Tables of the web: who is signed in, failed tries, operators, and merchants' own systems that are told.

Tokens, codes and passwords are kept as hashes only; a webhook's key comes of its salt and the security key.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from invoicing.storage.tables import Id, UtcTime, metadata

SESSION_KINDS: Final = ("web", "app", "api", "grant", "admin")

operator = Table(
    "operator",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("state IN ('active', 'blocked')", name="state_known"),
)

web_session = Table(
    "web_session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("user_id", Id, ForeignKey("merchant_user.id")),
    Column("operator_id", Id, ForeignKey("operator.id")),
    Column("label", String(120), nullable=False),
    Column("address", String(45)),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("idle_until", UtcTime, nullable=False),
    Column("absolute_until", UtcTime, nullable=False),
    # When the password was last given: refunds ask for it anew.
    Column("proved_at", UtcTime),
    CheckConstraint("kind IN ('web', 'app', 'api', 'grant', 'admin')", name="kind_known"),
    CheckConstraint("(user_id IS NULL) <> (operator_id IS NULL)", name="one_owner"),
    Index("ix_web_session_user", "user_id"),
    Index("ix_web_session_absolute_until", "absolute_until"),
)

# Browsers that an account was signed in from: a stranger's wrong tries never shut these out (domain.md S11).
known_browser = Table(
    "known_browser",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("merchant_user.id"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("seen_at", UtcTime, nullable=False),
    Index("ix_known_browser_user", "user_id"),
)

# Every try at a password, written before it is compared; a right one takes its own row out again. `subject`
# is what was typed as the account's name, which need not exist.
signin_try = Table(
    "signin_try",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("address", String(45), nullable=False),
    Column("browser", String(64)),
    Column("at", UtcTime, nullable=False),
    Index("ix_signin_try_subject", "subject", "at"),
    Index("ix_signin_try_address", "address", "at"),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("merchant_id", Id, ForeignKey("merchant.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", String(200), nullable=False),
    Column("key_salt", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("state IN ('active', 'paused', 'removed')", name="state_known"),
    Index("ix_webhook_merchant", "merchant_id"),
)

# The delivery log: each attempt at each delivery, which is a row of the outbox.
webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("outbox_id", Id, ForeignKey("outbox.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("status", Integer),
    Column("failure", String(120)),
    Column("took_ms", Integer, nullable=False),
    Index("ix_webhook_attempt_outbox", "outbox_id"),
)
