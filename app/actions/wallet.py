"""What a customer does in the menus besides invoices: cards, PIN, transfers, top-ups, shops by their code.

An order is checked before card and PIN are asked for; what it says then travels through the dialogue as one
opaque text, and is checked again when it is paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from app.actions.invoices import (
    Bindings,
    CardRefused,
    Id,
    InThread,
    Last4,
    Number,
    Pending,
    Refused,
    ShopName,
    WrongPin,
    declared_all,
    request_key,
    shop_on_screen,
)
from invoicing import results as domain
from invoicing.codes import PIN_RESET
from invoicing.orders import Direct, ToCard, ToPhone, TopUp, ToService
from invoicing.results import Refusal
from invoicing.service import Invoicing
from ussd_engine import Action, Amount, Call, Max, Msisdn, Secret, Word

OrderText = Annotated[str, Max(80, "id", gsm=True)]
Digits = Annotated[str, Max(16, "digits", gsm=True)]
Account = Annotated[str, Max(30, "text")]
Reference = Annotated[str, Max(64, "id", gsm=True)]
RESET_DIGITS = 6
"""Of a one-time code; the card's expiry follows it."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Who would get how much; `kind` is the order's, as the menus' words name it."""

    order: OrderText
    kind: Word
    payee: ShopName
    amount: Amount


@dataclass(frozen=True, slots=True)
class Unconnected:
    """This phone has no card and PIN to pay with."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An order was paid."""

    payment: Number


@dataclass(frozen=True, slots=True)
class Held:
    """What a card holds."""

    balance: Amount


@dataclass(frozen=True, slots=True)
class Linked:
    last4: Last4


@dataclass(frozen=True, slots=True)
class ChoosePin:
    """The card is linked, and its owner has no PIN yet."""

    last4: Last4


@dataclass(frozen=True, slots=True)
class Unlinked:
    """The card was let go."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The old PIN was right."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The new PIN was typed once."""


@dataclass(frozen=True, slots=True)
class Weak:
    """The new PIN is one that a guesser tries first; another may be typed."""


@dataclass(frozen=True, slots=True)
class Differ:
    """The second typing was another PIN; both are typed anew."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The new PIN holds."""


@dataclass(frozen=True, slots=True)
class CodeSent:
    reference: Reference


@dataclass(frozen=True, slots=True)
class Reset:
    """PIN and cards are gone; a card is linked anew."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """The shop can send this phone no more invoices."""

    shop: ShopName


class WalletActions:
    """The actions over one `Invoicing`."""

    def __init__(self, invoicing: Invoicing, in_thread: InThread) -> None:
        self._invoicing = invoicing
        self._in_thread = in_thread

    def table(self) -> dict[str, Action]:
        """Return every action by its name."""
        reading: Bindings = {
            "orders.to_phone": self.to_phone,
            "orders.to_card": self.to_card,
            "orders.top_up": self.top_up,
            "orders.to_service": self.to_service,
            "cards.balance": self.balance,
        }
        changing: Bindings = {
            "orders.pay": self.pay,
            "cards.link": self.link,
            "cards.unlink": self.unlink,
            "pins.begin_change": self.begin_change,
            "pins.propose": self.propose,
            "pins.confirm": self.confirm,
            "pins.send_code": self.send_code,
            "pins.reset": self.reset,
            "invoices.silence": self.silence,
        }
        return declared_all(reading=reading, changing=changing)

    # --- orders ---------------------------------------------------------------------------------------

    async def to_phone(self, call: Call, phone: Msisdn, amount: Amount) -> Quoted | Unconnected | Refused:
        return await self._quote(call, ToPhone(phone, amount))

    async def top_up(self, call: Call, phone: Msisdn, amount: Amount) -> Quoted | Unconnected | Refused:
        return await self._quote(call, TopUp(phone, amount))

    async def to_service(
        self, call: Call, code: Digits, account: Account, amount: Amount
    ) -> Quoted | Unconnected | Refused:
        return await self._quote(call, ToService(code, account, amount))

    async def to_card(self, call: Call, number: Secret, amount: Amount) -> Quoted | Unconnected | Refused:
        found = await self._in_thread(self._invoicing.recipient, number)
        if isinstance(found, domain.Refused):
            return Refused(found.reason)
        return await self._quote(call, ToCard(found.id, amount))

    async def _quote(self, call: Call, what: Direct) -> Quoted | Unconnected | Refused:
        found = await self._in_thread(self._invoicing.quote, call.msisdn, what)
        if isinstance(found, domain.Refused):
            return Unconnected() if found.reason is Refusal.NOT_CONNECTED else Refused(found.reason)
        order = order_text(what)
        payee = shop_on_screen(found.payee, call.language)
        return Quoted(order, order.partition("|")[0], payee, found.amount_tiyin)

    async def pay(
        self, call: Call, order: OrderText, card: Id, pin: Secret
    ) -> Sent | WrongPin | CardRefused | Refused | Pending:
        what = order_of(order)
        done = await self._in_thread(
            self._invoicing.pay_direct, request_key(call), call.msisdn, what, card, pin
        )
        match done:
            case domain.DirectPaid():
                return Sent(done.payment.number)
            case domain.Pending():
                return Pending()
            case domain.Refused(Refusal.WRONG_PIN):
                return WrongPin(int(done.params["left"]))
            case domain.Refused(Refusal.CARD_DECLINED):
                return CardRefused(str(done.params["why"]))
            case domain.Refused():
                return Refused(done.reason)

    # --- cards ----------------------------------------------------------------------------------------

    async def balance(self, call: Call, card: Id, pin: Secret) -> Held | WrongPin | Unconnected | Refused:
        held = await self._in_thread(self._invoicing.balance, request_key(call), call.msisdn, card, pin)
        return Held(held.amount_tiyin) if isinstance(held, domain.Balance) else _without(held)

    async def link(self, call: Call, number: Secret, expiry: Digits) -> Linked | ChoosePin | Refused:
        done = await self._in_thread(
            self._invoicing.link_card, request_key(call), call.msisdn, number, expiry
        )
        if isinstance(done, domain.CardLinked):
            return ChoosePin(done.last4) if done.choose_pin else Linked(done.last4)
        return Refused(done.reason)

    async def unlink(self, call: Call, card: Id) -> Unlinked | Refused:
        done = await self._in_thread(self._invoicing.unlink_card, request_key(call), call.msisdn, card)
        return Refused(done.reason) if isinstance(done, domain.Refused) else Unlinked()

    # --- the PIN --------------------------------------------------------------------------------------

    async def begin_change(self, call: Call, pin: Secret) -> Allowed | WrongPin | Unconnected | Refused:
        done = await self._in_thread(self._invoicing.begin_pin_change, request_key(call), call.msisdn, pin)
        if isinstance(done, domain.PinRight):
            return Allowed()
        return _without(done)

    async def propose(self, call: Call, pin: Secret) -> Proposed | Weak | Refused:
        done = await self._in_thread(self._invoicing.propose_pin, request_key(call), call.msisdn, pin)
        if isinstance(done, domain.Done):
            return Proposed()
        return Weak() if done.reason is Refusal.WEAK_PIN else Refused(done.reason)

    async def confirm(self, call: Call, pin: Secret) -> Chosen | Differ | Refused:
        done = await self._in_thread(self._invoicing.confirm_pin, request_key(call), call.msisdn, pin)
        if isinstance(done, domain.Done):
            return Chosen()
        return Differ() if done.reason is Refusal.PIN_MISMATCH else Refused(done.reason)

    async def send_code(self, call: Call) -> CodeSent | Refused:
        done = await self._in_thread(self._invoicing.request_code, call.msisdn, PIN_RESET)
        return Refused(done.reason) if isinstance(done, domain.Refused) else CodeSent(done.request_ref)

    async def reset(self, call: Call, reference: Reference, typed: Secret) -> Reset | Refused:
        code, expiry = typed[:RESET_DIGITS], typed[RESET_DIGITS:]
        done = await self._in_thread(
            self._invoicing.reset_pin, request_key(call), call.msisdn, reference, code, expiry
        )
        return Refused(done.reason) if isinstance(done, domain.Refused) else Reset()

    # --- shops ----------------------------------------------------------------------------------------

    async def silence(self, call: Call, invoice: Id) -> Silenced | Refused:
        done = await self._in_thread(
            self._invoicing.block_merchant_of, request_key(call), call.msisdn, invoice
        )
        if isinstance(done, domain.Refused):
            return Refused(done.reason)
        return Silenced(shop_on_screen(done.name or "", call.language))


def _without(refused: domain.Refused) -> WrongPin | Unconnected | Refused:
    """Why what the PIN was typed for was not done."""
    if refused.reason is Refusal.WRONG_PIN:
        return WrongPin(int(refused.params["left"]))
    return Unconnected() if refused.reason is Refusal.NOT_CONNECTED else Refused(refused.reason)


def order_text(what: Direct) -> str:
    """Write an order as one text; it holds no secret."""
    match what:
        case ToPhone(phone, amount):
            return f"phone|{phone}|{amount}"
        case TopUp(phone, amount):
            return f"topup|{phone}|{amount}"
        case ToCard(recipient, amount):
            return f"card|{recipient}|{amount}"
        case ToService(code, account, amount):
            return f"service|{code}|{account}|{amount}"


def order_of(text: str) -> Direct:
    """Read what `order_text` wrote.

    Raises:
        ValueError: something else.
    """
    match text.split("|"):
        case ["phone", phone, amount]:
            return ToPhone(phone, int(amount))
        case ["topup", phone, amount]:
            return TopUp(phone, int(amount))
        case ["card", recipient, amount]:
            return ToCard(recipient, int(amount))
        case ["service", code, account, amount]:
            return ToService(code, account, int(amount))
    raise ValueError("not an order")
