"""Client certificates by the word of a trusted proxy (S1), in the forms that proxies write them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapters.certificates import read_fingerprint, told_fingerprint
from adapters.credentials import Credentials, Denied

PROXY = "10.0.0.1"


class Shown:
    """A certificate that openssl has made, and what openssl says of it."""

    def __init__(self, folder: Path) -> None:
        name = str(folder / "c")
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
            "-subj", "/CN=operator", "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
        self.pem = Path(f"{name}.pem").read_text(encoding="ascii")
        self.colons = run("x509", "-in", f"{name}.pem", "-noout", "-fingerprint", "-sha256").partition("=")[2]
        self.fingerprint = self.colons.strip().replace(":", "").lower()
        der = subprocess.run(
            ["openssl", "x509", "-in", f"{name}.pem", "-outform", "DER"], capture_output=True, check=True
        )
        self.base64 = base64.b64encode(der.stdout).decode()


def run(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True, text=True).stdout


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return Shown(tmp_path_factory.mktemp("certificate"))


FORMS: dict[str, Callable[[Shown], str]] = {
    "RFC 9440": lambda shown: f":{shown.base64}:",
    "nginx": lambda shown: quote(shown.pem, safe=""),
    "HAProxy, whole": lambda shown: shown.base64,
    "HAProxy, digest": lambda shown: shown.fingerprint.upper(),
    "openssl": lambda shown: shown.colons,
    "Envoy": lambda shown: f'By=spiffe://a/b;Hash={shown.fingerprint};Subject="CN=operator"',
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_certificate_is_known_in_every_form_that_proxies_write(
    form: Callable[[Shown], str], shown: Shown
) -> None:
    assert told_fingerprint(form(shown)) == read_fingerprint(shown.colons) == shown.fingerprint


@pytest.mark.parametrize("told", ["", " ", ":", "::", ":a:", "a" * 63, "Hash=1", "%2D%2D", "x" * 20_000, "ß"])
def test_what_is_no_certificate_names_none(told: str) -> None:
    assert told_fingerprint(told) == ""


def test_of_several_envoys_nobody_is_known() -> None:
    assert told_fingerprint(f"Hash={'a' * 64},By=x;Hash={'b' * 64}") == ""


@given(st.text())
def test_whatever_is_told_names_a_fingerprint_or_none(told: str) -> None:
    assert len(told_fingerprint(told)) in (0, 64)


def guard(shown: Shown, header: str = "Client-Cert") -> Credentials:
    return Credentials(
        name="gw",
        clock=lambda: 0.0,
        certificates=frozenset({shown.fingerprint}),
        certificate_header=header,
        proxies=(ip_network("10.0.0.0/8"),),
    )


def test_s1_a_known_certificate_is_let_in_by_the_proxys_word(shown: Shown) -> None:
    guard(shown).check_address(PROXY, {"client-cert": f":{shown.base64}:"})
    guard(shown, "X-SSL-Cert").check_address(PROXY, {"X-SSL-Cert": quote(shown.pem, safe="")})
    assert not guard(shown).open


def test_s1_a_certificate_is_nobodys_own_word(shown: Shown) -> None:
    right = f":{shown.base64}:"
    twice = CIMultiDict([("Client-Cert", right), ("Client-Cert", right)])
    for peer, headers in (
        ("192.0.2.1", {"Client-Cert": right}),  # not through the proxy
        (None, {"Client-Cert": right}),
        (PROXY, {}),
        (PROXY, {"Client-Cert": ""}),
        (PROXY, {"Client-Cert": f":{shown.base64[:-8]}AAAAAAA=:"}),
        (PROXY, {"X-Client-Cert": right}),
        (PROXY, twice),  # the proxy has added to what the caller sent, instead of replacing it
    ):
        with pytest.raises(Denied) as caught:
            guard(shown).check_address(peer, headers)
        assert caught.value.status == 403


def test_s1_an_address_forged_in_a_header_before_the_proxys_own_does_not_count() -> None:
    allowed = Credentials(
        name="gw",
        clock=lambda: 0.0,
        allow=(ip_network("192.0.2.0/24"),),
        proxies=(ip_network("10.0.0.0/8"),),
    )
    forged = CIMultiDict([("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "203.0.113.9")])
    with pytest.raises(Denied):
        allowed.check_address(PROXY, forged)
    allowed.check_address(PROXY, CIMultiDict(list(forged.items())[::-1]))
