"""Screens that the demo pushes to its phones: asked for by `/demo/pushes/<msisdn>`, answered there too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Final

from simulator.phone import Server
from simulator.wires.wire import Call, Frames, Leaving, NoService, Pushed
from ussd_engine import Reply

WAIT_S: Final = 20
AGAIN_S: Final = 2.0
"""Pause after a service that is out of reach, or tells that it pushes nothing."""
_JSON: Final = {"Content-Type": "application/json"}


class DemoPushes:
    """Asks for pushes to some phones; also the line on which what was pushed is answered."""

    screen_octets: int = 160

    def __init__(self, server: Server, frames: Frames) -> None:
        self._server = server
        self._frames = frames
        self._stopped = Event()
        self._asking: dict[str, socket.socket | None] = {}

    @property
    def state(self) -> str:
        """As a `Wire`."""
        return f"{self._server} pushes"

    async def open(self) -> None:
        """As a `Wire`: nothing to make ready."""

    def ask(self, number: str, take: Callable[[Pushed], None]) -> None:
        """Give `take` whatever is pushed to `number`, until `stop`.

        A thread of its own waits for each phone: the wait is long, and must not keep the program alive.
        """
        if number in self._asking:
            return
        self._asking[number] = None
        loop = asyncio.get_running_loop()
        Thread(target=self._wait, args=(number, loop, take), daemon=True).start()

    def stop(self) -> None:
        """Ask no more, and let the service know at once: it would hold its end of the line open."""
        self._stopped.set()
        for line in self._asking.values():
            if line is not None:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """As a `Wire`."""
        self.stop()

    async def begin(self, call: Call) -> Reply:
        """As a `Wire`.

        Raises:
            NoService: what is pushed is never begun by a phone.
        """
        raise NoService(f"dialogue {call.name} was begun by the service")

    async def answer(self, call: Call, text: str) -> Reply:
        """As a `Wire`."""
        call.answers.append(text)
        call.sends({"id": call.name, "answer": text, "n": len(call.answers)})
        return await self._post(call, call.last)

    async def again(self, call: Call) -> Reply:
        """As a `Wire`."""
        return await self._post(call, call.last)

    async def leave(self, call: Call, _why: Leaving) -> None:
        """As a `Wire`."""
        await self._sent(call, {"id": call.name, "leaves": True})

    async def _post(self, call: Call, fields: dict[str, Any]) -> Reply:
        found = json.loads(await self._sent(call, fields))
        return Reply(str(found["text"]), open=bool(found["open"]))

    async def _sent(self, call: Call, fields: dict[str, Any]) -> bytes:
        path = f"/demo/pushes/{call.number}"
        body = json.dumps(fields, ensure_ascii=False)
        self._frames.add(call.number, f"POST {path}", body, out=True)
        status, _, raw = await asyncio.to_thread(self._server.exchange, "POST", path, body.encode(), _JSON)
        self._frames.add(call.number, f"HTTP {status}", raw.decode("utf-8", "replace"), out=False)
        if not 200 <= status < 300:
            raise NoService(f"the service refused the answer (HTTP {status})")
        return raw

    def _wait(self, number: str, loop: asyncio.AbstractEventLoop, take: Callable[[Pushed], None]) -> None:
        path = f"/demo/pushes/{number}?wait={WAIT_S}"

        def begun(line: socket.socket) -> None:
            self._asking[number] = line

        while not self._stopped.is_set():
            try:
                status, _, raw = self._server.exchange("GET", path, None, {}, WAIT_S + 10, begun)
            except NoService:
                status, raw = 0, b""
            if status == 200 and not self._stopped.is_set():
                loop.call_soon_threadsafe(self._came, number, json.loads(raw), take)
            elif status != 204:
                self._stopped.wait(AGAIN_S)

    def _came(self, number: str, told: dict[str, Any], take: Callable[[Pushed], None]) -> None:
        self._frames.add(number, "pushed", json.dumps(told, ensure_ascii=False), out=False)
        call = Call(number, "", name=str(told["id"]), kept={"line": self})
        waits = bool(told["open"])

        def taken(shown: bool) -> None:
            if waits and not shown:
                task = asyncio.get_running_loop().create_task(self.leave(call, Leaving.USER))
                call.kept["leaving"] = task

        take(Pushed(call, str(told["text"]), waits, taken))
