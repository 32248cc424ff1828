"""CLICK's money domain: invoices, payments, the ledger and the notices about them.

Plain synchronous code over one SQL database; clock, card processor and SMS sender are passed in. `Invoicing`
is what menus, cabinet and command line call; `Workers` and `Relay` are run by the owner process.
"""

from invoicing.limits import Limits
from invoicing.outbox import InboxSender, Relay, Relayed
from invoicing.payments import PayAnswer
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
    CardView,
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
    Refusal,
    Refused,
    Role,
    Rows,
    Status,
)
from invoicing.service import Invoicing
from invoicing.storage.connect import StorageBusy, StorageError, StorageFailed, connect
from invoicing.storage.migrations import upgrade
from invoicing.workers import Recovered, Workers

__all__ = [
    "Approved",
    "Behaviour",
    "CardProcessor",
    "CardView",
    "Clock",
    "Declined",
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
    "Recovered",
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
    "Status",
    "StorageBusy",
    "StorageError",
    "StorageFailed",
    "SystemClock",
    "Unknown",
    "Workers",
    "connect",
    "upgrade",
]
