"""OpenTelemetry traces of turns: turn -> sessions, step, action -> SQL; and of each notice sent.

The extra `traces` brings the packages; without `[traces] endpoint` this module is not even imported. A span
carries names, counts and masked phones: no answer, no dialled string, no values of a statement, and of an
error its class only, since its text may quote what was typed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Final, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from sqlalchemy import Engine as Database

from app.actions.invoices import InThread
from app.watching.spans import Spans
from invoicing import Notice, Sender
from invoicing.storage.watch import watch_statements
from ussd_engine import Action, Call, Engine, Reply, Service, SessionStore, Turn
from ussd_engine.core.events import ActionDone
from ussd_engine.core.http import HttpAction
from ussd_engine.journal.lines import masked_msisdn
from ussd_engine.ports import Entry, HttpRunner, Journal
from ussd_engine.text.template import Value

P = ParamSpec("P")
R = TypeVar("R")
SERVICE: Final = "ussd"


class _Played:
    """A turn in progress; `since`: when its present step began, wall clock in nanoseconds; 0: in none."""

    __slots__ = ("since",)

    def __init__(self) -> None:
        self.since = 0


_played: ContextVar[_Played | None] = ContextVar("played", default=None)


class Tracing(Spans):
    """Spans of one process. Made after the fork: a provider's thread doesn't survive one."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("ussd_engine")
        self.engine_type = type("TracedEngine", (_TracedEngine,), {"tracing": self})

    @classmethod
    def to(cls, endpoint: str, share: float, worker: int) -> Tracing:
        """Send a share (0 to 1) of all traces to a collector (OTLP over HTTP, `http://host:4318/v1/traces`)."""
        resource = Resource.create({"service.name": SERVICE, "service.instance.id": str(worker)})
        provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(share)))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        return cls(provider)

    def in_thread(self, in_thread: InThread) -> InThread:
        """A thread's statements belong to the action that waits for them."""

        def run(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
            return in_thread(copy_context().run, partial(call, *args, **kwargs))

        return run

    def sender(self, sender: Sender) -> Sender:
        """Each notice sent is a trace of its own: the turn that caused it is over."""
        return _TracedSender(self, sender)

    def database(self, database: Database) -> None:
        """Each statement is a span where it serves a turn; the chores' polling is left out."""

        def began(statement: str) -> Span | None:
            if not trace.get_current_span().is_recording():
                return None
            verb = statement.split(None, 1)[0].upper()
            named = {"db.system.name": database.dialect.name, "db.query.text": statement}
            return self._tracer.start_span(f"sql {verb}", kind=SpanKind.CLIENT, attributes=named)

        def ended(span: object, error: str) -> None:
            if isinstance(span, Span):
                if error:
                    span.set_status(Status(StatusCode.ERROR, error))
                span.end()

        watch_statements(database, began, ended)

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()

    @contextmanager
    def span(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[Span]:
        """A span for as long as the block lasts; of an error it keeps the class only."""
        named = {f"ussd.{key}": value for key, value in attributes.items()}
        started = self._tracer.start_as_current_span(
            name, kind=kind, attributes=named, record_exception=False, set_status_on_exception=False
        )
        with started as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def between(self) -> None:
        """The step that went on until now is over; called where what a step asked for begins."""
        played = _played.get()
        if played is not None and played.since:
            self._tracer.start_span("step", start_time=played.since).end()
            played.since = 0

    def traced(self, action: Action) -> Action:
        """The action as a span, with the result's name."""
        function = action.function

        @wraps(function)
        async def run(call: Call, **args: Any) -> Any:
            with self.doing(action.name) as span:
                outcome = function(call, **args)
                if action.waits:
                    outcome = await outcome
                span.set_attribute("ussd.result", type(outcome).__name__)
                return outcome

        return replace(action, function=run)

    @contextmanager
    def doing(self, action: str) -> Iterator[Span]:
        """An action's span; a step ends before it and another begins after it."""
        self.between()
        try:
            with self.span(f"action {action}") as span:
                yield span
        finally:
            _step_begins()


def _step_begins() -> None:
    played = _played.get()
    if played is not None:
        played.since = time.time_ns()


class _TracedEngine(Engine):
    """An engine whose turns are spans; so are its calls to the store and the actions."""

    tracing: Tracing

    def __init__(
        self,
        service: Service,
        *,
        store: SessionStore,
        actions: Mapping[str, Action],
        journal: Journal | None = None,
        http: HttpRunner | None = None,
        **others: Any,
    ) -> None:
        spans = self.tracing
        super().__init__(
            service,
            store=_TracedStore(spans, store),
            actions={name: spans.traced(action) for name, action in actions.items()},
            journal=_TracedJournal(journal) if journal is not None else None,
            http=_TracedHttp(spans, http) if http is not None else None,
            **others,
        )

    async def handle(self, turn: Turn) -> Reply:
        whose = {"gateway": turn.gateway, "event": turn.kind.value, "msisdn": masked_msisdn(turn.msisdn)}
        played = _played.set(_Played())
        try:
            with self.tracing.span("turn", SpanKind.SERVER, **whose) as span:
                reply = await super().handle(turn)
                span.set_attribute("ussd.open", reply.open)
                return reply
        finally:
            _played.reset(played)


class _TracedStore:
    """What lies between loading, the actions and saving is the step, decoding and encoding included."""

    def __init__(self, tracing: Tracing, store: SessionStore) -> None:
        self._tracing = tracing
        self._store = store

    async def load(self, key: str) -> tuple[bytes, bytes] | None:
        if _played.get() is None:
            return await self._store.load(key)
        with self._tracing.span("sessions.load", SpanKind.CLIENT):
            loaded = await self._store.load(key)
        _step_begins()
        return loaded

    async def save(self, key: str, record: bytes, *, expect: bytes | None, ttl_s: float) -> bool:
        if _played.get() is None:
            return await self._store.save(key, record, expect=expect, ttl_s=ttl_s)
        self._tracing.between()
        with self._tracing.span("sessions.save", SpanKind.CLIENT, octets=len(record)) as span:
            saved = await self._store.save(key, record, expect=expect, ttl_s=ttl_s)
            span.set_attribute("ussd.first", saved)
            return saved

    async def close(self) -> None:
        await self._store.close()


class _TracedHttp:
    def __init__(self, tracing: Tracing, runner: HttpRunner) -> None:
        self._tracing = tracing
        self._runner = runner

    async def run(self, action: HttpAction, call: Call, args: Mapping[str, Value], at: float) -> ActionDone:
        with self._tracing.doing(action.name) as span:
            done = await self._runner.run(action, call, args, at)
            span.set_attribute("ussd.result", done.result)
            return done


class _TracedJournal:
    """Gives the turn's span the dialogue's id in the journal, the turn's number and the state."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def write(self, entry: Entry) -> None:
        trace.get_current_span().set_attributes(
            {"ussd.dialogue": entry.dialogue.hex(), "ussd.turn": entry.turn, "ussd.state": entry.state}
        )
        self._journal.write(entry)


class _TracedSender:
    def __init__(self, tracing: Tracing, sender: Sender) -> None:
        self._tracing = tracing
        self._sender = sender

    def send(self, notice: Notice) -> str:
        about = {"notice": notice.id, "template": notice.template, "msisdn": masked_msisdn(notice.recipient)}
        with self._tracing.span("sms send", SpanKind.PRODUCER, **about):
            return self._sender.send(notice)
