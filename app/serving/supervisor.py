"""The parent of the workers: one for each socket; one that dies is replaced; SIGUSR2 is a rolling restart.

A rolling restart first tries the start in a process of its own, with the code, settings and menus that are on
the disk now. If that would not start, nothing has changed. Then the parent executes itself anew, which keeps
its pid, its children and the sockets; the new program starts a worker beside each old one, on its socket, and
lets the old one go once the new one plays turns. No socket is ever closed, so no connection is refused.

Signals are blocked and taken by the loop, one at a time; they survive the change of program.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from app.planning import Plan
from app.serving.heir import Heir
from app.serving.process import SIGNALS, NotReady, Post, run_house, url_of
from app.serving.trial import Trial
from app.serving.workerprocess import READY, Worker, say
from app.watching.shared import bury
from app.wiring import House, open_house

RESTART_PAUSE_S: Final = 1.0
LIVED_S: Final = 10.0
"""Who dies sooner may do so again: the next is started after the pause. Others are replaced at once."""
READY_MAX_S: Final = 45.0
"""From its start until a worker that relieves another plays turns."""
LEAVES_MAX_S: Final = 45.0
"""A relieved worker has so long for its open turns; then it is killed."""
BUSY_LOOK_S: Final = 0.05
IDLE_LOOK_S: Final = 5.0
NO_PROGRAM: Final = "the new program could not be loaded: mend it, and send SIGUSR2 again"
NO_TERMINAL: Final = "each worker needs a [bank.link] terminal, and none is free: give two more than workers"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seat:
    """A worker's place.

    Attributes:
        slot: which socket it serves, from 0; the first does the chores.
        line: which of the bank's lines is its own, from 0.
    """

    slot: int
    line: int


Open = Callable[[Seat], AbstractAsyncContextManager[House]]


def worker_of(plan: Plan) -> Open:
    """How a worker of `plan` opens; the first one does the chores."""

    def opening(seat: Seat) -> AbstractAsyncContextManager[House]:
        does_chores = plan.does_chores and seat.slot == 0
        return open_house(replace(plan, does_chores=does_chores, worker=seat.slot, line=seat.line))

    return opening


class Supervisor:
    """Keeps the workers.

    Args:
        opening: makes the house of a worker; None where the new program could not be loaded: then the workers
            that there are go on, and none is started.
        listeners: a socket for each worker.
        terminals: the bank's lines, where workers have one each; as many as there are, none are shared.
        ready: called with the address once all workers answer for the first time.
        heir: what an earlier program of this process has left.
    """

    def __init__(
        self,
        opening: Open | None,
        listeners: Sequence[socket.socket],
        terminals: Sequence[str],
        ready: Callable[[str], None],
        heir: Heir | None = None,
    ) -> None:
        self._opening = opening
        self._listeners = list(listeners)
        self._terminals = terminals
        self._ready: Callable[[str], None] | None = ready
        self._lifeline = heir.lifeline if heir else os.pipe()
        self._workers = (
            [Worker(pid, slot, terminal, said=READY) for pid, slot, terminal in heir.workers] if heir else []
        )
        self._rolling = self._roll() if heir and opening else None
        self._rereads = False
        self._stopping = False
        self._trial: Trial | None = None
        self._due: dict[int, float] = {}

    def run(self) -> None:
        """Until SIGTERM or SIGINT, and the end of all workers."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        # What was loaded stays for ever; a collector that never touches it leaves its memory shared.
        gc.collect()
        gc.freeze()
        if not self._workers:
            for slot in range(len(self._listeners)):
                self._start(slot, relieves=False)
        while self._workers or not self._stopping:
            self._look()
            self._tell_ready()
            came = signal.sigtimedwait(SIGNALS, BUSY_LOOK_S if self._busy else IDLE_LOOK_S)
            if came is not None:
                self._take(signal.Signals(came.si_signo))
        for end in self._lifeline:
            os.close(end)

    @property
    def _busy(self) -> bool:
        starting = any(worker.told is not None for worker in self._workers)
        return bool(starting or self._rolling or self._trial or self._due)

    def _take(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP:
            self._rereads = True
            self._tell(number)
        elif number == signal.SIGUSR2 and not self._stopping:
            if self._rolling or self._trial:
                log.warning("a rolling restart is under way; this one is left out")
            else:
                self._begin_trial()

    def _begin_trial(self) -> None:
        log.info("a rolling restart begins")
        try:
            self._trial = Trial()
        except OSError as error:  # no memory or descriptors, or the program's files are being replaced
            log.error("no rolling restart: it can't be tried", extra={"why": str(error)})

    def _stop(self) -> None:
        self._stopping = True
        self._rolling = None
        self._due.clear()
        if self._trial is not None:
            self._trial.give_up()
            self._trial = None
        for listener in self._listeners:
            listener.close()  # else the kernel would go on taking connections in that nobody serves
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.tell(number)

    def _look(self) -> None:
        """What has come about since: ends, signs of readiness, the next step of what is under way."""
        for worker in list(self._workers):
            worker.listen()
            self._reap(worker)
        if self._stopping:
            return
        self._look_at_trial()
        if self._rolling is not None:
            try:
                next(self._rolling)
            except StopIteration:
                self._rolling = None
        self._replace()

    def _tell_ready(self) -> None:
        if self._ready is not None and not self._stopping and self._all_ready():
            self._ready(url_of(self._listeners[0]))
            self._ready = None

    def _all_ready(self) -> bool:
        return {worker.slot for worker in self._workers if worker.ready} == set(range(len(self._listeners)))

    def _reap(self, worker: Worker) -> None:
        try:
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
        except ChildProcessError:  # it was reaped before this program took over
            pid, status = worker.pid, 0
        if not pid:
            return
        worker.listen()
        if worker.told is not None:
            os.close(worker.told)
            worker.told = None
        worker.gone = True
        self._workers.remove(worker)
        bury(worker.pid)
        if not (self._stopping or worker.leaving):
            told = {"worker": worker.slot, "status": os.waitstatus_to_exitcode(status)}
            log.error("a worker died", extra=told)
            lived = time.monotonic() - worker.begun
            self._due[worker.slot] = time.monotonic() + (RESTART_PAUSE_S if lived < LIVED_S else 0.0)

    def _replace(self) -> None:
        for slot in range(len(self._listeners)):
            if any(worker.slot == slot and not worker.leaving for worker in self._workers):
                self._due.pop(slot, None)
            elif time.monotonic() >= self._due.setdefault(slot, time.monotonic() + RESTART_PAUSE_S):
                del self._due[slot]
                self._start(slot, relieves=False)

    def _look_at_trial(self) -> None:
        if self._trial is None or not self._trial.over():
            return
        why, self._trial = self._trial.why, None
        if why:
            log.error("no rolling restart: the service would not start", extra={"why": why})
        else:
            workers = [(one.pid, one.slot, one.terminal) for one in self._workers if not one.leaving]
            try:
                Heir(self._listeners, workers, self._lifeline).take_over()
            except OSError as error:
                log.error("no rolling restart: the new program can't be run", extra={"why": str(error)})

    def _roll(self) -> Iterator[None]:
        """A new worker for each slot, one after another; yields while there is something to wait for."""
        for slot in range(len(self._listeners)):
            old = [worker for worker in self._workers if worker.slot == slot]
            new = self._start(slot, relieves=True)
            if new is None:
                return
            while not (new.ready or new.gone or time.monotonic() > new.begun + READY_MAX_S):
                yield
            if not new.ready:
                new.leaving = True
                new.tell(signal.SIGKILL)
                why = new.said.decode(errors="replace") or f"it did not get ready within {READY_MAX_S:g} s"
                log.error(
                    "the rolling restart ends here: a new worker is not ready; the old ones stay",
                    extra={"worker": slot, "why": why},
                )
                return
            yield from self._let_go(old)
            log.info("a worker was relieved", extra={"worker": slot})
        log.info("the rolling restart is done")

    def _let_go(self, old: Sequence[Worker]) -> Iterator[None]:
        for worker in old:
            worker.leaving = True
            worker.tell(signal.SIGUSR2)
        end = time.monotonic() + LEAVES_MAX_S
        while not all(worker.gone for worker in old):
            if time.monotonic() > end:
                log.error("a relieved worker did not end, and is killed", extra={"worker": old[0].slot})
                for worker in old:
                    worker.tell(signal.SIGKILL)
                end += LEAVES_MAX_S
            yield

    def _start(self, slot: int, *, relieves: bool) -> Worker | None:
        line = self._free_line()
        if self._opening is None or line is None:
            why = NO_PROGRAM if self._opening is None else NO_TERMINAL
            log.error("no worker can be started", extra={"worker": slot, "why": why})
            return None
        try:
            hears, tells, pid = _forked()
        except OSError as error:  # it would take all the other workers with it
            log.error("no worker can be started", extra={"worker": slot, "why": str(error)})
            return None
        if not pid:
            post = Post(self._lifeline[0], relieves, self._rereads)
            self._be_worker(self._opening, Seat(slot, line), tells, post)
        os.close(tells)
        made = Worker(pid, slot, self._terminals[line] if self._terminals else "", hears)
        self._workers.append(made)
        return made

    def _free_line(self) -> int | None:
        """The first that no worker has; 0 where there are none to have."""
        if not self._terminals:
            return 0
        taken = {worker.terminal for worker in self._workers}
        return next((line for line, name in enumerate(self._terminals) if name not in taken), None)

    def _be_worker(self, opening: Open, seat: Seat, tells: int, post: Post) -> None:
        """The child: serve, and leave without any of the parent's own endings."""
        status = 1
        try:
            os.close(self._lifeline[1])
            for slot, other in enumerate(self._listeners):
                if slot != seat.slot:
                    other.close()
            run_house(opening(seat), self._listeners[seat.slot], lambda _: say(tells, READY), post)
            status = 0
        except NotReady as error:
            say(tells, str(error).encode())
        except Exception as error:
            log.exception("a worker can't go on", extra={"worker": seat.slot})
            say(tells, f"{type(error).__name__}: {error}".partition("\n")[0].encode())
        finally:
            os._exit(status)


def _forked() -> tuple[int, int, int]:
    """A pipe from a new process, to read and to write, and its pid: 0 in the new one.

    Raises:
        OSError: the system gives no more descriptors, memory or processes; nothing is left open.
    """
    hears, tells = os.pipe()
    try:
        os.set_blocking(hears, False)
        return hears, tells, os.fork()
    except OSError:
        os.close(hears)
        os.close(tells)
        raise
