"""Debian's Kannel for the tests: bearerbox binds to a centre, its smsbox asks a service and sends SMS."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

START_MAX_S = 20.0
CONNECTED = "Connected to bearerbox"
TAKEN_S = 0.5
"""bearerbox says nothing of when it has taken a box in; what comes before may be brought late."""
CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bar
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-file = bearerbox.log

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = ussd
smsc-password = sesame
system-type = ""
service-type = USSD
reconnect-delay = 1
{tlvs}
group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"
mo-recode = true
log-file = smsbox.log

group = sendsms-user
username = tester
password = foobar
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
accept-x-kannel-headers = true
max-messages = 1
get-url = "{service}?from=%p&to=%P&text=%b&meta=%D"
"""
TLVS = """
group = smpp-tlv
name = ussd_service_op
tag = 0x0501
type = integer
length = 1
"""


@dataclass
class Kannel:
    """A started pair of boxes."""

    folder: Path
    send: int

    async def sms(self, to: str, text: str) -> None:
        """Hand a message in, as an application does."""
        asked = urlencode(
            {
                "username": "tester",
                "password": "foobar",
                "from": "880",
                "to": to,
                "text": text,
                "charset": "UTF-8",
                "coding": 0 if text.isascii() else 2,
            }
        )

        def ask() -> str:
            with urlopen(f"http://127.0.0.1:{self.send}/cgi-bin/sendsms?{asked}", timeout=10) as response:
                told: str = response.read().decode()
                return told

        told = await asyncio.to_thread(ask)
        assert told.startswith(("0:", "3:")), told

    def logged(self) -> str:
        return "".join(
            file.read_text(encoding="utf-8", errors="replace") for file in sorted(self.folder.glob("*.log"))
        )


@asynccontextmanager
async def kannel(folder: Path, centre: int, service: str) -> AsyncIterator[Kannel]:
    """Boxes between a centre's port and a service's URL."""
    admin, box, send = _spare_ports(3)
    config = folder / "kannel.conf"
    config.write_text(
        CONFIG.format(admin=admin, box=box, send=send, centre=centre, service=service, tlvs=TLVS),
        encoding="utf-8",
    )
    started = Kannel(folder, send)
    async with _running("bearerbox", folder):
        await _until_open(box, started)
        async with _running("smsbox", folder):
            await _until_open(send, started)
            async with asyncio.timeout(START_MAX_S):
                while CONNECTED not in started.logged():
                    await asyncio.sleep(0.05)
            await asyncio.sleep(TAKEN_S)
            yield started


@asynccontextmanager
async def _running(program: str, folder: Path) -> AsyncIterator[None]:
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert path, f"{program} is missing: apt-get install kannel"
    with (folder / f"{program}.out").open("wb") as told:
        process = await asyncio.create_subprocess_exec(
            path, "-v", "1", "kannel.conf", cwd=folder, stdout=told, stderr=told
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_open(port: int, started: Kannel) -> None:
    try:
        async with asyncio.timeout(START_MAX_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                return
    except TimeoutError:
        raise AssertionError(started.logged()) from None


def _spare_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]
