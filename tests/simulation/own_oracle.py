"""The judge of cards, PINs, codes, blocks and leases: what is true after every commit, and of answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from invoicing import Lease, pins
from tests.simulation import people
from tests.simulation.database import Snapshot
from tests.simulation.verdict import must

CODE_TRIES: Final = 3


@dataclass
class OwnOracle:
    """`pepper` is the service's, so that the judge knows each PIN's hash."""

    pepper: bytes
    just_jumped: bool = False
    """The clock was set a moment ago: who is at work goes by the time that he read before."""
    commits: int = 0
    pins: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    """Hashes of all PINs that each phone has had, each with the commit that brought it."""
    choosing: dict[str, list[Choice]] = field(default_factory=lambda: defaultdict(list))
    """Who is at work at choosing a PIN, by phone."""
    let: set[str] = field(default_factory=set)
    """Phones that typed the old PIN and may choose another, in this journey or the next within minutes."""
    codes: dict[str, str] = field(default_factory=dict)
    """Every code that was made, by its request's reference."""
    used: set[str] = field(default_factory=set)
    """References of codes that somebody was let in with."""

    def begin(self, now: Snapshot) -> None:
        """The people who are registered."""
        for row in now.pins.values():
            if row.pin_hash is not None:
                self.pins[row.msisdn].append((0, row.pin_hash))

    # --- after every commit -----------------------------------------------------------------------------

    def judge(self, old: Snapshot, new: Snapshot, clock: str) -> None:
        self.commits += 1
        self._pins_change(old, new)
        self._cards(old, new)
        self._codes(old, new, clock)
        self._blocks(old, new)
        for name, lease in new.leases.items():
            before = old.leases.get(name)
            if before is not None and before.owner != lease.owner:
                must("lease_epochs", lease.epoch > before.epoch, f"{before} -> {lease}")

    def _pins_change(self, old: Snapshot, new: Snapshot) -> None:
        for id_, row in new.pins.items():
            before = old.pins[id_].pin_hash if id_ in old.pins else None
            if row.pin_hash == before:
                continue
            must("pin_is_chosen", row.pin_hash is not None, f"{row.msisdn} has lost the PIN")
            assert row.pin_hash is not None
            fitting = [one for one in self.choosing[row.msisdn] if self.hash_of(one.again) == row.pin_hash]
            typed = any(one.pin == one.again for one in fitting)
            must("pin_is_chosen", typed, f"{row.msisdn} has a PIN that nobody typed twice")
            allowed = before is None or row.msisdn in self.let
            self.let.discard(row.msisdn)
            must("pin_is_chosen", allowed, f"{row.msisdn} has another PIN, and the old one was not typed")
            linked = any(card.customer_id == id_ and card.state == "active" for card in new.cards.values())
            must("pin_is_chosen", linked, f"{row.msisdn} has a PIN and no card")
            self.pins[row.msisdn].append((self.commits, row.pin_hash))

    def chooses_again(self, phone: str, kept: str | None) -> bool:
        """Whether somebody who typed the old PIN is at choosing the very same one."""
        return phone in self.let and any(
            one.pin == one.again and self.hash_of(one.again) == kept for one in self.choosing[phone]
        )

    def hash_of(self, pin: str) -> str:
        """As `people.plain_pins` has it."""
        return pins.hash_pin(self.pepper, pin)

    def _cards(self, old: Snapshot, new: Snapshot) -> None:
        for id_, card in new.cards.items():
            if id_ in old.cards:
                must("cards_stay", old.cards[id_].customer_id == card.customer_id, f"{card} was another's")
                continue
            for place, phone in enumerate(people.NEWCOMERS):
                if card.token == people.newcomers_token(place):
                    own = new.pins[card.customer_id].msisdn == phone
                    must("own_cards_only", own, f"{new.pins[card.customer_id].msisdn} has linked {phone}'s")

    def _codes(self, old: Snapshot, new: Snapshot, clock: str) -> None:
        for id_, code in new.codes.items():
            before = old.codes.get(id_)
            must("code_tries", code.tries <= CODE_TRIES, f"{code} had too many tries")
            if before is None:
                continue
            must("code_tries", code.tries >= before.tries, f"{code} has got tries back")
            if before.used_at is not None:
                must("code_once", code.used_at == before.used_at, f"{code} was used again")
                must("code_once", code.tries == before.tries, f"{code} was tried though it is used")
            if code.tries > before.tries:
                in_time = before.expires_at > clock or self.just_jumped
                must("code_in_time", in_time, f"{code} was tried after its time, at {clock}")

    def _blocks(self, old: Snapshot, new: Snapshot) -> None:
        for id_ in new.invoices.keys() - old.invoices.keys():
            row = new.invoices[id_]
            shop = old.shops[row.merchant_id]
            must("blocks_hold", shop.state == "active", f"a blocked shop issued invoice {row.number}")
            blocked = any(
                (pair.merchant_id, pair.customer_msisdn) == (row.merchant_id, row.customer_msisdn)
                for pair in old.pairs
            )
            must("blocks_hold", not blocked, f"{row.customer_msisdn} has blocked who issued {row.number}")
        for id_ in new.payments.keys() - old.payments.keys():
            payment = new.payments[id_]
            changed = old.pins[payment.customer_id].imsi_changed_at
            held = changed is None or payment.kind == "refund"
            must("blocks_hold", held, f"{payment.kind} {payment.number} from a phone whose SIM changed")
        for pair in old.pairs - new.pairs:
            must("blocks_hold", False, f"{pair} is forgotten")

    # --- answers ----------------------------------------------------------------------------------------

    def pin_judged(self, phone: str, typed: str, born: int, *, right: bool) -> None:
        """A PIN that was compared, for a request that began after so many commits."""
        before = [kept for commit, kept in self.pins[phone] if commit <= born]
        good = before[-1:] + [kept for commit, kept in self.pins[phone] if commit > born]
        is_good = self.hash_of(typed) in good
        must(
            "pins_are_compared", is_good or not right, f"{phone} came in with a PIN that is not good any more"
        )
        only = set(good) == {self.hash_of(typed)}
        must("pins_are_compared", right or not only, f"{phone} typed the right PIN, and it was refused")

    def pin_told(self, now: Snapshot, phone: str, pin: str) -> None:
        """Somebody is told that this is the PIN from now on."""
        found = next(row.pin_hash for row in now.pins.values() if row.msisdn == phone)
        must("acknowledged", found == self.hash_of(pin), f"{phone} was told a new PIN, and has another")

    def card_told(self, now: Snapshot, phone: str, token: str) -> None:
        """Somebody is told that a card is linked."""
        owners = [now.pins[card.customer_id].msisdn for card in now.cards.values() if card.token == token]
        must("acknowledged", owners == [phone], f"{phone} was told that {token} is linked, it is {owners}'s")

    def code_told(self, now: Snapshot, ref: str, typed: str, clock: str, *, right: bool) -> None:
        """Somebody typed a code and was let in, or refused because it is over."""
        row = next(one for one in now.codes.values() if one.request_ref == ref)
        if right:
            must("code_once", ref not in self.used, f"two were let in with {row}")
            must("code_right", typed == self.codes[ref], f"somebody was let in with a wrong code: {row}")
            self.used.add(ref)
        elif typed == self.codes[ref]:
            over = row.used_at is not None or row.tries >= CODE_TRIES or row.expires_at <= clock
            must("refusals_are_true", over or self.just_jumped, f"the right code was refused: {row}")

    def one_holder(self, leases: Iterable[Lease]) -> None:
        held = sum(lease.held for lease in leases)
        must("one_holder", held <= 1 or self.just_jumped, f"{held} processes hold the lease")


@dataclass(eq=False)
class Choice:
    """One journey to a new PIN, at work."""

    pin: str
    again: str
