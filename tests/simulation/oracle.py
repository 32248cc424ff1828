"""The judge: what must be true after every step, and at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from invoicing import Notice
from tests.simulation import expected
from tests.simulation.database import InvoiceRow, PaymentRow, Snapshot
from tests.simulation.life import PEPPER
from tests.simulation.own_oracle import OwnOracle
from tests.simulation.switch import Bank
from tests.simulation.verdict import Violation, must

PIN_TRIES: Final = 3
_CODE: Final = "code"


@dataclass
class Oracle:
    """Judges one run. `fees_bp` are the merchants' fees by id."""

    bank: Bank
    fees_bp: dict[int, int]
    issuers: dict[int, str]
    """The phone of each merchant's owner, by the merchant's id."""
    now: Snapshot = field(default_factory=Snapshot)
    promises: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What people were told, by request: an invoice's id, and the state that was promised."""
    paid_directly: dict[str, int] = field(default_factory=dict)
    """Numbers of payments without an invoice that people were told are paid."""
    accepted: list[Notice] = field(default_factory=list)
    handed_over: set[int] = field(default_factory=set)
    """Ids of the SMS that the provider has."""
    incidents: int = 0
    """Crashes, failed commits and lost answers: each may double one SMS."""
    moves: dict[int, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    wrong_pins: Counter[str] = field(default_factory=Counter)
    right_pins: Counter[str] = field(default_factory=Counter)
    pin_epochs: Counter[str] = field(default_factory=Counter)
    """How often a phone got its tries back."""
    unlocking: set[str] = field(default_factory=set)
    """Phones whose PIN an operator is just unlocking."""
    own: OwnOracle = field(default_factory=lambda: OwnOracle(PEPPER))
    keys_stay: bool = True
    """Requests' keys outlive the run, so that each may have one effect only."""

    # --- after every commit -----------------------------------------------------------------------------

    def judge(self, new: Snapshot, clock: str) -> None:
        """`clock`: the present moment as the database writes it; keys whose time is over are free."""
        old, self.now = self.now, new
        self._invoices_move(old, new)
        self._payments_move(old, new)
        must("append_only", new.entries[: len(old.entries)] == old.entries, "the books were changed")
        self._answers(old, new, clock)
        self._pins(old, new)
        self.own.judge(old, new, clock)
        self.judge_rows(new)

    def judge_rows(self, new: Snapshot) -> None:
        """What must be true of the rows as they stand, whatever was before."""
        self._one_live_payment(new)
        self._one_live_refund(new)
        self._books(new)
        self._reversals(new)
        self._notices(new)
        self._one_effect(new)
        self._bank_agrees(new)
        self._promises(new)

    def _invoices_move(self, old: Snapshot, new: Snapshot) -> None:
        must("rows_stay", old.invoices.keys() <= new.invoices.keys(), "an invoice vanished")
        for id_, row in new.invoices.items():
            before = old.invoices.get(id_)
            if before is None:
                must("invoice_moves", row.state == "issued", f"invoice {row.number} begins as {row.state}")
                earlier = max((one.number for one in old.invoices.values()), default=1000)
                must("numbers", row.number > earlier, f"invoice {row.number} follows {earlier}")
            elif before.state != row.state:
                allowed = row.state in expected.INVOICE_MOVES.get(before.state, ())
                must("invoice_moves", allowed, f"invoice {row.number}: {before.state} -> {row.state}")
                self.moves[id_].append((before.state, row.state))

    def _payments_move(self, old: Snapshot, new: Snapshot) -> None:
        must("rows_stay", old.payments.keys() <= new.payments.keys(), "a payment vanished")
        for id_, row in new.payments.items():
            before = old.payments.get(id_)
            if before is None:
                must("payment_moves", row.state == "created", f"payment {row.number} begins as {row.state}")
                right = row.amount_tiyin == expected.amount_due(new, row)
                must("amounts", right, f"payment {row.number} is of another sum")
            elif before.state != row.state:
                allowed = row.state in expected.PAYMENT_MOVES.get(before.state, ())
                must("payment_moves", allowed, f"payment {row.number}: {before.state} -> {row.state}")
        for name in ("rrn", "number"):
            values = [getattr(row, name) for row in new.payments.values()]
            must("unique", len(set(values)) == len(values), f"two payments have one {name}")

    def _one_live_payment(self, new: Snapshot) -> None:
        of_invoice: dict[int, list[PaymentRow]] = defaultdict(list)
        for payment in new.payments.values():
            if payment.invoice_id is not None:
                of_invoice[payment.invoice_id].append(payment)
        for id_, invoice in new.invoices.items():
            states = [payment.state for payment in of_invoice[id_]]
            live = [state for state in states if state in expected.LIVE]
            must("one_live_payment", len(live) <= 1, f"invoice {invoice.number} has payments {states}")
            fitting = {"paying": expected.IN_DOUBT, "paid": {"approved", "refunding"}}.get(
                invoice.state, set()
            )
            fits = all(state in fitting for state in live) and bool(live) == bool(fitting)
            fits = fits and (invoice.state == "refunded") == ("refunded" in states)
            must("paid_is_approved", fits, f"invoice {invoice.number} is {invoice.state}, payments {states}")

    def _one_live_refund(self, new: Snapshot) -> None:
        refunds: dict[int, list[str]] = defaultdict(list)
        for payment in new.payments.values():
            if payment.refund_of is not None:
                refunds[payment.refund_of].append(payment.state)
        for id_, payment in new.payments.items():
            in_doubt = sum(state in expected.IN_DOUBT for state in refunds[id_])
            back = refunds[id_].count("approved")
            fitting = {"refunding": (1, 0), "refunded": (0, 1)}.get(payment.state, (0, 0))
            what = f"payment {payment.number} is {payment.state}, its refunds {refunds[id_]}"
            must("one_live_refund", (in_doubt, back) == fitting, what)

    def _books(self, new: Snapshot) -> None:
        booked: dict[tuple[str, int | None], list[expected.Line]] = defaultdict(list)
        transfers: dict[tuple[str, int | None], set[int]] = defaultdict(set)
        sides = Counter[str]()
        for entry in new.entries:
            cause = entry.kind, entry.ref_payment
            transfers[cause].add(entry.transfer_id)
            booked[cause].append((entry.account, entry.owner_id, entry.side, entry.amount_tiyin))
            sides[entry.side] += entry.amount_tiyin
        must("debits_are_credits", sides["D"] == sides["C"], f"{sides}")
        strangers = {kind for kind, _ in booked} - {"payment", "refund", "settlement"}
        must("known_transfers", not strangers, f"{sorted(strangers)}")
        for id_, payment in new.payments.items():
            taken = payment.kind != "refund" and payment.state in expected.TAKEN
            lines = expected.lines(new, payment, self.fees_bp) if taken else []
            back = [expected.turned(line) for line in lines] if payment.state == "refunded" else []
            for kind, wanted in (("payment", lines), ("refund", back)):
                found = booked[kind, id_]
                what = f"payment {payment.number} ({payment.state}) is booked as {kind} {found}"
                must("one_set_of_entries", sorted(found) == sorted(wanted), what)
                must("one_set_of_entries", len(transfers[kind, id_]) == bool(wanted), what)
        paid, settled = self._payable(new, "payment"), self._payable(new, "settlement")
        for merchant, amount in settled.items():
            what = f"merchant {merchant} was paid out {-amount} of {paid[merchant]}"
            must("paid_out_once", -amount <= paid[merchant], what)

    def owed(self) -> Counter[int]:
        """What we owe each merchant, in tiyin."""
        return self._payable(self.now)

    def _payable(self, new: Snapshot, kind: str | None = None) -> Counter[int]:
        """Credits less debits of the merchants' accounts; of one kind of transfers only, where given."""
        sums = Counter[int]()
        for entry in new.entries:
            if entry.account == "merchant_payable" and kind in (None, entry.kind):
                sums[entry.owner_id] += entry.amount_tiyin if entry.side == "C" else -entry.amount_tiyin
        return sums

    def _reversals(self, new: Snapshot) -> None:
        states: dict[int, list[str]] = defaultdict(list)
        for row in new.reversals:
            states[row.payment_id].append(row.state)
        for id_, payment in new.payments.items():
            if payment.state in ("unknown", "reversing", "reversed"):
                must("reversal_queued", len(states[id_]) == 1, f"payment {payment.number} is {payment.state}")
            if payment.state in ("unknown", "reversing"):
                waiting = states[id_][0] in ("queued", "sent", "manual")
                must("reversal_queued", waiting, f"payment {payment.number}: its reversal is done")
            if payment.state in ("created", "sent", "declined", *expected.TAKEN):
                must("no_needless_reversal", not states[id_], f"payment {payment.number} is {payment.state}")

    def recipients_waiting(self) -> int:
        """How many phones have SMS that have not left the queue."""
        return len({row.recipient for row in self.now.notices if row.state == "queued"})

    def _notices(self, new: Snapshot) -> None:
        wanted = expected.notices(new, self.issuers)
        found = Counter(
            (row.event_id, row.template, row.recipient)
            for row in new.notices
            if row.event_id.startswith(("invoice:", "payment:"))
        )
        if found != wanted:
            missing, extra = list((wanted - found).elements()), list((found - wanted).elements())
            raise Violation("notices", f"missing {missing}, too many {extra}")

    def _answers(self, old: Snapshot, new: Snapshot, clock: str) -> None:
        for key, before in old.requests.items():
            if before.answer is None or before.valid_until <= clock:
                continue
            after = new.requests.get(key)
            kept = after is not None and (after.answer, after.status) == (before.answer, before.status)
            must("answers_stay", kept, f"the answer under {key} changed to {after}")

    def _one_effect(self, new: Snapshot) -> None:
        if not self.keys_stay:
            return
        keys = Counter((row.request_scope, row.request_key) for row in new.payments.values())
        doubled = [key for key, count in keys.items() if count > 1]
        must("one_effect", not doubled, f"{doubled} made two payments")
        issued = sum(row.status == "Issued" for row in new.requests.values())
        must(
            "one_effect",
            len(new.invoices) == issued,
            f"{len(new.invoices)} invoices, {issued} requests for them",
        )

    def _pins(self, old: Snapshot, new: Snapshot) -> None:
        """Tries are given back by a right PIN, once for each, by an operator, or with another PIN."""
        must("rows_stay", old.pins.keys() <= new.pins.keys(), "a customer vanished")
        for id_, before in old.pins.items():
            after = new.pins[id_]
            phone = after.msisdn
            given_back = after.pin_failed < before.pin_failed and self.own.chooses_again(
                phone, after.pin_hash
            )
            if before.pin_hash != after.pin_hash or given_back:
                self.wrong_pins[phone] = 0
                self.pin_epochs[phone] += 1
                continue
            if before.pin_locked and not after.pin_locked:
                must("pin_tries", phone in self.unlocking, f"{phone} was unlocked by nobody")
            if after.pin_failed >= before.pin_failed:
                continue
            if phone not in self.unlocking:
                self.right_pins[phone] -= 1
                must("pin_tries", self.right_pins[phone] >= 0, f"{phone} got its tries back for no right PIN")
            self.wrong_pins[phone] = 0
            self.pin_epochs[phone] += 1

    def _bank_agrees(self, new: Snapshot) -> None:
        for payment in new.payments.values():
            done = self.bank.operations.get(payment.rrn)
            moved = 0 if done is None else done.moved_tiyin
            what = f"{payment.kind} {payment.number} is {payment.state}, the bank moved {moved}"
            if payment.state in expected.TAKEN:
                must("approved_was_taken", moved == payment.amount_tiyin, what)
                assert done is not None
                must("approved_was_taken", done.refund == (payment.kind == "refund"), what)
                given = expected.credited(new, payment)
                must("given_to_whom_it_is_for", done.credit in given, f"{payment} gave it to {done.credit}")
            if payment.state == "declined":
                must("declined_took_nothing", moved == 0, what)
            if payment.state == "reversed" and not self._reversal_open(new, payment.id):
                must("reversed_is_back", moved == 0, what)

    def _reversal_open(self, new: Snapshot, payment_id: int) -> bool:
        return any(row.payment_id == payment_id and row.state != "done" for row in new.reversals)

    def _promises(self, new: Snapshot) -> None:
        for request, number in self.paid_directly.items():
            states = [row.state for row in new.payments.values() if row.number == number]
            must("acknowledged", states == ["approved"], f"{request}: payment {number} is {states}")
        for request, (invoice_id, promised) in self.promises.items():
            invoice = new.invoices.get(invoice_id)
            must("acknowledged", invoice is not None, f"{request}: invoice {invoice_id} is gone")
            assert invoice is not None
            kept = promised == "issued" or invoice.state in (promised, "refunded")
            must("acknowledged", kept, f"{request}: was told {promised}, the invoice is {invoice.state}")

    def changes(self, old: Snapshot) -> Iterator[tuple[str, str, str]]:
        """What the last commit moved: an invoice or payment, its state before and after."""
        for kind, before, after in (
            ("invoice", old.invoices, self.now.invoices),
            ("payment", old.payments, self.now.payments),
        ):
            rows: Mapping[int, InvoiceRow | PaymentRow] = after
            olds: Mapping[int, InvoiceRow | PaymentRow] = before
            for id_, row in rows.items():
                was = olds[id_].state if id_ in olds else "-"
                if was != row.state:
                    yield f"{kind} {row.number}", was, row.state

    # --- people -----------------------------------------------------------------------------------------

    def promise(self, request: str, invoice_id: int, state: str) -> None:
        """Somebody is told this now, so it must have been committed by now."""
        self.promises[request] = invoice_id, state
        self._promises(self.now)

    def promise_payment(self, request: str, number: int) -> None:
        """As `promise`, of a payment without an invoice."""
        self.paid_directly[request] = number
        self._promises(self.now)

    def sms_taken(self, notice: Notice) -> None:
        """The provider takes a message: each phone's in order, and not twice without a reason."""
        if notice.template != _CODE:
            self._in_order(notice)
        self.accepted.append(notice)
        self.handed_over.add(notice.id)
        doubled = len(self.accepted) - len(self.handed_over)
        must("sms_doubled", doubled <= self.incidents, f"{doubled} doubled after {self.incidents} incidents")

    def _in_order(self, notice: Notice) -> None:
        """All but codes, which wait behind nothing."""
        mine = [
            one.id for one in self.accepted if one.recipient == notice.recipient and one.template != _CODE
        ]
        must("sms_order", not mine or notice.id >= max(mine), f"SMS {notice.id} after {mine} to one phone")
        earlier = (
            row
            for row in self.now.notices
            if row.recipient == notice.recipient and row.id < notice.id and row.state == "queued"
        )
        overtaken = next((row for row in earlier if row.template != _CODE), None)
        must("sms_order", overtaken is None, f"SMS {notice.id} overtakes an older one")

    def pin_compared(self, phone: str, epoch: int, *, right: bool) -> None:
        """Three wrong PINs are compared at most, however they come (S6); `epoch`: when this try began."""
        if right:
            self.right_pins[phone] += 1
        elif epoch == self.pin_epochs[phone]:
            self.wrong_pins[phone] += 1
            tries = self.wrong_pins[phone]
            must("pin_tries", tries <= PIN_TRIES, f"{tries} wrong PINs of {phone} were compared")

    # --- at the end -------------------------------------------------------------------------------------

    def at_rest(self) -> bool:
        now = self.now
        return (
            all(row.state in expected.AT_REST for row in now.payments.values())
            and all(row.state == "done" for row in now.reversals)
            and all(row.state != "queued" for row in now.notices)
        )

    def judge_rest(self, problems: Iterable[str], trail: dict[int, list[tuple[str, str]]]) -> None:
        """Everything has drained. `problems`: the domain's own check; `trail`: its audit of the invoices."""
        now = self.now
        for payment in now.payments.values():
            must(
                "drained",
                payment.state in expected.AT_REST,
                f"payment {payment.number} is still {payment.state}",
            )
        must(
            "drained",
            self.at_rest(),
            f"{now.reversals} {[row for row in now.notices if row.state == 'queued']}",
        )
        ours = {row.rrn: row.amount_tiyin for row in now.payments.values() if row.state in expected.TAKEN}
        theirs = {rrn: done.moved_tiyin for rrn, done in self.bank.operations.items() if done.moved_tiyin}
        must("books_agree", ours == theirs, lambda: f"ours {ours}, the bank's {theirs}")
        sent = {notice.id for notice in now.notices if notice.state == "sent"}
        lost = sorted(sent - self.handed_over)
        must("sms_lost", not lost, f"SMS {lost} were marked sent and never handed over")
        found = list(problems)
        must("nightly_check", not found, f"{found}")
        for id_ in now.invoices:
            must("audited", trail.get(id_, []) == self.moves[id_], f"invoice {id_}: {trail.get(id_)}")
