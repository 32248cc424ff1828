"""What a customer does for himself besides paying: cards, PIN, codes, balance, and who would be paid."""

from __future__ import annotations

from invoicing import cards, codes, ownpins, pins, requests
from invoicing.audit import Actor
from invoicing.codes import Fresh
from invoicing.customers import check_new_pin
from invoicing.orders import Direct
from invoicing.paying import Paying, row_id
from invoicing.requests import RequestKey
from invoicing.results import (
    Balance,
    CardLinked,
    CodeSent,
    Done,
    PinRight,
    Quote,
    Recipient,
    Refusal,
    Refused,
)
from invoicing.storage import people, sims
from invoicing.storage.connect import reading, write
from invoicing.values import card_expiry, card_scheme, tashkent_day


class SelfService(Paying):
    """Thread-safe; no call keeps a card's number, a PIN or a code beyond its end."""

    # --- cards -------------------------------------------------------------------------------------------

    def link_card(
        self, key: RequestKey, msisdn: str, pan: str, mmyy: str, channel: str = "ussd"
    ) -> CardLinked | Refused:
        """Link the phone's own card: its number becomes a token in this call and is kept nowhere."""
        now, actor = self._clock.now(), Actor(msisdn, channel)
        card = cards.check(pan, mmyy, tashkent_day(now))
        if isinstance(card, Refused):
            return card
        token = self._token(card.pan, card.exp_yymm, msisdn)
        if isinstance(token, Refused):
            return token
        body = requests.body_hash("link_card", msisdn, token, card.exp_yymm)
        return requests.once(
            self._engine, key, body, now, lambda conn: ownpins.link_own(conn, now, actor, card, token)
        )

    def unlink_card(
        self, key: RequestKey, msisdn: str, card_id: str, channel: str = "ussd"
    ) -> Done | Refused:
        """Let go of a card; what was begun with it goes on."""
        now, actor = self._clock.now(), Actor(msisdn, channel)
        body = requests.body_hash("unlink_card", msisdn, card_id)
        return requests.once(
            self._engine, key, body, now, lambda conn: ownpins.unlink(conn, now, actor, row_id(card_id))
        )

    def balance(
        self, key: RequestKey, msisdn: str, card_id: str, pin: str, channel: str = "ussd"
    ) -> Balance | Refused:
        """What a card of the customer holds, against the PIN; the sum is kept nowhere."""
        checked = self.check_pin(key, msisdn, pin, channel)
        if isinstance(checked, Refused):
            return checked
        with reading(self._engine) as conn:
            customer = people.customer_of(conn, msisdn)
            card = None if customer is None else cards.own(conn, customer.id, row_id(card_id))
        if card is None:
            return Refused(Refusal.NO_CARD)
        held = self._processor.balance(card.token)
        return Refused(Refusal.UNAVAILABLE) if held is None else Balance(held)

    def recipient(self, pan: str) -> Recipient | Refused:
        """A card to send money to, by its number, which becomes a token in this call and is kept nowhere."""
        if card_scheme(pan) is None:
            return Refused(Refusal.BAD_CARD_NUMBER)
        token = self._token(pan, "")
        if isinstance(token, Refused):
            return token
        last4 = pan[-4:]
        kept = write(self._engine, lambda conn: people.add_recipient(conn, token, last4))
        return Recipient(str(kept.id), kept.last4)

    def quote(self, msisdn: str, what: Direct) -> Quote | Refused:
        """Who would be paid how much; all that can be refused before card and PIN is refused here."""
        with reading(self._engine) as conn:
            customer = people.customer_of(conn, msisdn)
            if customer is None or customer.pin_hash is None:
                return Refused(Refusal.NOT_CONNECTED)
            subject = what.subject(conn, self._limits, customer)
        if isinstance(subject, Refused):
            return subject
        return Quote(subject.payee or "", subject.amount_tiyin)

    def _token(self, pan: str, exp_yymm: str, msisdn: str | None = None) -> str | Refused:
        try:
            token = self._processor.tokenise(pan, exp_yymm, msisdn)
        except ConnectionError:
            return Refused(Refusal.UNAVAILABLE)
        return Refused(Refusal.BAD_CARD_NUMBER) if token is None else token

    # --- the PIN -----------------------------------------------------------------------------------------

    def begin_pin_change(
        self, key: RequestKey, msisdn: str, pin: str, channel: str = "ussd"
    ) -> PinRight | Refused:
        """The old PIN; after it was right, a new one may be proposed for some minutes."""
        checked = self.check_pin(key, msisdn, pin, channel)
        if isinstance(checked, PinRight):
            now, actor = self._clock.now(), Actor(msisdn, channel)
            write(self._engine, lambda conn: ownpins.allow_change(conn, now, self._limits, actor))
        return checked

    def propose_pin(self, key: RequestKey, msisdn: str, pin: str, channel: str = "ussd") -> Done | Refused:
        """The new PIN, typed the first time: the first one after linking a card, or a change's."""
        refused = check_new_pin(pin)
        if refused is not None:
            return refused
        now, actor = self._clock.now(), Actor(msisdn, channel)
        body, pin_hash = requests.body_hash("propose_pin", msisdn), pins.hash_pin(self._pepper, pin)
        return requests.once(
            self._engine,
            key,
            body,
            now,
            lambda conn: ownpins.propose(conn, now, self._limits, actor, pin_hash),
        )

    def confirm_pin(self, key: RequestKey, msisdn: str, pin: str, channel: str = "ussd") -> Done | Refused:
        """The new PIN, typed again; where the two differ, it is proposed anew."""
        now, actor = self._clock.now(), Actor(msisdn, channel)
        with reading(self._engine) as conn:
            seen = ownpins.candidate(conn, now, msisdn)
        right = (
            seen is not None and seen.pin_hash is not None and pins.is_right(self._pepper, seen.pin_hash, pin)
        )
        body = requests.body_hash("confirm_pin", msisdn)
        return requests.once(
            self._engine,
            key,
            body,
            now,
            lambda conn: ownpins.confirm(conn, now, self._limits, actor, seen, right=right),
        )

    def reset_pin(
        self, key: RequestKey, msisdn: str, request_ref: str, code: str, mmyy: str, channel: str = "ussd"
    ) -> Done | Refused:
        """A lost or locked PIN: a code of purpose `pin` and a card's expiry take PIN and cards away.

        The phone then links a card and chooses a PIN as at the first time.
        """
        now, actor = self._clock.now(), Actor(msisdn, channel)
        body = requests.body_hash("reset_pin", msisdn, request_ref)
        with reading(self._engine) as conn:
            answered = requests.answered(conn, key, body, now)
        if isinstance(answered, Done | Refused):
            return answered
        refused = self.use_code(msisdn, codes.PIN_RESET, request_ref, code, channel)
        if isinstance(refused, Refused):
            return refused
        exp_yymm = card_expiry(mmyy, tashkent_day(now))
        return requests.once(
            self._engine, key, body, now, lambda conn: ownpins.reset(conn, now, actor, exp_yymm)
        )

    # --- codes -------------------------------------------------------------------------------------------

    def request_code(
        self, msisdn: str, purpose: str, *, address: str | None = None, channel: str = "ussd"
    ) -> CodeSent | Refused:
        """Send a one-time code to the phone, where it may have one for this purpose; the answer is the same.

        Args:
            purpose: `pin` (a customer's reset), `login` or `password` (a merchant user's).
            address: where the request comes from, on the web.
        """
        now, actor, fresh = self._clock.now(), Actor(msisdn, channel), Fresh.make()
        return write(
            self._engine,
            lambda conn: codes.ask(
                conn, now, self._limits, self._pepper, actor, fresh, purpose=purpose, address=address
            ),
        )

    def use_code(
        self, msisdn: str, purpose: str, request_ref: str, code: str, channel: str = "ussd"
    ) -> Done | Refused:
        """Use a code up. Each call is a try of its own: three are all a code has, right or wrong."""
        now, actor = self._clock.now(), Actor(msisdn, channel)
        taken = write(
            self._engine,
            lambda conn: codes.take_try(
                conn, now, self._limits, actor, purpose=purpose, request_ref=request_ref
            ),
        )
        if isinstance(taken, Refused):
            return taken
        right = codes.is_right(self._pepper, taken, request_ref, code)
        refused = write(
            self._engine, lambda conn: codes.judge(conn, now, self._limits, actor, taken, right=right)
        )
        return refused or Done()

    # --- the SIM -----------------------------------------------------------------------------------------

    def see_sim(self, msisdn: str, imsi_hash: str, channel: str = "ussd") -> bool:
        """Note the SIM under which a phone dials; `True` where it is another than before (S8).

        Until `verify_sim` the phone pays nothing and gets no code. Strangers leave nothing.
        """
        with reading(self._engine) as conn:
            if sims.is_known(conn, msisdn, imsi_hash):
                return False
        now, actor = self._clock.now(), Actor(msisdn, channel)
        return write(self._engine, lambda conn: ownpins.see_sim(conn, now, actor, imsi_hash))
