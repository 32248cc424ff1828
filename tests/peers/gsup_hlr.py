"""Debian's osmo-hlr for the tests: a process on a loopback address of its own, since its port is fixed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

GSUP_PORT, VTY_PORT, CTRL_PORT = 4222, 4258, 4259
START_MAX_S = 15.0
CONFIG = """\
line vty
 bind {address}
ctrl
 bind {address}
hlr
 ncss-guard-timeout {guard_s}
 gsup
  bind ip {address}
 euse ussd-engine
 ussd route prefix *880 external ussd-engine
"""


class Hlr:
    """It may be stopped and started again; subscribers stay."""

    def __init__(self, folder: Path, guard_s: int) -> None:
        self.address = _spare_address()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        (folder / "hlr.cfg").write_text(
            CONFIG.format(address=self.address, guard_s=guard_s), encoding="utf-8"
        )

    async def start(self) -> None:
        program = shutil.which("osmo-hlr")
        assert program, "osmo-hlr is missing: apt-get install osmo-hlr"
        with (self._folder / "hlr.log").open("ab") as told:
            self._process = await asyncio.create_subprocess_exec(
                program, "-c", "hlr.cfg", "-l", "hlr.db", cwd=self._folder, stdout=told, stderr=told
            )
        async with asyncio.timeout(START_MAX_S):
            for port in (GSUP_PORT, VTY_PORT, CTRL_PORT):
                while not await self._answers(port):
                    await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """At once, as in a crash."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def died(self) -> bool:
        """Whether it ends by itself within a while, and by a fault."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), 10) < 0

    async def add(self, numbers: dict[str, str]) -> None:
        """Subscribers by IMSI; an empty number gives none."""
        commands = ["enable"]
        for imsi, msisdn in numbers.items():
            commands.append(f"subscriber imsi {imsi} create")
            if msisdn:
                commands.append(f"subscriber imsi {imsi} update msisdn {msisdn}")
        await self.type(*commands)

    async def type(self, *commands: str) -> str:
        """At the HLR's console; what it wrote."""
        reader, writer = await asyncio.open_connection(self.address, VTY_PORT)
        told = await reader.readuntil(b"> ")
        try:
            for command in commands:
                writer.write(command.encode() + b"\r")  # CR and LF would be two lines
                await reader.readuntil(b"\r\n")  # the echo
                told += await asyncio.wait_for(reader.readuntil(b"# "), 5)
        finally:
            writer.close()
            await writer.wait_closed()
        return told.decode(errors="replace")

    def logged(self) -> str:
        return (self._folder / "hlr.log").read_text(encoding="utf-8", errors="replace")

    async def _answers(self, port: int) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.logged()
        try:
            _, writer = await asyncio.open_connection(self.address, port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


@asynccontextmanager
async def osmo_hlr(folder: Path, guard_s: int = 30) -> AsyncIterator[Hlr]:
    """A started HLR without subscribers."""
    hlr = Hlr(folder, guard_s)
    try:
        await hlr.start()
        yield hlr
    finally:
        await hlr.stop()


def _spare_address() -> str:
    """In 127/8, with none of the three ports taken."""
    while True:
        address = f"127.{random.randrange(70, 120)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in (GSUP_PORT, VTY_PORT, CTRL_PORT):
                held.enter_context(socket.socket()).bind((address, port))
            return address
