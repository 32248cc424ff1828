"""The line itself: signing on and off, echoes, limits, ends; and what else goes over it: refunds, tokens."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from invoicing import Approved, Credit, CreditKind, Declined, NotReversed, Reversed
from invoicing.processors.iso8583 import HostOptions, Iso8583Host
from invoicing.processors.iso8583.link import LinkOptions
from invoicing.processors.iso8583.wire import Message
from tests.peers.control import SwitchProcess
from tests.processors.conftest import MakeTill, Till, until
from tests.processors.orders import FIFTY, purchase, reversal

APPROVED = Approved("000001", "000000000001", FIFTY, "000001")
BALANCE = 60_000_00
PAN = "8600490000061234"


@pytest.fixture
def token(switch: SwitchProcess) -> str:
    return switch.card("tok-1", BALANCE)


# --- the line ------------------------------------------------------------------------------------------


def test_signed_off_by_the_switch_is_not_available_until_signed_on_again(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    switch.order("network", code="002")
    until(lambda: not till.host.available())

    assert till.host.purchase(purchase(token)) == Declined("91")
    assert switch.history("got", "0200") == []
    switch.order("network", code="001")
    until(till.host.available)
    assert till.host.purchase(purchase(token)) == APPROVED


def test_an_echo_of_the_switch_is_answered(switch: SwitchProcess, till: Till) -> None:
    switch.order("network", code="301")

    until(lambda: [one["network"] for one in switch.history("got", "0810")] == ["301"])


def test_a_fault_of_our_own_does_not_leave_us_without_a_line(
    switch: SwitchProcess, make_till: MakeTill, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = make_till()
    faults = iter([True])

    def told(request: Message) -> None:
        if next(faults, False):
            raise ZeroDivisionError

    monkeypatch.setattr(till.host._link, "_told", told)
    host = till.open()
    switch.order("network", code="301")
    until(lambda: len(switch.history("got", "0800")) == 2)

    until(host.available)
    assert host.purchase(purchase(token)) == APPROVED


def test_a_refused_sign_on_is_tried_again(switch: SwitchProcess, make_till: MakeTill) -> None:
    switch.order("sign_on_code", code="58")
    till = make_till()
    till.host.start()
    until(lambda: len(switch.history("got", "0800")) >= 3)

    assert not till.host.available()
    switch.order("sign_on_code", code="00")
    until(till.host.available)


def test_the_line_is_echoed_and_given_up_for_another_when_an_echo_stays_unanswered(
    switch: SwitchProcess, make_till: MakeTill
) -> None:
    host = make_till(link={"echo_every_s": 0.1, "network_s": 0.3}).open()
    until(lambda: len(switch.history("got", "0800")) >= 3)
    switch.fault("lost", on="0800")
    until(lambda: not host.available())

    until(host.available)
    told = [one["network"] for one in switch.history("got", "0800")]
    assert told[:3] == ["001", "301", "301"]
    assert told.count("001") == 2


@pytest.mark.parametrize("octets", ["ffff00", "0000" * 3])
def test_a_frame_that_cannot_be_drops_the_line_and_an_empty_one_does_not(
    switch: SwitchProcess, till: Till, token: str, octets: str
) -> None:
    switch.order("raw", hex=octets)

    if octets.startswith("f"):
        until(lambda: len(switch.history("got", "0800")) == 2)
    until(till.host.available)
    assert till.host.purchase(purchase(token)) == APPROVED
    assert len(switch.history("got", "0800")) == (2 if octets.startswith("f") else 1)


def test_more_than_the_limit_are_refused_at_once(
    switch: SwitchProcess, make_till: MakeTill, token: str
) -> None:
    host = make_till(answer_s=5, link={"in_flight_max": 2}).open()
    switch.fault("hold", times=2)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(host.purchase, purchase(token, 1_00, number)) for number in (1, 2)]
        until(lambda: not host.available())

        assert host.purchase(purchase(token, 1_00, 3)) == Declined("91")
        switch.order("release")
        assert [type(one.result()) for one in waiting] == [Approved, Approved]
    assert host.available()


def test_a_stop_lets_answers_come_and_signs_off(
    switch: SwitchProcess, make_till: MakeTill, token: str
) -> None:
    host = make_till(answer_s=5).open()
    switch.fault("hold")
    with ThreadPoolExecutor(2) as threads:
        paying = threads.submit(host.purchase, purchase(token))
        until(lambda: bool(switch.history("got", "0200")))
        stopping = threads.submit(host.stop)
        until(lambda: not host.available())

        assert not paying.done(), "it takes nothing new, and waits for what is on its way"
        switch.order("release")
        assert paying.result() == APPROVED
        stopping.result()
    assert [one["network"] for one in switch.history("got", "0800")] == ["001", "002"]
    assert not host.available()
    assert host.purchase(purchase(token, number=2)) == Declined("91")
    assert "iso8583-link" not in {thread.name for thread in threading.enumerate()}


def test_a_host_that_was_not_started_sends_nothing(token: str) -> None:
    host = Iso8583Host(HostOptions(LinkOptions("127.0.0.1", 1), "CLICK001", "9901", "CLICK"))

    assert not host.available()
    assert host.purchase(purchase(token)) == Declined("91")
    assert host.reverse(reversal(token)) == NotReversed()
    host.stop()


def test_a_listener_that_fails_stops_nothing(switch: SwitchProcess, make_till: MakeTill, token: str) -> None:
    def fail(_: object) -> None:
        raise OSError("the database is away")

    till = make_till()
    till.host._on_stray = fail
    host = till.open()
    switch.fault("twice", times=2)

    assert host.purchase(purchase(token, 1_00, 1)) == Approved("000001", "000000000001", 1_00, "000001")
    assert host.purchase(purchase(token, 1_00, 2)) == Approved("000002", "000000000002", 1_00, "000002")


# --- cards, refunds ------------------------------------------------------------------------------------


def test_a_refund_puts_the_money_back_under_numbers_of_its_own(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    till.host.purchase(purchase(token))

    assert till.host.refund(purchase(token, number=2)) == Approved("000002", "000000000002", FIFTY, "000002")
    assert switch.balance(token) == BALANCE


def test_a_token_with_a_card_numbers_shape_pays_too(switch: SwitchProcess, till: Till) -> None:
    token = switch.card("9911000000001234", BALANCE)

    assert till.host.purchase(purchase(token)) == APPROVED
    assert till.host.balance(token) == BALANCE - FIFTY


def test_a_card_number_the_bank_does_not_know_has_no_token(till: Till) -> None:
    assert till.host.tokenise(PAN, "3012") is None


def test_a_card_number_as_its_own_token_is_refused(switch: SwitchProcess, till: Till) -> None:
    switch.card(PAN, BALANCE, pan=PAN)

    assert till.host.tokenise(PAN, "3012") is None


def test_a_card_check_without_an_answer_is_no_verdict(switch: SwitchProcess, till: Till) -> None:
    switch.fault("lost", on="0100")

    with pytest.raises(ConnectionError):
        till.host.tokenise(PAN, "3012")


def test_an_inquiry_is_waited_for_less_long_than_a_payment(
    switch: SwitchProcess, make_till: MakeTill
) -> None:
    host = make_till(answer_s=30, inquiry_s=0.2).open()
    token = switch.card("tok-1", BALANCE, pan=PAN)
    switch.fault("lost", on="0100", times=2)
    began = time.monotonic()

    with pytest.raises(ConnectionError):
        host.tokenise(PAN, "3012")
    assert host.balance(token) is None
    assert time.monotonic() - began < 3


def test_a_line_that_was_just_started_signs_on_before_a_card_is_checked(
    switch: SwitchProcess, make_till: MakeTill
) -> None:
    switch.card("tok-1", BALANCE, pan=PAN)
    host = make_till(answer_s=10, inquiry_s=10).host
    host.start()

    assert host.tokenise(PAN, "3012") == "tok-1"


def test_a_line_that_never_comes_up_keeps_nobody_longer_than_an_inquiry(
    switch: SwitchProcess, make_till: MakeTill
) -> None:
    switch.order("down")
    host = make_till(inquiry_s=0.3).host
    host.start()
    began = time.monotonic()

    with pytest.raises(ConnectionError):
        host.tokenise(PAN, "3012")
    assert time.monotonic() - began < 2


def test_a_card_check_without_a_line_is_no_verdict_at_once(switch: SwitchProcess, patient_till: Till) -> None:
    host = patient_till.host
    switch.order("down")
    until(lambda: not host.available())
    began = time.monotonic()

    with pytest.raises(ConnectionError):
        host.tokenise(PAN, "3012")
    assert time.monotonic() - began < 5


def test_a_card_check_carries_expiry_and_phone_where_there_are_some(
    switch: SwitchProcess, till: Till
) -> None:
    till.host.tokenise(PAN, "3012", "998901234567")
    till.host.tokenise(PAN, "")

    told = [(one["code"], one["expiry"], one["phone"]) for one in switch.history("got", "0100")]
    assert told == [("330000", "3012", "998901234567"), ("330000", None, None)]


def test_digits_that_no_message_carries_are_no_card(switch: SwitchProcess, till: Till) -> None:
    assert till.host.tokenise("86004900000612341234", "3012") is None
    assert till.host.balance("ключ") is None
    assert switch.history("got", "0100") == []


@pytest.mark.parametrize(
    ("kind", "code"), [(CreditKind.CARD, "400000"), (CreditKind.PHONE, "500000")], ids=["card", "phone"]
)
def test_who_gets_the_money_is_in_the_purchase_and_in_its_reversal(
    switch: SwitchProcess, till: Till, token: str, kind: CreditKind, code: str
) -> None:
    credit = Credit(kind, "998901234567")
    till.host.purchase(purchase(token, credit=credit))
    till.host.reverse(reversal(token, credit=credit))

    told = [(one["code"], one["to"]) for one in switch.history("got", "0200", "0420")]
    assert told == [(code, "998901234567")] * 2


def test_a_token_that_is_too_long_to_be_credited_is_declined_unsent(
    switch: SwitchProcess, till: Till, token: str
) -> None:
    credit = Credit(CreditKind.CARD, "t" * 29)

    assert till.host.purchase(purchase(token, credit=credit)) == Declined("30")
    assert till.host.reverse(reversal(token, credit=credit)) == Reversed(original_known=False)
    assert switch.history("got", "0200", "0420") == []


@pytest.mark.parametrize(("refund", "code"), [(False, "000000"), (True, "200000")])
def test_a_reversal_carries_its_originals_processing_code(
    switch: SwitchProcess, till: Till, token: str, refund: bool, code: str
) -> None:
    till.host.reverse(reversal(token, refund=refund))
    till.host.reverse(reversal(token, refund=refund, repeat=True))

    assert [one["code"] for one in switch.history("got", "0420", "0421")] == [code, code]


def test_a_token_that_no_message_can_carry_is_declined_unsent(switch: SwitchProcess, till: Till) -> None:
    assert till.host.purchase(purchase("ключ")) == Declined("30")
    assert till.host.purchase(purchase("tok", amount_tiyin=0)) == Declined("30")
    assert switch.history("got", "0200") == []


@pytest.mark.parametrize(
    ("terminal", "acquirer", "acceptor"),
    [("CLICK01", "9901", "CLICK"), ("CLICK001", "99x", "CLICK"), ("CLICK001", "9901", "C" * 16)],
)
def test_options_that_fill_no_field_are_refused(terminal: str, acquirer: str, acceptor: str) -> None:
    with pytest.raises(ValueError, match=r"field (41|32|42)"):
        HostOptions(LinkOptions("127.0.0.1", 1), terminal, acquirer, acceptor)


def test_no_card_number_or_token_reaches_the_logs(
    switch: SwitchProcess, till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = switch.card("secret-token", BALANCE, pan=PAN)
    till.host.tokenise(PAN, "3012")
    for number, do in enumerate(("twice", "other", "garbage", "bare"), start=1):
        switch.fault(do, fields={"4": "000000000001"})
        till.host.purchase(purchase(token, 1_00, number))
    till.host.purchase(purchase("ключ-" + PAN))
    until(lambda: len(till.strays) >= 3)

    assert "RRN 000000000001" in caplog.text
    assert PAN not in caplog.text
    assert token not in caplog.text
    assert PAN not in repr(till.strays) + repr(till.host)
