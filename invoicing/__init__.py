"""CLICK's money domain: invoices, payments, the ledger and the notices about them.

Plain synchronous code over one SQL database; clock, card processor and SMS sender are passed in. `Invoicing`
is what menus, cabinet and command line call; `Workers` and `Relay` are run by the owner process.
"""

from invoicing.clocks import DatabaseClock, clock_of
from invoicing.leases import RENEW_EVERY_S, Lease
from invoicing.limits import Limits
from invoicing.orders import Direct, ToCard, ToPhone, TopUp, ToService
from invoicing.outbox import InboxSender, Relay, Relayed
from invoicing.outcomes import PayAnswer
from invoicing.ports import (
    Approved,
    CardProcessor,
    Clock,
    Declined,
    Notice,
    NotReversed,
    PurchaseRequest,
    ReversalRequest,
    Reversed,
    Sender,
    SendLater,
    SendNever,
    SystemClock,
    Unknown,
)
from invoicing.processors.sandbox import Behaviour, SandboxBank
from invoicing.registration import Imported
from invoicing.requests import RequestKey
from invoicing.results import (
    Balance,
    CardLinked,
    CardView,
    CodeSent,
    DirectPaid,
    Done,
    Duplicate,
    InboxMessage,
    InvoiceCancelled,
    InvoiceDeclined,
    InvoiceView,
    Issued,
    Kind,
    MerchantView,
    Paid,
    PaymentView,
    Pending,
    PinRight,
    Quote,
    Recipient,
    Refunded,
    Refusal,
    Refused,
    Role,
    Rows,
    Status,
)
from invoicing.service import Invoicing
from invoicing.settlement import Settled, write_totals
from invoicing.storage.connect import StorageBusy, StorageError, StorageFailed, connect
from invoicing.storage.migrations import upgrade
from invoicing.workers import AuditVerdict, LateAnswers, Recovered, Workers

__all__ = [
    "RENEW_EVERY_S",
    "Approved",
    "AuditVerdict",
    "Balance",
    "Behaviour",
    "CardLinked",
    "CardProcessor",
    "CardView",
    "Clock",
    "CodeSent",
    "DatabaseClock",
    "Declined",
    "Direct",
    "DirectPaid",
    "Done",
    "Duplicate",
    "Imported",
    "InboxMessage",
    "InboxSender",
    "InvoiceCancelled",
    "InvoiceDeclined",
    "InvoiceView",
    "Invoicing",
    "Issued",
    "Kind",
    "LateAnswers",
    "Lease",
    "Limits",
    "MerchantView",
    "NotReversed",
    "Notice",
    "Paid",
    "PayAnswer",
    "PaymentView",
    "Pending",
    "PinRight",
    "PurchaseRequest",
    "Quote",
    "Recipient",
    "Recovered",
    "Refunded",
    "Refusal",
    "Refused",
    "Relay",
    "Relayed",
    "RequestKey",
    "ReversalRequest",
    "Reversed",
    "Role",
    "Rows",
    "SandboxBank",
    "SendLater",
    "SendNever",
    "Sender",
    "Settled",
    "Status",
    "StorageBusy",
    "StorageError",
    "StorageFailed",
    "SystemClock",
    "ToCard",
    "ToPhone",
    "ToService",
    "TopUp",
    "Unknown",
    "Workers",
    "clock_of",
    "connect",
    "upgrade",
    "write_totals",
]
