"""Who is let in, without HTTP."""

import hmac
from base64 import b64encode
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import credentials
from adapters.credentials import Credentials, Denied, Nonces, signature

NOW = 1_790_000_000.0
BODY = b"text=1"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(clock: Clock) -> Credentials:
    return Credentials(name="at", clock=clock, secret="s3cret")


def signed(nonce: str = "n1", at: float = NOW, secret: str = "s3cret", body: bytes = BODY) -> dict[str, str]:
    stamp = str(int(at))
    made = signature(secret, "POST", "/gateways/at", stamp, nonce, body)
    return {"X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": made}


def basic(user: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{secret}".encode()).decode()}


def status(guard: Credentials, headers: dict[str, str], body: bytes = BODY) -> int:
    try:
        guard.check_secret("POST", "/gateways/at", headers, body)
    except Denied as denied:
        return denied.status
    return 200


def test_the_right_name_and_secret_are_let_in(guarded: Credentials) -> None:
    assert status(guarded, basic("at", "s3cret")) == 200


def test_the_secret_itself_may_come_as_x_api_key(guarded: Credentials) -> None:
    assert status(guarded, {"X-API-Key": "s3cret"}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"X-API-Key": "\udcff"},
        {"X-API-Key": "wrong", **basic("at", "s3cret")},
        basic("at", "wrong"),
        basic("other", "s3cret"),
        {"Authorization": "Basic ???"},
        {"Authorization": "Bearer s3cret"},
        {"Authorization": ""},
    ],
)
def test_anything_else_is_401(guarded: Credentials, headers: dict[str, str]) -> None:
    assert status(guarded, headers) == 401


def test_a_signature_over_this_very_request_is_let_in_once(guarded: Credentials) -> None:
    assert status(guarded, signed()) == 200
    assert status(guarded, signed()) == 401
    assert status(guarded, signed(nonce="n2")) == 200


def test_a_signature_of_another_body_or_secret_is_401(guarded: Credentials) -> None:
    assert status(guarded, signed(), body=b"text=2") == 401
    assert status(guarded, signed(secret="guess")) == 401


@pytest.mark.parametrize("header", ["X-Signature", "X-Nonce"])
def test_a_signed_request_whose_head_is_no_utf8_is_401(guarded: Credentials, header: str) -> None:
    assert status(guarded, {**signed(), header: "\udcff"}) == 401


def test_a_signature_covers_a_path_as_it_was_sent(guarded: Credentials) -> None:
    made = hmac.new(b"s3cret", b"POST\n/gateways/at?a=\xff\n%d\nn1\n" % NOW + BODY, "sha256").hexdigest()
    headers = {"X-Timestamp": str(int(NOW)), "X-Nonce": "n1", "X-Signature": made}

    guarded.check_secret("POST", "/gateways/at?a=\udcff", headers, BODY)


@pytest.mark.parametrize(("offset", "expected"), [(-300, 200), (300, 200), (-301, 401), (301, 401)])
def test_a_request_may_be_300_seconds_off_and_no_more(
    guarded: Credentials, offset: int, expected: int
) -> None:
    assert status(guarded, signed(at=NOW + offset)) == expected


def test_a_nonce_cannot_be_played_again_while_its_time_is_accepted(
    guarded: Credentials, clock: Clock
) -> None:
    ahead = signed(at=NOW + 300)
    assert status(guarded, ahead) == 200
    clock.now = NOW + 599

    assert status(guarded, ahead) == 401


def test_a_wrong_signature_does_not_burn_the_nonce(guarded: Credentials) -> None:
    assert status(guarded, {**signed(), "X-Signature": "0" * 64}) == 401
    assert status(guarded, signed()) == 200


def test_a_full_memory_of_nonces_refuses_rather_than_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "NONCES_KEPT_MAX", 3)
    nonces = Nonces()

    assert [nonces.first_time(name, NOW) for name in "abcd"] == [True, True, True, False]
    assert nonces.first_time("d", NOW + 601)


@given(
    st.dictionaries(
        st.sampled_from(["X-Timestamp", "X-Nonce", "X-Signature", "X-API-Key", "Authorization"]), st.text()
    )
)
def test_no_headers_let_a_stranger_in_or_break_the_check(headers: dict[str, str]) -> None:
    guard = Credentials(name="at", clock=lambda: NOW, secret="s3cret")

    assert status(guard, headers) == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "let_in"),
    [
        ("192.0.2.7", "", True),
        ("203.0.113.1", "", False),
        ("203.0.113.1", "192.0.2.7", False),
        ("10.0.0.1", "192.0.2.7", True),
        ("10.0.0.1", "203.0.113.1", False),
        ("10.0.0.1", "192.0.2.7, 203.0.113.1", False),
        ("10.0.0.1", "203.0.113.1, 192.0.2.7, 10.0.0.2", True),
        ("10.0.0.1", "nonsense", False),
        ("::ffff:192.0.2.7", "", True),
        (None, "192.0.2.7", False),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    peer: str | None, forwarded: str, let_in: bool, clock: Clock
) -> None:
    guard = Credentials(
        name="at",
        clock=clock,
        allow=(ip_network("192.0.2.0/24"),),
        proxies=(ip_network("10.0.0.0/8"),),
    )
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    if let_in:
        guard.check_address(peer, headers)
    else:
        with pytest.raises(Denied) as caught:
            guard.check_address(peer, headers)
        assert caught.value.status == 403


def test_the_secret_is_in_no_repr(guarded: Credentials) -> None:
    assert "s3cret" not in repr(guarded)
