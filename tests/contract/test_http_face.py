"""The port of a started demo: bad input gets a clear short answer, and nothing breaks."""

import http.client
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from tests.served import CUSTOMER, MERCHANT, STRANGER, Served

GATEWAY = "/gateways/africastalking"
FORM = {
    "sessionId": "face-1",
    "serviceCode": "*880#",
    "phoneNumber": f"+{STRANGER}",
    "networkCode": "43404",
    "text": "",
}


def form(**changes: str | None) -> bytes:
    return urlencode(
        {name: value for name, value in {**FORM, **changes}.items() if value is not None}
    ).encode()


def short_and_clean(text: str) -> bool:
    return 0 < len(text) < 200 and "Traceback" not in text and ".py" not in text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "missing: sessionId, serviceCode, phoneNumber"),
        (form(sessionId=None), "missing: sessionId"),
        (form(serviceCode=None), "missing: serviceCode"),
        (form(phoneNumber=None), "missing: phoneNumber"),
        (form(text=None), "missing: text"),
        (form(phoneNumber="nobody"), "phoneNumber is not 5 to 15 digits"),
        (form(text="1" * 10_000), "text is longer than"),
        (form() + b"%ff", "text is not valid UTF-8"),
        (form() + b"&text=1", "text comes twice"),
        (b"\xff\xfe\x00", "is not valid UTF-8"),
    ],
)
def test_what_cannot_be_read_is_400_and_says_why(demo: Served, body: bytes, told: str) -> None:
    status, text = demo.request(GATEWAY, body)

    assert status == 400
    assert told in text
    assert short_and_clean(text)


def test_another_content_type_is_415(demo: Served) -> None:
    status, text = demo.request(GATEWAY, b"{}", headers={"Content-Type": "application/json"})

    assert status == 415
    assert short_and_clean(text)


def test_a_huge_body_is_413(demo: Served) -> None:
    status, text = demo.request(GATEWAY, b"text=" + b"1" * 100_000)

    assert status == 413
    assert short_and_clean(text)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/gateways/nobody", 404),
        ("/gateways/africastalking/more", 404),
        ("/demo/inbox/nobody", 400),
        ("/%ff%00", 404),
        ("/" + "a" * 2000, 404),
    ],
)
def test_an_unknown_path_is_told_shortly(demo: Served, path: str, status: int) -> None:
    found, text = demo.request(path)

    assert found == status
    assert short_and_clean(text)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(demo: Served, method: str) -> None:
    status, text = demo.request(GATEWAY, form(), method=method)

    assert status == 405
    assert short_and_clean(text)


@pytest.mark.parametrize(
    "code", ["*111#", "*880", "880", "*880*", "#", "***#", "*880#*", "*" * 182, "*880*" + "1" * 170 + "#"]
)
def test_a_code_that_is_not_ours_gets_one_closing_screen(demo: Served, code: str) -> None:
    status, text = demo.request(GATEWAY, form(sessionId=f"code-{code[:60]}", serviceCode=code))

    assert status == 200
    assert text[:4] in ("END ", "CON ")
    assert short_and_clean(text)


def test_an_answer_in_a_foreign_dialogue_touches_nothing(demo: Served) -> None:
    caller = demo.caller(MERCHANT)
    first = caller.dial("*880#")
    status, text = demo.request(GATEWAY, form(sessionId="foreign", phoneNumber=MERCHANT, text="2"))

    assert status == 200
    assert text.startswith("END ")
    options = first.splitlines()[1:]
    assert caller.answer("9").splitlines()[-len(options) :] == options


def test_octets_that_are_no_http_get_a_400_and_no_traceback(demo: Served) -> None:
    address = urlsplit(demo.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        answer = raw.recv(4096)

    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"Traceback" not in answer


def test_one_connection_carries_many_dialogues(demo: Served) -> None:
    address = urlsplit(demo.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for number in range(5):
        connection.request("POST", GATEWAY, form(sessionId=f"kept-{number}"), headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
        assert answer.read().startswith(b"CON ")
    connection.close()


def test_the_end_of_a_dialogue_is_taken_note_of(demo: Served) -> None:
    caller = demo.caller(CUSTOMER)
    caller.dial("*880#")
    body = form(sessionId=caller.dialogue, phoneNumber=CUSTOMER) + b"&status=Incomplete"

    assert demo.request(f"{GATEWAY}/events", body) == (200, "")
    assert caller.answer("1").startswith("END ")


def test_health_readiness_and_metrics_answer(demo: Served) -> None:
    assert demo.request("/healthz") == (200, "ok\n")
    assert demo.request("/readyz")[0] == 200
    status, text = demo.request("/metrics")
    assert status == 200
    for name in ("ussd_turns_total", "ussd_turn_seconds_bucket", "ussd_actions_total", "ussd_outbox_depth"):
        assert name in text


def test_nothing_that_was_sent_stands_in_the_log(demo: Served) -> None:
    demo.caller(CUSTOMER).dial("*880#", "1", "24681")
    demo.request(GATEWAY, form(text="8600490744313347*24680") + b"%ff")

    logged = demo.logged()
    for secret in (CUSTOMER, MERCHANT, "8600490744313347", "24680", "24681"):
        assert secret not in logged
