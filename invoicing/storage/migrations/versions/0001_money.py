"""The first data model: everything domain.md 4 lists but the dialogues."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.CheckConstraint(
            "kind IN ('acquirer_receivable', 'merchant_payable', 'fee_income', "
            "'transfer_payable', 'topup_payable')",
            name=op.f("ck_account_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("kind", "owner_id", name=op.f("uq_account_kind_owner_id")),
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object", sa.String(length=60), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("seal", sa.BigInteger(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("seal", name=op.f("uq_audit_seal")),
    )
    op.create_index(
        "ix_audit_unsealed",
        "audit",
        ["id"],
        sqlite_where=sa.text("seal IS NULL"),
        postgresql_where=sa.text("seal IS NULL"),
    )
    op.create_table(
        "customer",
        sa.Column("id", ID, nullable=False),
        sa.Column("msisdn", sa.String(length=12), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("pin_failed", sa.Integer(), nullable=False),
        sa.Column("pin_tried_at", MOMENT, nullable=True),
        sa.Column("pin_locked", sa.Boolean(), nullable=False),
        sa.Column("imsi_hash", sa.String(length=64), nullable=True),
        sa.Column("imsi_changed_at", MOMENT, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.CheckConstraint("state IN ('guest', 'active', 'blocked')", name=op.f("ck_customer_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("msisdn", name=op.f("uq_customer_msisdn")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("notice_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("msisdn", sa.String(length=12), nullable=False),
        sa.Column("sender", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("notice_id", name=op.f("uq_inbox_notice_id")),
    )
    op.create_index("ix_inbox_msisdn", "inbox", ["msisdn", "id"])
    op.create_table(
        "merchant",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_sms", sa.String(length=14), nullable=False),
        sa.Column("bank_account_ref", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("fee_bp", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("state IN ('active', 'blocked')", name=op.f("ck_merchant_state_known")),
        sa.CheckConstraint("fee_bp >= 0 AND fee_bp <= 10000", name=op.f("ck_merchant_fee_bp_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant")),
    )
    op.create_table(
        "otp",
        sa.Column("id", ID, nullable=False),
        sa.Column("msisdn", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("request_ref", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_otp")),
        sa.UniqueConstraint("request_ref", name=op.f("uq_otp_request_ref")),
    )
    op.create_index("ix_otp_address", "otp", ["address", "created_at"])
    op.create_index("ix_otp_created_at", "otp", ["created_at"])
    op.create_index("ix_otp_msisdn", "otp", ["msisdn", "purpose", "id"])
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("recipient", sa.String(length=120), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("failure", sa.String(length=120), nullable=True),
        sa.CheckConstraint("kind IN ('sms', 'push', 'webhook')", name=op.f("ck_outbox_kind_known")),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name=op.f("ck_outbox_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "event_id",
            "kind",
            "recipient",
            "template",
            name=op.f("uq_outbox_event_id_kind_recipient_template"),
        ),
    )
    op.create_index(
        "ix_outbox_queued",
        "outbox",
        ["kind", "recipient", "id"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "request_log",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("valid_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_request_log")),
    )
    op.create_index("ix_request_log_valid_until", "request_log", ["valid_until"])
    op.create_table(
        "sandbox_account",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("balance_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("behaviour", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_sandbox_account")),
    )
    op.create_table(
        "sequence",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequence")),
    )
    op.create_table(
        "card",
        sa.Column("id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("bin6", sa.String(length=6), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("exp_yymm", sa.String(length=4), nullable=False),
        sa.Column("scheme", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.CheckConstraint("state IN ('active', 'unlinked')", name=op.f("ck_card_state_known")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_card_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card")),
        sa.UniqueConstraint("token", name=op.f("uq_card_token")),
    )
    op.create_index("ix_card_customer", "card", ["customer_id"])
    op.create_table(
        "merchant_user",
        sa.Column("id", ID, nullable=False),
        sa.Column("merchant_id", ID, nullable=False),
        sa.Column("msisdn", sa.String(length=12), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("pwd_set_at", MOMENT, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", MOMENT, nullable=True),
        sa.Column("imsi_hash", sa.String(length=64), nullable=True),
        sa.Column("imsi_changed_at", MOMENT, nullable=True),
        sa.CheckConstraint("role IN ('owner', 'cashier')", name=op.f("ck_merchant_user_role_known")),
        sa.CheckConstraint("state IN ('active', 'blocked')", name=op.f("ck_merchant_user_state_known")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_merchant_user_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant_user")),
        sa.UniqueConstraint("msisdn", name=op.f("uq_merchant_user_msisdn")),
    )
    op.create_index("ix_merchant_user_merchant", "merchant_user", ["merchant_id"])
    op.create_table(
        "sandbox_operation",
        sa.Column("rrn", sa.String(length=12), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("stan", sa.String(length=6), nullable=False),
        sa.Column("amount_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("response_code", sa.String(length=2), nullable=False),
        sa.Column("auth_code", sa.String(length=6), nullable=True),
        sa.Column("reversed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token"], ["sandbox_account.token"], name=op.f("fk_sandbox_operation_token")
        ),
        sa.PrimaryKeyConstraint("rrn", name=op.f("pk_sandbox_operation")),
    )
    op.create_table(
        "device",
        sa.Column("id", ID, nullable=False),
        sa.Column("merchant_user_id", ID, nullable=False),
        sa.Column("push_token", sa.String(length=255), nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_user_id"], ["merchant_user.id"], name=op.f("fk_device_merchant_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("push_token", name=op.f("uq_device_push_token")),
    )
    op.create_index("ix_device_user", "device", ["merchant_user_id"])
    op.create_table(
        "invoice",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", ID, nullable=False),
        sa.Column("issued_by", ID, nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("customer_msisdn", sa.String(length=12), nullable=False),
        sa.Column("amount_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('issued', 'paying', 'paid', 'declined', 'cancelled', 'expired', 'refunded')",
            name=op.f("ck_invoice_state_known"),
        ),
        sa.CheckConstraint("amount_tiyin > 0", name=op.f("ck_invoice_amount_positive")),
        sa.ForeignKeyConstraint(["issued_by"], ["merchant_user.id"], name=op.f("fk_invoice_issued_by")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_invoice_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("number", name=op.f("uq_invoice_number")),
    )
    op.create_index("ix_invoice_customer", "invoice", ["customer_msisdn", "id"])
    op.create_index(
        "ix_invoice_due",
        "invoice",
        ["expires_at"],
        sqlite_where=sa.text("state = 'issued'"),
        postgresql_where=sa.text("state = 'issued'"),
    )
    op.create_index("ix_invoice_merchant", "invoice", ["merchant_id", "id"])
    op.create_index("ix_invoice_merchant_issued_at", "invoice", ["merchant_id", "issued_at"])
    op.create_index("ix_invoice_pair", "invoice", ["merchant_id", "customer_msisdn", "id"])
    op.create_table(
        "web_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("absolute_until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["merchant_user.id"], name=op.f("fk_web_session_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_web_session")),
    )
    op.create_index("ix_web_session_user", "web_session", ["user_id"])
    op.create_table(
        "payment",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("invoice_id", ID, nullable=True),
        sa.Column("merchant_id", ID, nullable=True),
        sa.Column("refund_of", ID, nullable=True),
        sa.Column("target", sa.String(length=120), nullable=True),
        sa.Column("payee", sa.String(length=60), nullable=True),
        sa.Column("card_id", ID, nullable=False),
        sa.Column("amount_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("stan", sa.String(length=6), nullable=False),
        sa.Column("rrn", sa.String(length=12), nullable=False),
        sa.Column("terminal", sa.String(length=8), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("response_code", sa.String(length=2), nullable=True),
        sa.Column("auth_code", sa.String(length=6), nullable=True),
        sa.Column("request_scope", sa.String(length=80), nullable=False),
        sa.Column("request_key", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "state IN ('created', 'sent', 'approved', 'declined', 'unknown', "
            "'reversing', 'reversed', 'refunding', 'refunded')",
            name=op.f("ck_payment_state_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('invoice', 'service', 'transfer', 'topup', 'refund')",
            name=op.f("ck_payment_kind_known"),
        ),
        sa.CheckConstraint(
            "(kind = 'invoice') = (invoice_id IS NOT NULL)", name=op.f("ck_payment_invoice_of_its_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'refund') = (refund_of IS NOT NULL)", name=op.f("ck_payment_refund_of_its_kind")
        ),
        sa.CheckConstraint("amount_tiyin > 0", name=op.f("ck_payment_amount_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_payment_customer_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_payment_merchant_id")),
        sa.ForeignKeyConstraint(["refund_of"], ["payment.id"], name=op.f("fk_payment_refund_of")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_payment_card_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_payment_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("number", name=op.f("uq_payment_number")),
        sa.UniqueConstraint("rrn", name=op.f("uq_payment_rrn")),
        sa.UniqueConstraint(
            "stan", "business_day", "terminal", name=op.f("uq_payment_stan_business_day_terminal")
        ),
    )
    op.create_index(
        "ix_payment_in_flight",
        "payment",
        ["created_at"],
        sqlite_where=sa.text("state IN ('created', 'sent')"),
        postgresql_where=sa.text("state IN ('created', 'sent')"),
    )
    op.create_index("ix_payment_customer", "payment", ["customer_id", "id"])
    op.create_index("ix_payment_invoice", "payment", ["invoice_id"])
    op.create_index("ix_payment_request", "payment", ["request_scope", "request_key"])
    op.create_index(
        "uq_payment_live",
        "payment",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('created', 'sent', 'unknown', 'reversing', 'approved', 'refunding')"),
        postgresql_where=sa.text(
            "state IN ('created', 'sent', 'unknown', 'reversing', 'approved', 'refunding')"
        ),
    )
    undecided = sa.text("state IN ('created', 'sent', 'unknown', 'reversing') AND kind <> 'refund'")
    op.create_index(
        "uq_payment_target_live",
        "payment",
        ["customer_id", "kind", "target"],
        unique=True,
        sqlite_where=undecided,
        postgresql_where=undecided,
    )
    refund_live = sa.text("state IN ('created', 'sent', 'unknown', 'reversing', 'approved')")
    op.create_index(
        "uq_payment_refund_live",
        "payment",
        ["refund_of"],
        unique=True,
        sqlite_where=refund_live,
        postgresql_where=refund_live,
    )
    op.create_table(
        "reversal",
        sa.Column("id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'done', 'manual')", name=op.f("ck_reversal_state_known")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_reversal_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversal")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_reversal_payment_id")),
        sa.UniqueConstraint("seq", name=op.f("uq_reversal_seq")),
    )
    op.create_table(
        "settlement",
        sa.Column("id", ID, nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint("business_day", name=op.f("uq_settlement_business_day")),
    )
    op.create_table(
        "settlement_line",
        sa.Column("id", ID, nullable=False),
        sa.Column("settlement_id", ID, nullable=False),
        sa.Column("merchant_id", ID, nullable=False),
        sa.Column("paid_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("fee_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("refunded_tiyin", sa.BigInteger(), nullable=False),
        sa.Column("paid_out_tiyin", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("paid_out_tiyin >= 0", name=op.f("ck_settlement_line_paid_out_not_negative")),
        sa.ForeignKeyConstraint(
            ["settlement_id"], ["settlement.id"], name=op.f("fk_settlement_line_settlement_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_settlement_line_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_line")),
        sa.UniqueConstraint(
            "settlement_id", "merchant_id", name=op.f("uq_settlement_line_settlement_id_merchant_id")
        ),
    )
    op.create_index("ix_settlement_line_merchant", "settlement_line", ["merchant_id"])
    op.create_table(
        "transfer",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("ref_payment", ID, nullable=True),
        sa.Column("ref_settlement", ID, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('payment', 'refund', 'settlement')", name=op.f("ck_transfer_kind_known")
        ),
        sa.CheckConstraint(
            "(ref_payment IS NULL) <> (ref_settlement IS NULL)", name=op.f("ck_transfer_one_cause")
        ),
        sa.ForeignKeyConstraint(
            ["ref_settlement"], ["settlement.id"], name=op.f("fk_transfer_ref_settlement")
        ),
        sa.ForeignKeyConstraint(["ref_payment"], ["payment.id"], name=op.f("fk_transfer_ref_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("kind", "ref_payment", name=op.f("uq_transfer_kind_ref_payment")),
        sa.UniqueConstraint("ref_settlement", name=op.f("uq_transfer_ref_settlement")),
    )
    op.create_table(
        "entry",
        sa.Column("id", ID, nullable=False),
        sa.Column("transfer_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("side", sa.String(length=1), nullable=False),
        sa.Column("amount_tiyin", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("side IN ('D', 'C')", name=op.f("ck_entry_side_known")),
        sa.CheckConstraint("amount_tiyin > 0", name=op.f("ck_entry_amount_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_entry_account_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name=op.f("fk_entry_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry")),
    )
    op.create_index("ix_entry_account", "entry", ["account_id"])
    op.create_index("ix_entry_transfer", "entry", ["transfer_id"])
    op.create_table(
        "pin_change",
        sa.Column("customer_id", ID, autoincrement=False, nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_pin_change_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_pin_change")),
    )
    op.create_table(
        "pair_block",
        sa.Column("merchant_id", ID, autoincrement=False, nullable=False),
        sa.Column("customer_msisdn", sa.String(length=12), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_pair_block_merchant_id")),
        sa.PrimaryKeyConstraint("merchant_id", "customer_msisdn", name=op.f("pk_pair_block")),
    )
    op.create_table(
        "recipient_card",
        sa.Column("id", ID, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient_card")),
        sa.UniqueConstraint("token", name=op.f("uq_recipient_card_token")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for name, first in (("invoice_number", 1001), ("payment_number", 5_000_001)):
            op.execute(f"CREATE SEQUENCE {name} START WITH {first}")
    refuse = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    if op.get_bind().dialect.name == "postgresql":
        refuse = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
    for table in ("transfer", "entry"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {refuse}")
